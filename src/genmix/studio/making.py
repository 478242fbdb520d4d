"""Making the pictures that the pages show: a photo by a prompt and a recipe, step by step.

All picture work is that of the job (`genmix.jobs.pipeline`): edit, mask and hybrid are those that
`genmix augment` makes. Only fractals are drawn smaller here, one by one, as they are needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from genmix.compose import Composition, hybrid, mask_of
from genmix.editing.cache import EditCache
from genmix.errors import EditorError, ImageError
from genmix.fractals import draw
from genmix.images import Image, decode, encode_jpeg, resize
from genmix.jobs.edits import Edited, Task
from genmix.jobs.pipeline import Pipeline
from genmix.prompts import Prompt
from genmix.recipe import FractalChoice, Recipe
from genmix.studio.editors import EditorBench, quick_editor
from genmix.studio.photos import Place, UploadSource
from genmix.studio.work import Work

_FRACTAL_PX = 192
_LOOK_PX = 256
_QUALITY = 88


@dataclass(frozen=True)
class Made:
    """Pictures and what is to be said of them.

    Attributes:
        pictures: JPEGs by name.
        facts: One for each composite.
    """

    pictures: Mapping[str, bytes]
    facts: Sequence["Facts"] = ()


@dataclass(frozen=True)
class Facts:
    """What was drawn for a composite.

    Attributes:
        place: Of the photo.
        prompt: The prompt.
        drawn: Every random choice.
        fractal: The family of the fractal, if one is blended in.
        rejected: The name of the screen that would leave it out, if one would.
    """

    place: Place
    prompt: Prompt
    drawn: Composition
    fractal: str | None
    rejected: str | None


class Maker:
    """Makes pictures with one editor."""

    def __init__(self, bench: EditorBench, edits: Path, own_edits: Path) -> None:
        """Make it.

        Args:
            bench: Where edits are made.
            edits: The folder of the edit cache.
            own_edits: The same for what people sent: gone when the studio ends.
        """
        self.bench = bench
        self._edits = EditCache(edits)
        self._own_edits = EditCache(own_edits)

    def steps(self, place: Place, prompt: Prompt, recipe: Recipe, variant: int, work: Work) -> Made:
        """Make original, edit, hybrid, fractal and composite of one photo.

        Raises:
            GenmixError: If the photo, the prompt or the editor cannot be used.
            StoppedError: If the work was stopped.
        """
        with self.bench.editor(recipe.editor.strength, work) as editor:
            editor.check([prompt])
            pipeline = self._pipeline(place, recipe, prompt)
            pipeline.editor = editor
            task = Task(pipeline.read(place.photo), prompt, variant)
            work.report("editing")
            edited = pipeline.edit([task])[0]
        work.report("composing")
        pictures, facts = _steps(pipeline, edited, place)
        return Made({name: encode_jpeg(p, _QUALITY) for name, p in pictures.items()}, [facts])

    def composites(
        self, wanted: Sequence[tuple[Place, Prompt]], recipe: Recipe, work: Work
    ) -> Made:
        """Make a composite of each photo by its prompt, but of those that cannot be used.

        Raises:
            GenmixError: If the editor cannot be used.
            StoppedError: If the work was stopped.
        """
        pictures: dict[str, bytes] = {}
        facts: list[Facts] = []
        for k, (place, prompt) in enumerate(wanted):
            work.report("composing", k, len(wanted))
            try:
                made = self.steps(place, prompt, recipe, 0, work)
            except ImageError:  # the run tells which
                continue
            pictures[str(len(facts))] = made.pictures["composite"]
            facts += made.facts
        return Made(pictures, facts)

    def edits(
        self, places: Sequence[Place], prompts: Sequence[Prompt], recipe: Recipe, work: Work
    ) -> Made:
        """Edit each photo by every prompt; pictures are named "photo-prompt" by position.

        There are none of a photo that cannot be used.

        Raises:
            GenmixError: If the editor cannot be used.
            StoppedError: If the work was stopped.
        """
        pictures: dict[str, bytes] = {}
        count = len(places) * len(prompts)
        with self.bench.editor(recipe.editor.strength, work) as editor:
            editor.check(prompts)
            for k, place in enumerate(places):
                pipeline = self._pipeline(place, recipe, *prompts)
                pipeline.editor = editor
                try:
                    ready = pipeline.read(place.photo)
                except ImageError:
                    continue
                pictures[f"{k}-original"] = encode_jpeg(ready.image, _QUALITY)
                for j, prompt in enumerate(prompts):
                    work.report("editing", k * len(prompts) + j, count)
                    edited = pipeline.edit([Task(ready, prompt, 0)])[0]
                    pictures[f"{k}-{j}"] = encode_jpeg(edited.edit, _QUALITY)
        return Made(pictures)

    def _pipeline(self, place: Place, recipe: Recipe, *prompts: Prompt) -> Pipeline:
        cache = self._own_edits if isinstance(place.source, UploadSource) else self._edits
        return Pipeline(place.source, recipe, prompts, OnDemand(recipe), cache)


class OnDemand:
    """The fractals of a recipe, each drawn when it is needed, smaller than a run draws them."""

    def __init__(self, recipe: Recipe) -> None:
        self._seed = recipe.seed
        self._choice = recipe.fractals

    def __len__(self) -> int:
        return self._choice.count

    def __getitem__(self, index: int) -> Image:
        return _fractal(self._choice, self._seed, index)[1]

    def name(self, index: int) -> str:
        """Return the family and the number."""
        return f"{_fractal(self._choice, self._seed, index)[0]}/{index:05d}"

    def fitting(self, index: int, height: int, width: int) -> Image:
        """Return a picture in another size: uint8, height x width x 3, RGB."""
        return resize(self[index], height, width)


def look(place: Place, prompt: Prompt) -> bytes:
    """Draw a prompt's look on a photo, small, by the quick editor, as JPEG.

    Raises:
        EditorError: If the quick editor does not know the prompt.
        ImageError: If the photo cannot be used.
    """
    image = decode(place.source.read(place.photo), at_least=_LOOK_PX)
    side = min(image.shape[:2])
    scale = _LOOK_PX / side
    small = resize(image, *(max(1, round(length * scale)) for length in image.shape[:2]))
    return encode_jpeg(quick_editor(1.0).edit([small], [prompt], [0])[0], 85)


def has_look(prompt: Prompt) -> bool:
    """Tell whether the quick editor knows a prompt."""
    try:
        quick_editor(1.0).check([prompt])
    except EditorError:
        return False
    return True


@lru_cache(maxsize=256)
def _fractal(choice: FractalChoice, seed: int, index: int) -> tuple[str, Image]:
    return draw(_FRACTAL_PX, seed, index, choice.families, choice.palettes)


def _steps(pipeline: Pipeline, edited: Edited, place: Place) -> tuple[dict[str, Image], Facts]:
    recipe, original = pipeline.recipe, edited.task.ready.image
    drawn, composite = pipeline.compose(edited)
    mask = mask_of(
        drawn, recipe.size, recipe.size, seam=recipe.seam.width, profile=recipe.seam.profile
    )
    pictures = {
        "original": original,
        "edit": edited.edit,
        "hybrid": hybrid(original, edited.edit, mask),
        "composite": composite,
    }
    family = None
    if drawn.fractal is not None:
        pictures["fractal"] = pipeline.bank[drawn.fractal]
        family = pipeline.bank.name(drawn.fractal).partition("/")[0]
    rejected = next((name for name, v in edited.verdicts.items() if not v.keep), None)
    return pictures, Facts(place, edited.task.prompt, drawn, family, rejected)
