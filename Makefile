# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check bench bench-gpu

demo: $(VENV)/demo.installed  ## Install, run the main job on real photos, show the result.
	$(BIN)/genmix demo -o demo-output

test: check  ## Install, check and run every test.
	$(BIN)/python -m pytest --cov

check: $(VENV)/dev.installed  ## Format, lint, types and import rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.installed  ## Speed, as ratios against a peer or a floor in one run.
	$(BIN)/python -m benchmarks.run

bench-gpu: $(VENV)/dev.installed  ## Editing with a full-size diffusion model, on a CUDA GPU.
	$(BIN)/python -m benchmarks.gpu_editing

$(VENV)/%.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
