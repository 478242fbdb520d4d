"""Editors as the studio uses them: the quick one here, any other in a process that can be ended.

An edit by a large model cannot be asked to stop, so whoever stops it ends its process; the next
edit starts another.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any

from genmix.editing import Editor, open_editor
from genmix.errors import EditorError, GenmixError
from genmix.images import Image
from genmix.processes import context, follow_parent
from genmix.prompts import Prompt
from genmix.studio.work import Work

QUICK = "procedural"

_POLL_SECONDS = 0.05


class EditorBench:
    """Where edits are made. A slow editor's works come one at a time: see `Workshop`.

    Attributes:
        name: The editor's, as `genmix.editing.open_editor` takes it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._child: _Child | None = None

    @property
    def quick(self) -> bool:
        """Whether its edits take milliseconds."""
        return self.name == QUICK

    @contextmanager
    def editor(self, strength: float, work: Work) -> Iterator[Editor]:
        """Lend the editor to a work.

        Raises:
            EditorError: If it cannot be opened.
            StoppedError: If the work is stopped meanwhile.
        """
        if self.quick:
            yield quick_editor(strength)
            return
        work.report("opening")
        if self._child is None or not self._child.alive:
            self._child = _Child(self.name)
        yield _Elsewhere(self._child, strength, work)

    def close(self) -> None:
        """End the editor's process."""
        if self._child is not None:
            self._child.end()


@lru_cache(maxsize=8)
def quick_editor(strength: float) -> Editor:
    """Open the quick editor; see `genmix.editing.open_editor`."""
    return open_editor(QUICK, strength=strength)


class _Elsewhere:
    """An editor in a process of its own; see `Editor`."""

    batch_size = 1

    def __init__(self, child: "_Child", strength: float, work: Work) -> None:
        self._child = child
        self._strength = strength
        self._work = work

    @property
    def fingerprint(self) -> str:
        return str(self._ask("fingerprint"))

    def check(self, prompts: Sequence[Prompt]) -> None:
        self._ask("check", prompts)

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        edits: list[Image] = self._ask("edit", images, prompts, seeds) if images else []
        return edits

    def _ask(self, what: str, *arguments: Any) -> Any:
        return self._child.ask((self._strength, what, arguments), self._work)


class _Child:
    """A process that holds an editor."""

    def __init__(self, name: str) -> None:
        self._here, there = context.Pipe()
        self._process = context.Process(target=_answer, args=(there, name), daemon=True)
        self._process.start()
        there.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def ask(self, question: tuple[float, str, tuple[Any, ...]], work: Work) -> Any:
        """Ask, and wait as long as the work is wanted."""
        try:
            self._here.send(question)
            while not self._here.poll(_POLL_SECONDS):
                if work.stopped:
                    self.end()
                    work.check()
            answer = self._here.recv()
        except (EOFError, OSError) as error:
            raise EditorError("the editor's process ended: is there enough memory?") from error
        if isinstance(answer, GenmixError):
            raise answer
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _answer(questions: "Connection[Any, Any]", name: str) -> None:
    """Answer questions until nobody asks any more; the body of the process."""
    follow_parent()
    editor, opened_with = None, None
    while True:
        try:
            strength, what, arguments = questions.recv()
        except EOFError:
            return
        try:
            if editor is None or opened_with != strength:
                editor, opened_with = open_editor(name, strength=strength), strength
            found = getattr(editor, what)
            answer = found(*arguments) if callable(found) else found
        except GenmixError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 (an editor is anybody's code)
            answer = EditorError(f"the editor failed: {type(error).__name__}: {error}")
        questions.send(answer)
