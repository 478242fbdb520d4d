"""The contract of an editor, and the registry that opens one by its name."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np

from genmix.errors import EditorError, nearest
from genmix.images import Image
from genmix.prompts import Prompt

Settings: TypeAlias = Mapping[str, Any]
"""An editor's own settings by name: plain values, as JSON has them."""


class Editor(Protocol):
    """Edits pictures by prompt. Batch first; a result depends on its own image, prompt and seed.

    Attributes:
        fingerprint: Everything that the result depends on beside image, prompt and seed (weights,
            revision, settings); part of the cache key and of the manifest.
        batch_size: How many pictures a call takes best.

    An editor may say more of itself, in attributes that are not part of the protocol:

        processes: How many worker processes make sense; as many as wanted if it does not say.
        overlap: Whether photos are best read, and composites made, while it edits.
        about: What to tell people who get the pictures, as a mapping of text to text.
        generative: Whether a trained model draws the pictures; yes, if it does not say.
        licence: The licence of its model, as the model's own card states it.
        refuses: Whether a safety checker of its own turns pictures that it refuses all black.
    """

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    @property
    def batch_size(self) -> int: ...  # noqa: D102

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Refuse, before any work, what this editor cannot do.

        Raises:
            EditorError: For the first such prompt, naming the nearest that it can.
        """

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        """Edit each image by the prompt and the seed of the same position.

        Args:
            images: uint8, height x width x 3, RGB; sizes may differ.
            prompts: One for each image.
            seeds: One for each image, in [0, 2**32).

        Returns:
            The edits, each of its image's size, in the same order. The inputs are not changed.
        """


def open_editor(
    name: str, *, strength: float = 1.0, settings: Settings = MappingProxyType({})
) -> Editor:
    """Open an editor by its name in text.

    Args:
        name: `procedural`, or `<kind>` or `<kind>:<what>` of an installed plug-in (entry point
            group `genmix.editors`, a function of the name, the strength and the settings).
        strength: How far to go from the original, in (0, 1].
        settings: The editor's own; each editor says which it knows.

    Raises:
        EditorError: If there is no such editor or setting, with the known ones, or the editor
            cannot start.
    """
    known = {point.name: point for point in entry_points(group="genmix.editors")}
    kind = name.partition(":")[0]
    if kind not in known:
        raise EditorError(f"there is no editor '{name}'; {nearest(kind, sorted(known))}")
    editor: Editor = known[kind].load()(name, strength=strength, settings=settings)
    return editor


def edit_pictures(
    editor: Editor, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
) -> list[Image]:
    """Have an editor edit pictures, and hold it to its contract: `Editor.edit`.

    Raises:
        EditorError: If the editor says that it fails, or does not return an edit of each picture,
            of its size.
    """
    made: Any = editor.edit(images, prompts, seeds)
    edits: list[Any] = list(made) if isinstance(made, Iterable) else []
    if len(edits) != len(images):
        raise EditorError(_breach(editor, f"{len(edits)} edits of {len(images)} pictures"))
    for edit, image in zip(edits, images, strict=True):
        if not isinstance(edit, np.ndarray):
            raise EditorError(_breach(editor, f"a {type(edit).__name__} for a picture"))
        if (edit.shape, edit.dtype) != (image.shape, image.dtype):
            found, wanted = (f"{a.dtype} {'x'.join(map(str, a.shape))}" for a in (edit, image))
            raise EditorError(_breach(editor, f"{found} for a picture of {wanted}"))
    return edits


def _breach(editor: Editor, returned: str) -> str:
    return (
        f"the editor '{editor.fingerprint}' returned {returned}: it must return an edit of each "
        "picture, of its size, so tell who wrote it; nothing of this is kept"
    )
