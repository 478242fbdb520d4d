"""`genmix serve` and runs that use it, as processes: killed, started again, and equal to home."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from genmix.cli import main
from genmix.datasets.manifest import read_rows
from genmix.jobs import augment
from genmix.recipe import Recipe
from tests.jobs.outputs import contents
from tests.serving.servers import PATIENCE_SECONDS, serve_process, wait_until


def start_run(photos: Path, folder: Path, recipe: Path, name: str) -> subprocess.Popen[str]:
    command: list[str | Path] = [
        sys.executable, "-m", "genmix", "augment", photos, "-o", folder / name, "--recipe", recipe,
        "--edits", folder / f"edits-{name}", "--workers", "2",
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def edits_of(folder: Path, name: str) -> int:
    return len(list((folder / f"edits-{name}").rglob("*.jpg")))


def write_recipe(folder: Path, recipe: Recipe, editor: str, timeout: float) -> Path:
    settings = {"connections": 1, "timeout": timeout}
    path = folder / f"{timeout}.yaml"
    path.write_text(recipe.changed(editor={"name": editor, "settings": settings}).to_yaml())
    return path


def test_a_server_killed_in_the_middle_of_a_run_and_started_again_changes_nothing(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    recipe = small.changed(variants=4)
    planned = 12 * 2 * 4
    augment(photos, tmp_path / "home", recipe, edits=tmp_path / "edits-home")
    with serve_process() as (server, address):
        port = int(address.rpartition(":")[2])
        patient = write_recipe(tmp_path, recipe, address, 300)
        hasty = write_recipe(tmp_path, recipe, address, 1)
        waits = start_run(photos, tmp_path, patient, "waits")
        fails = start_run(photos, tmp_path, hasty, "fails")
        wait_until(lambda: min(edits_of(tmp_path, "waits"), edits_of(tmp_path, "fails")) > 0)
        server.kill()
    told = fails.communicate(timeout=PATIENCE_SECONDS)[1]
    assert fails.returncode == 1
    assert told.splitlines()[-1].startswith(f"Error: gave up on the server at {address} (")
    assert "run the same command again" in told
    assert "Traceback" not in told
    before = edits_of(tmp_path, "fails")
    assert 0 < before < planned
    with serve_process(port):
        assert waits.communicate(timeout=PATIENCE_SECONDS)[1].count("no answer from") == 1
        again = start_run(photos, tmp_path, hasty, "fails")
        again.communicate(timeout=PATIENCE_SECONDS)
    assert (waits.returncode, again.returncode) == (0, 0)
    at_home = made(tmp_path / "home")
    assert len(at_home) > planned
    assert made(tmp_path / "waits") == made(tmp_path / "fails") == at_home


def made(out: Path) -> dict[str, object]:
    """Everything but what names the editor's address."""
    files = {path: sha for path, sha in contents(out).items() if path.startswith("images/")}
    return {**files, **{str(k): row for k, row in enumerate(read_rows(out / "manifest.parquet"))}}


def test_ctrl_c_ends_a_run_that_waits_for_a_server_at_once(
    photos: Path, small: Recipe, tmp_path: Path
) -> None:
    with serve_process() as (server, address):
        recipe = write_recipe(tmp_path, small.changed(variants=20), address, 300)
        run = start_run(photos, tmp_path, recipe, "out")
        wait_until(lambda: edits_of(tmp_path, "out") > 0)
        os.kill(server.pid, signal.SIGSTOP)  # accepts, and never answers
        run.send_signal(signal.SIGINT)
        told = run.communicate(timeout=PATIENCE_SECONDS)[1]
    assert run.returncode == 130
    assert told.splitlines()[-1] == "stopped; run the same command again to go on"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "0.0.0.0"], 2, "there is no API key: set GENMIX_API_KEY"),
        (["--host", "gpu.example"], 2, "there is no API key"),
        (["--api-key-file", "none.txt"], 2, "cannot read the API keys in none.txt"),
        (["--api-key-file", os.devnull], 2, "write one a line"),
        (["--editor-set", "steps"], 2, "write KEY=VALUE"),
        (["--queue", "3"], 2, "too short for a request of --max-pictures 16"),
        (["--editor", "procedral", "--port", "0"], 1, "did you mean 'procedural'"),
        (["--editor-set", "steps=4", "--port", "0"], 1, "steps"),
        (["--host", "203.0.113.7", "--api-key-file", "{keys}"], 1, "cannot listen at 203.0.113.7"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENMIX_API_KEY", raising=False)
    (tmp_path / "keys.txt").write_text("first\n\nsecond\n")
    filled = [a.format(keys=tmp_path / "keys.txt") for a in arguments]
    before = signal.getsignal(signal.SIGTERM)
    try:
        told = CliRunner().invoke(main, ["serve", *filled])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told.exit_code == code
    assert words in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_keys_come_from_a_file_and_settings_from_the_command_line(tmp_path: Path) -> None:
    import httpx

    (tmp_path / "keys").write_text("first\nsecond\n")
    with serve_process(0, "--api-key-file", str(tmp_path / "keys"), "--strength", "0.5") as (
        _,
        address,
    ):
        for key, status in (("first", 200), ("second", 200), ("third", 401)):
            headers = {"Authorization": f"Bearer {key}"}
            told = httpx.get(f"{address}/v1/models", headers=headers, timeout=PATIENCE_SECONDS)
            assert told.status_code == status
            if status == 200:
                assert told.json()["data"][0]["genmix"]["strength"] == 0.5
