"""The notebooks run from top to bottom, offline, and both languages are one notebook.

The English ones are run. The Japanese ones have the same code, which is asserted, so running them
too would only take twice the time.
"""

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FIGURES = {"mixup": 7, "genmix": 10}
NAMES = list(FIGURES)

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
WORDS = "words"
"""The cell that holds what the code shows to people, in their language."""


@pytest.mark.parametrize("name", NAMES)
def test_runs_offline_and_draws_its_figures(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = read(f"{name}.ipynb")
    work_offline(monkeypatch, tmp_path)

    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()

    installing = code_cells(notebook)[0].outputs
    assert "ERROR" not in "".join(output.text for output in installing)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(figures) == FIGURES[name]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@pytest.mark.parametrize("name", NAMES)
def test_languages_have_the_same_code_and_the_same_cells(name: str) -> None:
    english, japanese = read(f"{name}.ipynb"), read(f"{name}.ja.ipynb")

    assert [cell.id for cell in english.cells] == [cell.id for cell in japanese.cells]
    assert sources(english) == sources(japanese)
    assert words(english).keys() == words(japanese).keys()


@pytest.mark.parametrize("name", NAMES)
def test_all_prose_of_the_japanese_one_is_japanese(name: str) -> None:
    prose = [c for c in read(f"{name}.ja.ipynb").cells if c.cell_type == "markdown"]
    paragraphs = [p for c in prose for p in c.source.split("\n\n") if is_prose(p)]

    assert paragraphs
    assert [p for p in paragraphs if not JAPANESE.search(p)] == []


@pytest.mark.parametrize(
    "name", [f"{name}{end}" for name in NAMES for end in (".ipynb", ".ja.ipynb")]
)
def test_is_kept_without_outputs(name: str) -> None:
    notebook = read(name)

    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert all(c.outputs == [] and c.execution_count is None for c in code_cells(notebook))


@pytest.mark.parametrize("name", NAMES)
def test_begins_with_what_colab_needs(name: str) -> None:
    first = code_cells(read(f"{name}.ipynb"))[0]

    assert first.source.startswith('%pip install -q "genmix[torch,demo]"')


def read(name: str) -> NotebookNode:
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    return nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in code_cells(notebook) if cell.id != WORDS]


def words(notebook: NotebookNode) -> dict[str, Any]:
    (cell,) = (cell for cell in code_cells(notebook) if cell.id == WORDS)
    (assignment,) = ast.parse(cell.source).body
    assert isinstance(assignment, ast.Assign)
    values: dict[str, Any] = ast.literal_eval(assignment.value)
    return values


def is_prose(paragraph: str) -> bool:
    return not paragraph.startswith(("# ", "$$", "```"))


def work_offline(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the kernel reach no network, see nobody's settings and write only into a folder.

    The first cell runs as well: pip finds installed all it is asked for, and looks no further. The
    cache is the test run's own (see conftest).
    """
    nowhere = "http://127.0.0.1:9"
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    for name in ("TMPDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(folder))
