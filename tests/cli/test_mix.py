"""`genmix mix` as its users meet it."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from click.testing import CliRunner, Result

from genmix.cli import main
from genmix.images import decode
from genmix.mixing.picturing import METHODS


def mix(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["mix", *map(str, arguments)])


@pytest.fixture
def two(photos: Path) -> list[Path]:
    """Two photos of two classes."""
    return [min(folder.iterdir()) for folder in sorted(photos.iterdir())[:2]]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(photos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The folder of photos at an address."""
    monkeypatch.setenv("no_proxy", "*")
    handler = partial(_Quiet, directory=str(photos))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_two_pictures_give_a_sheet_of_mixup(two: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "sheets" / "mixup.png"
    done = mix(*two, "-o", out, "--lambdas", "0,0.5,1", "--size", "64")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"Look at  {out}\n"
    assert done.stderr == ""
    sheet = decode(out.read_bytes())
    assert 3 * 64 < sheet.shape[1] < 4 * 64
    assert sheet.std() > 20


def test_all_methods_are_on_one_sheet_and_the_same_seed_gives_the_same_bytes(
    photos: Path, tmp_path: Path
) -> None:
    sheets = []
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        done = mix(
            photos, "-o", tmp_path / name, "--method", "all", "--lambdas", "0.4", "--size", "64",
            "--seed", seed,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        sheets.append((tmp_path / name).read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]
    assert decode(sheets[0]).shape[0] > len(METHODS) * 64


def test_methods_can_be_chosen(two: list[Path], tmp_path: Path) -> None:
    heights = []
    for method in ("cutmix", "CutMix, mixup", "cutmix,mixup,cutmix"):
        done = mix(*two, "-o", tmp_path / "out.png", "--method", method, "--size", "64")
        assert done.exit_code == 0, done.output
        heights.append(decode((tmp_path / "out.png").read_bytes()).shape[0])
    assert heights[0] < heights[1] == heights[2]


def test_files_folders_and_addresses_may_be_mixed_and_failures_are_named(
    photos: Path, two: list[Path], served: str, tmp_path: Path
) -> None:
    address = f"{served}/{two[1].relative_to(photos)}"
    gone = f"{served}/gone.jpg"
    done = mix(
        gone, "none.jpg", two[0], address, photos, "-o", tmp_path / "out.png", "--size", "64"
    )
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == [
        f"warning: {gone}: the server answers 404 Not Found",
        "warning: none.jpg: cannot be read: No such file or directory",
    ]
    assert decode((tmp_path / "out.png").read_bytes()).shape[0] > 9 * 64


def test_one_picture_left_is_enough(two: list[Path], tmp_path: Path) -> None:
    done = mix("none.jpg", two[0], "-o", tmp_path / "out.png", "--size", "64")
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == [
        "warning: none.jpg: cannot be read: No such file or directory",
        f"there is one picture: {two[0].stem} is mixed with itself, turned upside down",
    ]
    assert np.ptp(decode((tmp_path / "out.png").read_bytes())) > 100


def test_none_left_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    done = mix("none.jpg", tmp_path, "-o", tmp_path / "out.png")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "warning: none.jpg: cannot be read: No such file or directory",
        f"warning: {tmp_path}: there is no picture in it",
        "Error: there is no picture to use: give a file, a folder or an http(s) address of one",
    ]
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing option '-o'"),
        (["--method", "mixpu"], "there is no method 'mixpu'; did you mean 'mixup'"),
        (["--method", "all,mixpu"], "there is no method 'mixpu'; did you mean 'mixup'"),
        (["--method", "mixup,"], "there is no method ''; known: mixup, cutmix"),
        (["--method", "genmix"], "genmix needs edits: use genmix preview"),
        (["--lambdas", "0,half,1"], "'0,half,1' are no numbers with commas between, e.g. 0,0.5,1"),
        (["--lambdas", " "], "' ' are no numbers with commas between"),
        (["--lambdas", "0.5,1.5"], "λ is 1.5: each must lie in [0, 1]"),
        (["--lambdas", "-0.1"], "λ is -0.1: each must lie in [0, 1]"),
        (["--lambdas", "nan"], "λ is nan: each must lie in [0, 1]"),
        (["--lambdas", "0" + ",1" * 24], "25 are too many: give up to 24"),
        (["--size", "63"], "63 is not in the range"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    two: list[Path], tmp_path: Path, arguments: list[str], words: str
) -> None:
    out = ["-o", str(tmp_path / "out.png")] if arguments else []
    done = mix(*two, *out, *arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert not (tmp_path / "out.png").exists()


def test_help_shows_examples_within_80_columns() -> None:
    shown = mix("--help")
    assert "genmix mix cat.jpg dog.jpg -o sheet.png" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


def test_without_torch_one_line_names_the_extra(two: list[Path], tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from genmix.cli import main; main()"
    command = [sys.executable, "-c", code, "mix", *map(str, two), "-o", str(tmp_path / "out.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: genmix mix needs an extra: pip install 'genmix[torch]'\n"
