"""Worker processes end when they are told to, and clean up; those that die say why."""

import multiprocessing.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from genmix.errors import GenmixError
from genmix.processes import worker_pool
from genmix.storage import write_whole

_PROMPTLY = 8.0
"""Seconds; service managers kill after ten."""


def _write_slowly(path: Path) -> None:
    """Be caught halfway through a file, as a worker at its pictures may be."""
    try:
        path.write_text("half of it")
        time.sleep(60)
    finally:
        path.unlink()


def _cannot_be_disturbed(path: Path) -> None:
    """Do one thing that no signal ends, as a long call into a library may be."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write_whole(path, b"begun")
    time.sleep(60)


def test_a_task_under_way_ends_at_once_and_removes_what_it_was_writing(tmp_path: Path) -> None:
    assert _seconds_to_end(_write_slowly, tmp_path / "file") < _PROMPTLY
    assert not (tmp_path / "file").exists()


def test_a_task_that_does_not_end_is_killed(tmp_path: Path) -> None:
    assert _seconds_to_end(_cannot_be_disturbed, tmp_path / "file") < _PROMPTLY


def test_tasks_are_not_cut_short_where_nothing_went_wrong() -> None:
    with worker_pool(2) as pool:
        waiting = [pool.submit(pow, 2, k) for k in range(8)]
    assert [future.result() for future in waiting] == [1, 2, 4, 8, 16, 32, 64, 128]


def test_a_process_that_dies_is_one_line_which_says_what_to_do() -> None:
    with (
        pytest.raises(GenmixError, match=r"was killed, most likely .* with fewer --jobs"),
        worker_pool(1, option="--jobs") as pool,
    ):
        pool.submit(os._exit, 1).result()


def test_a_script_that_processes_cannot_import_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from genmix.processes import worker_pool\n"
        "with worker_pool(1) as pool:\n"
        "    pool.submit(pow, 2, 3).result()\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert 'must call this under `if __name__ == "__main__":`' in ran.stderr.splitlines()[-1]


def test_handlers_of_a_program_that_python_is_embedded_in_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed: list[object] = []
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    monkeypatch.setattr(signal, "signal", lambda *both: changed.append(both))
    with worker_pool(1) as pool:
        assert pool.submit(pow, 2, 3).result() == 8
    assert not changed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_just_starting_ends_without_a_word(
    number: signal.Signals, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, go, begin = worker_pool(1), threading.Event(), multiprocessing.util.spawnv_passfds
    started: list[int] = []

    def send() -> None:
        go.wait()
        signal.raise_signal(number)

    other = threading.Thread(target=send)
    other.start()

    def interrupted(*arguments: Any) -> int:
        started.append(begin(*arguments))
        go.set()  # the signal comes, to another thread, before the process knows what to do
        other.join()
        return started[0]

    monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", interrupted)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), pool:
            pool.submit(pow, 2, 2)
    finally:
        signal.signal(signal.SIGTERM, before)
    with suppress(ChildProcessError):  # it was waited for
        os.waitpid(started[0], 0)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("all_of_them", [True, False], ids=["its group", "the first"])
def test_a_service_manager_need_not_kill_what_draws_large_fractals(
    tmp_path: Path, all_of_them: bool
) -> None:
    command = [
        sys.executable, "-m", "genmix", "fractals", "-n", "64", "-o", str(tmp_path / "out"),
        "--size", "2048", "--workers", "2",
    ]  # fmt: skip
    cache = tmp_path / "cache"
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "GENMIX_CACHE": str(cache)},
    )
    while not list(cache.rglob("*.part/*")):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(1)  # the processes are at work
    began = time.monotonic()
    (os.killpg if all_of_them else os.kill)(process.pid, signal.SIGTERM)
    told = process.communicate()[1]
    assert time.monotonic() - began < _PROMPTLY
    assert process.returncode == 143
    assert told.splitlines() == ["stopped; run the same command again to go on"]
    assert not list(cache.rglob("*.part"))


def _seconds_to_end(task: Callable[[Path], None], file: Path) -> float:
    """Interrupt a task that has begun to write `file`."""
    with suppress(KeyboardInterrupt), worker_pool(2) as pool:
        pool.submit(task, file)
        while not file.exists():
            time.sleep(0.01)
        began = time.monotonic()
        raise KeyboardInterrupt
    return time.monotonic() - began
