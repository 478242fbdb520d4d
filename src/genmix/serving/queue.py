"""The queue before the editor, and the one thread that takes batches from it across requests."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from genmix.editing import Editor, edit_pictures
from genmix.errors import EditorError
from genmix.images import Image
from genmix.prompts import Prompt
from genmix.serving.limits import Refusal
from genmix.serving.metrics import Metrics

_LINGER_SECONDS = 0.01
"""How long a batch that is not full waits for company: callers ask again when they are answered."""

_LONGEST_WAIT_SECONDS = 60.0


@dataclass
class _Job:
    image: Image
    prompt: Prompt
    seed: int
    done: Future[Image] = field(default_factory=Future)


class EditQueue:
    """Edits pictures in the order in which they come, in batches of what the editor takes best.

    Attributes:
        editor: The editor, once it is loaded.
        error: Why it could not be loaded.
    """

    def __init__(
        self,
        open_editor: Callable[[], Editor],
        length: int,
        metrics: Metrics,
        when_loaded: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the queue; `start` loads the editor.

        Args:
            open_editor: Loads it; called in the queue's own thread.
            length: Pictures that may wait.
            metrics: Told what happens.
            when_loaded: Called when the editor is there, or `error` is.
        """
        self.editor: Editor | None = None
        self.error: Exception | None = None
        self._open_editor = open_editor
        self._length = length
        self._metrics = metrics
        self._when_loaded = when_loaded
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._seconds_each = 0.0
        self._thread = threading.Thread(target=self._work, name="editor", daemon=True)

    def start(self) -> None:
        """Load the editor and begin to edit, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch under way, and cancel what waits."""
        self._end()
        if self.editor is not None:  # loading cannot be interrupted, and dies with the process
            self._thread.join()

    def loaded(self) -> Editor:
        """Return the editor.

        Raises:
            Refusal: If it is still loading, or edits no more.
        """
        if self.editor is None:
            raise Refusal(503, "loading", "the editor is still loading", retry_after=2)
        if self._stopping:
            raise Refusal(503, "stopped", "the editor has stopped: start the server anew")
        return self.editor

    def check_room(self, count: int) -> None:
        """Make sure that so many more pictures may wait.

        Raises:
            Refusal: If not; it says when to try again.
        """
        if len(self._waiting) + count > self._length:
            wait = min(max(len(self._waiting) * self._seconds_each, 1.0), _LONGEST_WAIT_SECONDS)
            message = f"{len(self._waiting)} pictures wait already: try again in {wait:.0f} s"
            raise Refusal(503, "queue_full", message, retry_after=wait)

    def put(
        self, images: Sequence[Image], prompt: Prompt, seeds: Sequence[int]
    ) -> list[Future[Image]]:
        """Let pictures wait for their edits: all of them, or none.

        Args:
            images: uint8, height x width x 3, RGB; they are edited in this order.
            prompt: What is asked of all.
            seeds: One for each image.

        Returns:
            The edits to come; cancelling one takes it from the queue.

        Raises:
            Refusal: If there is no room, or the editor is loading.
        """
        jobs = [_Job(image, prompt, seed) for image, seed in zip(images, seeds, strict=True)]
        with self._changed:
            self.loaded()
            self.check_room(len(jobs))
            self._waiting.extend(jobs)
            self._metrics.waiting.set(len(self._waiting))
            self._changed.notify_all()
        return [job.done for job in jobs]

    def _work(self) -> None:
        try:
            self.editor = self._open_editor()
        except Exception as error:  # noqa: BLE001 - it is passed on to who started the server
            self.error = error
            self._when_loaded()
            return
        self._metrics.ready.set(1)
        self._when_loaded()
        try:
            self._edit_batches(self.editor)
        finally:  # whatever ended it, nobody waits for ever
            self._metrics.ready.set(0)
            self._end()

    def _edit_batches(self, editor: Editor) -> None:
        while batch := self._next_batch(editor.batch_size):
            started = time.monotonic()
            self._edit(editor, batch)
            seconds = time.monotonic() - started
            self._seconds_each = seconds / len(batch)
            self._metrics.batch.observe(len(batch))
            self._metrics.seconds.observe(seconds)

    def _end(self) -> None:
        """Take no more pictures, and cancel those that wait."""
        with self._changed:
            self._stopping = True
            for job in self._waiting:
                job.done.cancel()
            self._waiting.clear()
            self._metrics.waiting.set(0)
            self._changed.notify_all()

    def _next_batch(self, size: int) -> list[_Job]:
        """Wait for pictures; an empty batch is the end."""
        batch: list[_Job] = []
        with self._changed:
            while not batch and not self._stopping:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                self._changed.wait_for(
                    lambda: len(self._waiting) >= size or self._stopping, _LINGER_SECONDS
                )
                batch = self._take(size)
        return batch

    def _take(self, most: int) -> list[_Job]:
        batch: list[_Job] = []
        while self._waiting and len(batch) < most:
            job = self._waiting.popleft()
            if job.done.set_running_or_notify_cancel():
                batch.append(job)
        self._metrics.waiting.set(len(self._waiting))
        return batch

    def _edit(self, editor: Editor, batch: list[_Job]) -> None:
        """Edit a batch; if that fails, each alone, so that no request fails for its neighbours."""
        try:
            edits = edit_pictures(
                editor,
                [job.image for job in batch],
                [job.prompt for job in batch],
                [job.seed for job in batch],
            )
        except BaseException as error:  # noqa: BLE001 - the request that asked for it is told
            if len(batch) > 1:
                for job in batch:
                    self._edit(editor, [job])
                return
            self._metrics.failures.inc()
            told = error if isinstance(error, EditorError) else EditorError(f"{error!r}")
            batch[0].done.set_exception(told)
            return
        for job, edit in zip(batch, edits, strict=True):
            job.done.set_result(edit)
        self._metrics.pictures.inc(len(batch))
