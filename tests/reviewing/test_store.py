"""The file of the reviews: other processes, kills, damage, and manifests that change."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count as count_up
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genmix.errors import ReviewError
from genmix.reviewing import (
    Filter,
    Store,
    count,
    counts,
    decide,
    draw_sample,
    drawn_sample,
    history,
    page,
    review_report,
    take,
)
from genmix.reviewing import store as store_module
from tests.reviewing.outputs import row, write_output

WRITER = """
import sys, time
from genmix.reviewing import Filter, Store, count, decide, take

out, reviewer, statuses = sys.argv[1:]
wanted = Filter(unseen_by=reviewer) if statuses == "all" else Filter(statuses=("undecided",))
with Store(out) as store:
    print("open", flush=True)
    sys.stdin.readline()
    while count(store, wanted):
        if (item := take(store, reviewer, wanted)) is None:  # the other looks at the last
            time.sleep(0.005)
            continue
        verdict = "accept" if item.position % 3 else "reject"
        decide(store, reviewer, item.output, item.output_sha256, verdict)
        print(item.output, flush=True)
"""


def writer(out: Path, reviewer: str, wanted: str = "all") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(out), reviewer, wanted],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def start(*writers: subprocess.Popen[str]) -> None:
    """Let writers begin together, once all have opened the reviews."""
    for process in writers:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def test_two_who_review_all_at_once_lose_nothing(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(500)])
    writers = [writer(out, name) for name in ("anna", "ben")]
    start(*writers)
    printed = [process.communicate()[0].split() for process in writers]
    assert [process.returncode for process in writers] == [0, 0]
    assert [len(set(outputs)) for outputs in printed] == [500, 500]
    with Store(out) as store:
        assert review_report(store).reviewers == {"anna": 500, "ben": 500}
        assert counts(store, "status") == {"accepted": 334, "rejected": 166}
        for item in page(store, size=500):
            assert sorted(d.reviewer for d in history(store, item.output)) == ["anna", "ben"]


def test_two_who_share_the_work_do_each_picture_once(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(200)])
    writers = [writer(out, name, "undecided") for name in ("anna", "ben")]
    start(*writers)
    printed = [process.communicate()[0].split() for process in writers]
    assert len(printed[0]) + len(printed[1]) == 200
    assert not set(printed[0]) & set(printed[1])


def test_opening_a_new_file_waits_for_whoever_writes_it(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(0)])
    other = sqlite3.connect(out / "reviews.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ending = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    ending.start()
    with Store(out) as store:
        assert counts(store, "status") == {"undecided": 1}
    ending.join()
    other.close()


def test_whoever_is_killed_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(400)])
    confirmed: list[str] = []
    for lines in (1, 30):
        process = writer(out, "anna")
        start(process)
        assert process.stdout is not None
        confirmed += [process.stdout.readline().strip() for _ in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
        confirmed += process.communicate()[0].split()
        assert process.returncode == -signal.SIGKILL
    assert len(set(confirmed)) == len(confirmed) < 400
    with Store(out) as store:
        decided = {item.output for item in page(store, size=400) if item.reviewers}
        assert set(confirmed) <= decided
        assert len(decided - set(confirmed)) <= 2  # on the disk, and killed before it was said
        assert take(store, "ben", Filter(unseen_by="anna")) is not None


def test_all_may_open_new_reviews_at_the_same_moment(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(50)])
    failures: list[BaseException] = []
    together = threading.Barrier(8)

    def review(name: str) -> None:
        try:
            together.wait()
            with Store(out) as store:
                item = page(store)[0]
                decide(store, name, item.output, item.output_sha256, "accept")
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=review, args=(f"no. {k}",)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store(out) as store:
        assert page(store)[0].reviewers == 8


def test_threads_may_share_an_open_store(tmp_path: Path) -> None:
    with Store(write_output(tmp_path / "out", [row(k) for k in range(60)])) as store:

        def review(name: str) -> None:
            while count(store, mine := Filter(unseen_by=name)):
                if (item := take(store, name, mine)) is not None:
                    decide(store, name, item.output, item.output_sha256, "accept")

        threads = [threading.Thread(target=review, args=(name,)) for name in ("anna", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert review_report(store).reviewers == {"anna": 60, "ben": 60}


def test_decisions_outlive_a_new_manifest_where_the_picture_is_the_same(tmp_path: Path) -> None:
    rows = [row(k) for k in range(12)]
    with Store(write_output(tmp_path / "out", rows)) as store:
        for item in page(store):
            decide(store, "anna", item.output, item.output_sha256, "reject")
        draw_sample(store, 5, seed=3)
        sample = {item.output for item in page(store, Filter(sample=True))}
        rows[0] |= {"output_sha256": "f" * 64}
        rows[1] |= {"screen_blank": 4.1}
        write_output(store.out, rows[:9])
        assert counts(store, "status") == {"rejected": 8, "undecided": 1}
        assert page(store)[0].output == rows[1]["output"]
        assert review_report(store).outdated == 4
        assert drawn_sample(store) is not None
        now = {item.output for item in page(store, Filter(sample=True))}
        left = {one["output"] for one in rows[:9]}
        assert len(now) == 5
        assert sample & left <= now
        write_output(store.out, [row(k) for k in range(12)])
        assert counts(store, "status") == {"rejected": 12}
        assert review_report(store).outdated == 0


def test_while_there_is_no_manifest_the_last_one_counts(tmp_path: Path) -> None:
    with Store(write_output(tmp_path / "out", [row(0)])) as store:
        (store.out / "manifest.parquet").unlink()
        item = page(store)[0]
        decide(store, "anna", item.output, item.output_sha256, "accept")
        with Store(store.out) as again:
            assert counts(again, "status") == {"accepted": 1}


def test_a_full_disk_is_said_and_nothing_that_was_confirmed_is_lost(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(6)])
    with Store(out) as store:
        item = page(store)[0]
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        confirmed = 0

        def reject_for_ever() -> None:
            nonlocal confirmed
            for number in count_up():
                reason = f"{number} " * 200
                decide(store, "anna", item.output, item.output_sha256, "reject", reason=reason)
                confirmed += 1

        with pytest.raises(ReviewError, match="the disk is full: free some space; what was conf"):
            reject_for_ever()
        assert confirmed > 2
        assert len(history(store, item.output)) == confirmed
        store._connection.execute("PRAGMA max_page_count = 1000000")
        decide(store, "anna", item.output, item.output_sha256, "accept")
        assert len(history(store, item.output)) == confirmed + 1


def test_decisions_are_never_changed_or_deleted(tmp_path: Path) -> None:
    with Store(write_output(tmp_path / "out", [row(0)])) as store:
        item = page(store)[0]
        decide(store, "anna", item.output, item.output_sha256, "accept")
        for command in ("UPDATE decisions SET verdict = 'reject'", "DELETE FROM decisions"):
            with pytest.raises(ReviewError, match="decisions are only added"), store.writing() as c:
                c.execute(command)


def test_a_column_that_is_not_known_here_does_no_harm(tmp_path: Path) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(3)])
    table = pq.read_table(out / "manifest.parquet")
    table = table.append_column('screen_o"dd', pa.array([3.0, 1.0, 2.0]))
    pq.write_table(table.append_column("more", pa.array(["x"] * 3)), out / "manifest.parquet")
    with Store(out) as store:
        found = page(store, Filter(scores={'o"dd': (2, 3)}))
        assert Counter(item.scores['o"dd'] for item in found) == {2.0: 1, 3.0: 1}
        assert count(store) == 3


def other_program(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()


def newer_genmix(path: Path) -> None:
    Store(path.parent).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()


def torn(path: Path) -> None:
    Store(path.parent).close()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def garbled(path: Path) -> None:
    Store(path.parent).close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def look_at(out: Path) -> None:
    with Store(out) as store:
        page(store)
        counts(store, "label")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"no database at all" * 400), "it is no file of reviews"),
        (other_program, "is no file of genmix reviews: move it away"),
        (newer_genmix, "written by another genmix .its format is 7, this one reads 1"),
        (torn, "it is damaged"),
        (garbled, "it is damaged"),
        (lambda path: path.mkdir(), "is a folder and no file of reviews: move it away"),
        (lambda path: (path.parent / "manifest.parquet").write_bytes(b"PAR1"), "cannot read .*man"),
    ],
)
def test_a_file_that_is_foreign_or_damaged_gives_one_clear_line_and_stays_as_it_is(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    out = write_output(tmp_path / "out", [row(k) for k in range(200)])
    path = out / "reviews.sqlite"
    damage(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(ReviewError, match=message) as caught:
        look_at(out)
    assert len(str(caught.value).splitlines()) == 1
    assert str(out) in str(caught.value)
    assert before in {b"", path.read_bytes() if path.is_file() else b""}


def test_an_output_that_is_not_finished_has_no_reviews(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(
        ReviewError, match=r"is no finished output .* run genmix augment to its end"
    ):
        Store(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_another_program_keeps_locked_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE_S", 0.1)
    with Store(write_output(tmp_path / "out", [row(0)])) as store:
        item = page(store)[0]
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ReviewError, match="another program keeps it locked: close that one"):
            decide(store, "anna", item.output, item.output_sha256, "accept")
        assert page(store) == [item]
        other.execute("ROLLBACK")
        other.close()
        decide(store, "anna", item.output, item.output_sha256, "accept")
