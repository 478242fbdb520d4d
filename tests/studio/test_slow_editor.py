"""An editor that takes its time: its progress is shown, and stopping it really stops it."""

import re
import threading
import time
from pathlib import Path

import pytest

from genmix.errors import EditorError
from genmix.studio.editors import EditorBench
from genmix.studio.work import BusyError, StoppedError, Work, Workshop, outcome
from tests.serving.servers import CountingEditor, serving, wait_until
from tests.studio.test_pages import MIX, finished
from tests.studio.visitors import Visitor, open_studio


def test_a_slow_edit_is_watched_and_stopped_and_the_next_one_is_made(
    photos: Path, tmp_path: Path
) -> None:
    editor = CountingEditor()
    with serving(editor) as address:
        app = open_studio(photos, tmp_path / "out", editor=address, edits=tmp_path / "edits")
        with Visitor(app) as visitor:
            visitor.sign_in().submit("/mix/open", {"recipe": "quick"})
            editor.open_gate.clear()
            asked = {"seed": "1", "strength": "100"}
            shown = visitor.submit("/prompts/classification/snowy/try", asked).text
            work = re.search(r"/works/(\w+)", shown)
            assert work
            while "Changing photos" not in shown:
                shown = visitor.get(f"/works/{work[1]}").text
                assert "<progress" in shown
            began = time.monotonic()
            stopped = visitor.submit(f"/works/{work[1]}/stop").text
            while "<progress" in visitor.get(f"/works/{work[1]}").text:
                assert time.monotonic() - began < 10

            assert "Stopped" in stopped
            assert editor.batches == []
            editor.open_gate.set()
            page = finished(visitor, visitor.submit("/prompts/classification/snowy/try", asked))
            assert "/edit.jpg" in page


def test_an_editor_that_fails_is_told_of(photos: Path, tmp_path: Path) -> None:
    app = open_studio(photos, tmp_path / "out", editor="http://127.0.0.1:9", edits=tmp_path / "e")
    with Visitor(app) as visitor:
        answer = visitor.sign_in().submit("/mix/try", MIX)
        while found := re.search(r'hx-get="(/works/\w+)"', answer.text):
            answer = visitor.get(found[1])

    assert answer.status_code == 422
    assert "The image model cannot do this" in answer.text


def test_the_editor_s_process_can_end_without_harm() -> None:
    bench, work = EditorBench("no-such-editor"), Work()
    with pytest.raises(EditorError, match="there is no editor"), bench.editor(1.0, work) as editor:
        editor.fingerprint  # noqa: B018
    bench.close()


def test_work_that_waits_is_stopped_before_it_begins() -> None:
    workshop, gate = Workshop(1), threading.Event()
    first = workshop.start(lambda _: gate.wait(30))
    second = workshop.start(lambda _: "made")
    second.cancel()
    gate.set()
    workshop.close()

    assert outcome(first) is True
    with pytest.raises(StoppedError):
        outcome(second)


def test_work_stops_at_its_next_step() -> None:
    def count(work: Work) -> None:
        for k in range(100_000):
            work.report("editing", k, 100_000)
            time.sleep(0.001)

    workshop = Workshop(1)
    work = workshop.start(count)
    wait_until(lambda: work.done > 3)
    work.cancel()

    with pytest.raises(StoppedError):
        outcome(work)
    workshop.close()


def test_more_than_a_server_can_do_is_refused() -> None:
    workshop, gate = Workshop(1), threading.Event()
    works = [workshop.start(lambda _: gate.wait(30)) for _ in range(64)]

    with pytest.raises(BusyError, match="try again"):
        workshop.start(lambda _: None)
    gate.set()
    workshop.close()
    assert all(work.future.done() for work in works)
