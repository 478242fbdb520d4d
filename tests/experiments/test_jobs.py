"""Runs side by side: the same numbers, and processes that end when they should."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from genmix.errors import ExperimentError, GenmixError, TrainingError
from genmix.experiments.arms import parse_arm
from genmix.experiments.bench import CompareSettings
from genmix.experiments.compare import Status, compare
from genmix.experiments.parallel import run_side_by_side, threads_of
from genmix.experiments.running import Planned
from genmix.experiments.runs import ExperimentFolder, Task
from tests.experiments.test_compare import arms_of, changed, results

STEPS = 300
"""Of runs that are stopped in the middle: a few seconds."""


@pytest.fixture(scope="module")
def alone(settings: CompareSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the runs measure that are stopped elsewhere, one after the other and in one go."""
    out = tmp_path_factory.mktemp("alone") / "out"
    compare(changed(settings, steps=STEPS), "baseline,mixup", out, seeds=2)
    return results(out)


@contextmanager
def started(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command as a terminal would, in a group of its own, which is gone afterwards."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=file, start_new_session=True
        )
        try:
            yield process
            process.wait(300)
            until(lambda: not is_alive(process.pid))
        finally:
            if is_alive(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def until(what: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def under_way(log: Path, runs: int) -> bool:
    """Tell whether so many runs train."""
    lines = log.read_text().splitlines()
    return sum(": training" in line for line in lines) >= runs


def test_two_at_a_time_measure_what_one_after_the_other_measures(
    place: Path, settings: CompareSettings, tmp_path: Path
) -> None:
    one = compare(settings, arms_of(place), tmp_path / "1", seeds=2, edits=place / "edits")
    said: list[Status] = []
    two = compare(
        settings,
        arms_of(place),
        tmp_path / "2",
        seeds=2,
        edits=place / "edits",
        jobs=2,
        progress=said.append,
    )
    assert results(tmp_path / "2") == results(tmp_path / "1")
    assert [run.scores for run in two.runs] == [run.scores for run in one.runs]
    assert two.about["threads"] == one.about["threads"] == [1]
    assert not (tmp_path / "2" / "work").exists()
    assert [status.done for status in said] == sorted(status.done for status in said)
    assert {status.job for status in said} <= {0, 1}
    finished = [status for status in said if status.stage == "finished"]
    assert sorted(status.run for status in finished) == [1, 2, 3, 4, 5, 6]
    assert (finished[-1].done, finished[-1].seconds_left) == (6, 0.0)


def test_stopped_and_then_killed_no_process_stays_and_the_numbers_are_the_same(
    place: Path, alone: dict[str, object], tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    command = [
        sys.executable, "-m", "genmix", "compare", str(place / "photos"), "-o", str(out),
        "--target", str(place / "drawings"), "--arms", "baseline,mixup", "--seeds", "2",
        "--model", "test_resnet", "--weights", "scratch", "--size", "32", "--steps", str(STEPS),
        "--batch-size", "8", "--workers", "1", "--jobs", "2",
    ]  # fmt: skip
    with started(command, log) as process:
        until(lambda: under_way(log, 2))
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to every process
    assert process.returncode == 130
    assert log.read_text().splitlines()[-1] == "stopped; run the same command again to go on"
    assert "Traceback" not in log.read_text()
    assert list(out.glob("work/*/*/*/training/.genmix/state.pt"))
    with started(command, log) as process:
        until(lambda: under_way(log, 2))
        process.terminate()  # as a scheduler does: the first process alone
    assert process.returncode == 143
    said = log.read_text().splitlines()
    assert said[-1] == "stopped; run the same command again to go on"
    assert all(line.startswith("run ") for line in said[:-1]), "a process has more to say"
    with started(command, log) as process:
        until(lambda: under_way(log, 2))
        process.kill()
    assert len(results(out)) < 4
    subprocess.run(command, check=True, capture_output=True)
    assert results(out) == alone


def test_an_error_in_a_run_is_the_comparisons_and_no_process_says_more(
    settings: CompareSettings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wild = changed(settings, optimizer="sgd", lr=1e30)
    with pytest.raises(TrainingError, match=r"^(baseline|mixup), seed [01]: the loss is "):
        compare(wild, "baseline,mixup", tmp_path / "out", seeds=2, jobs=2)
    assert capfd.readouterr() == ("", "")
    assert active_children() == []
    assert results(tmp_path / "out") == {}


def test_a_job_that_dies_is_named_and_none_is_left(
    settings: CompareSettings, tmp_path: Path
) -> None:
    def kill(status: Status) -> None:
        if status.stage == "training":
            active_children()[0].kill()

    with pytest.raises(GenmixError, match=r"a worker process was killed.* with fewer --jobs"):
        compare(settings, "baseline", tmp_path / "out", seeds=4, jobs=2, progress=kill)
    assert active_children() == []


class Stuck:
    """Stands for a runner whose step has no end."""

    def run(self, planned: Planned, tell: Callable[[Status], None]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tell(planned.status)
        time.sleep(600)


def test_a_second_ctrl_c_does_not_wait() -> None:
    def press_twice(_: Status) -> None:
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        raise KeyboardInterrupt

    began = time.monotonic()
    todo = [Planned(Task(parse_arm("baseline"), None, 0), Status(1, 1, "baseline", "training"))]
    with pytest.raises(KeyboardInterrupt):
        run_side_by_side(Stuck, todo, 2, press_twice)
    until(lambda: not active_children())
    assert time.monotonic() - began < 500


def test_no_jobs_are_refused(settings: CompareSettings, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="jobs is 0: give 1 or more"):
        compare(settings, "baseline", tmp_path / "out", jobs=0)


def test_jobs_share_the_processors_unless_the_user_says_how_many_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert [threads_of(jobs) for jobs in (2, 3, 8, 20)] == [4, 2, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads_of(2) == torch.get_num_threads()


def test_a_run_that_went_on_with_other_threads_says_so(tmp_path: Path) -> None:
    folder, task = ExperimentFolder(tmp_path), Task(parse_arm("baseline"), None, 0)
    assert folder.note_threads(task, 2) == [2]
    assert folder.note_threads(task, 1) == folder.note_threads(task, 2) == [1, 2]
    folder.finish(task, {"threads": [1, 2]}, [])
    assert folder.note_threads(task, 4) == [4]
