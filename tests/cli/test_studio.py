"""`genmix studio` as a process: it says where it is, ends when told, and lets in whom it should."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from genmix.cli import main


def test_it_says_its_address_answers_there_and_ends_cleanly(photos: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genmix", "studio", str(photos), "-o", str(tmp_path / "out"),
               "--port", "0", "--lang", "ja", "--auth", "anna:secret"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = process.stderr.readline().split("open ")[1].strip()
            page = httpx.get(f"{address}/prompts", auth=("anna", "secret"), timeout=60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()

    assert '<html lang="ja">' in page.text
    assert "closed" in said
    assert "Traceback" not in said
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "there is no password"),
        (["--auth", "anna"], "USER:PASSWORD"),
        (["--auth", ":x"], "USER:PASSWORD"),
        (["--auth-file", "no-such-file"], "cannot read the password"),
        (["--editor", "no-such-editor"], "there is no editor"),
        (["--lang", "fr"], "'ja', 'en'"),
        (["--results", "no-such-folder"], "'no-such-folder' does not exist"),
    ],
)
def test_what_cannot_be_opened_is_told_in_a_line(
    photos: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    out = ["studio", str(photos), "-o", str(tmp_path / "out")]
    result = CliRunner(env={"GENMIX_STUDIO_AUTH": None}).invoke(main, [*out, *arguments])

    assert result.exit_code in {1, 2}
    assert words in result.output


def test_a_port_that_is_taken_is_told_in_a_line(photos: Path, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["studio", str(photos), "-o", str(tmp_path / "out"), "--port", port]
        result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 1
    assert "choose another --host or --port" in result.output
