"""Where nothing more can be written: one line, and the same command goes on when there is room.

A limit on the size of files stands for the end of the disk: the writes of a real process fail.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from genmix.cli import main

LIMITED = """
import resource, sys
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
from genmix.cli import main
main()
"""


@pytest.mark.parametrize(
    ("verb", "most", "more"),
    [
        pytest.param("train", 2048, [], id="the log of a training"),
        pytest.param("compare", 100_000, ["--arms", "baseline", "--seeds", "1"], id="a model"),
    ],
)
def test_what_cannot_be_written_is_one_line_and_the_same_command_goes_on(
    photos: Path, tmp_path: Path, verb: str, most: int, more: list[str]
) -> None:
    arguments = [
        verb, str(photos), "-o", str(tmp_path / "out"), "--model", "test_resnet", "--weights",
        "scratch", "--size", "32", "--steps", "40", "--batch-size", "8", "--workers", "0", *more,
    ]  # fmt: skip
    if verb == "compare":
        arguments[arguments.index("--workers") + 1] = "1"
    command = [sys.executable, "-c", LIMITED, str(most), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if "Error" in line] == [
        done.stderr.splitlines()[-1]
    ]
    assert "Traceback" not in done.stderr
    assert f"Error: a file would be larger than is allowed at {tmp_path / 'out'}" in done.stderr
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 0, again.output
