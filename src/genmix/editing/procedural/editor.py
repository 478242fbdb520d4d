"""The editor `procedural`: finds the look that serves a prompt and applies it with its own chance.

How the looks are drawn lies in the modules beside this one; what they share, in `tools`.
"""

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType

import numpy as np

from genmix.editing import procedural
from genmix.editing.editor import Settings
from genmix.editing.procedural.looks import LOOKS
from genmix.errors import EditorError, nearest
from genmix.images import Image
from genmix.prompts import Prompt, load_library, shipped_libraries
from genmix.seeding import generator

REVISION = 4
"""Raised whenever the picture that some look makes changes: cached edits are then made anew."""


class ProceduralEditor:
    """Edits pictures by classical image processing: filters, colour, noise and drawn shapes.

    It is not a generative model. It invents no new content, does not know what a picture shows,
    and can do only the looks that it ships. For that it needs no weights, no GPU and no download,
    takes milliseconds a picture, keeps the structure of the photo, and gives the same bytes for
    the same image, prompt and seed.

    Attributes:
        description: The same, in a sentence, for people who choose an editor.
        strength: How far to go from the original, in (0, 1].
        batch_size: How many pictures a call takes best.
        generative: That no trained model draws.
    """

    description = (
        "Classical image processing, not a generative model: it redraws a photo in one of the "
        "looks that genmix ships, in milliseconds and without a GPU, and invents no new content."
    )
    batch_size = 16
    generative = False

    def __init__(self, strength: float = 1.0) -> None:
        """Make the editor and load the looks.

        Args:
            strength: How far to go from the original, in (0, 1].

        Raises:
            EditorError: If the strength is outside its range.
        """
        if not 0 < strength <= 1:
            raise EditorError(
                f"the strength is {strength}: give a number greater than 0, and 1 at most"
            )
        self.strength = float(strength)
        self._look_ids = _look_ids()

    @property
    def fingerprint(self) -> str:
        """Everything that the result depends on beside image, prompt and seed."""
        return f"procedural/{REVISION} strength={self.strength}"

    def check(self, prompts: Sequence[Prompt]) -> None:
        """Refuse, before any work, a prompt that no look serves; see `Editor`."""
        for prompt in prompts:
            self._look_of(prompt)

    def edit(
        self, images: Sequence[Image], prompts: Sequence[Prompt], seeds: Sequence[int]
    ) -> list[Image]:
        """Edit each image by the prompt and the seed of the same position; see `Editor`."""
        edits = []
        for image, prompt, seed in zip(images, prompts, seeds, strict=True):
            look_id = self._look_of(prompt)
            rng = generator("procedural", look_id, seed)
            edits.append(np.ascontiguousarray(LOOKS[look_id](image, rng, self.strength)))
        return edits

    def _look_of(self, prompt: Prompt) -> str:
        """Find the look of a prompt, by its id first, then by its words."""
        for text in (prompt.id, prompt.prompt, prompt.instruction):
            look_id = self._look_ids.get(text.strip().casefold())
            if look_id:
                return look_id
        raise EditorError(
            f"the procedural editor cannot do the prompt '{prompt.prompt}' (id '{prompt.id}'): it "
            "is classical image processing, not a generative model, and knows only the looks that "
            f"genmix ships; {nearest(prompt.id, sorted(LOOKS))}"
        )


def from_name(
    name: str, *, strength: float, settings: Settings = MappingProxyType({})
) -> ProceduralEditor:
    """Open the editor by its name in text; the entry point of the group `genmix.editors`.

    Args:
        name: `procedural`. It takes nothing after a colon.
        strength: How far to go from the original, in (0, 1].
        settings: None that it would know.

    Raises:
        EditorError: If something follows the name, there is a setting, or the strength is outside
            its range.
    """
    kind, colon, _ = name.partition(":")
    if colon:
        raise EditorError(f"there is no editor '{name}': write '{kind}', it takes nothing more")
    if settings:
        raise EditorError(
            f"the editor '{kind}' has no setting '{next(iter(settings))}': it takes none but the "
            "strength; leave it out"
        )
    return ProceduralEditor(strength)


@cache
def _look_ids() -> dict[str, str]:
    """Load the looks, and map each id and each shipped wording, casefolded, to its look's id."""
    for module in pkgutil.iter_modules(procedural.__path__):
        import_module(f"{procedural.__name__}.{module.name}")
    ids = {look_id: look_id for look_id in LOOKS}
    for library in shipped_libraries():
        for prompt in load_library(library).prompts:
            if prompt.id in LOOKS:
                ids |= {w.casefold(): prompt.id for w in (prompt.prompt, prompt.instruction)}
    return ids
