# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Processes that run the tests.
JOBS   ?= 2

# What the tests drive beside Python: a browser, a reader of metadata, one of PDF, a Japanese font.
PROGRAMS := chromium exiftool pdftoppm
PACKAGES := chromium libimage-exiftool-perl poppler-utils fonts-ipaexfont

.PHONY: demo test check programs bench bench-gpu

demo: $(VENV)/demo.installed  ## Install, run the main job on real photos, show the result.
	$(BIN)/genmix demo -o demo-output

test: check programs  ## Install, check and run every test.
	$(BIN)/python -m pytest --cov --numprocesses $(JOBS) --dist worksteal

check: $(VENV)/dev.installed  ## Format, lint, types and import rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

programs:  ## The programs that the tests drive, from Debian's packages when root.
	@for program in $(PROGRAMS); do command -v $$program >/dev/null || missing=yes; done; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(PACKAGES); \
	else \
		echo "the tests drive $(PROGRAMS): sudo apt-get install $(PACKAGES)"; exit 1; \
	fi

bench: $(VENV)/dev.installed  ## Speed, as ratios against a peer or a floor in one run.
	$(BIN)/python -m benchmarks.run

bench-gpu: $(VENV)/dev.installed  ## Editing with a full-size diffusion model, on a CUDA GPU.
	$(BIN)/python -m benchmarks.gpu_editing

$(VENV)/%.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
