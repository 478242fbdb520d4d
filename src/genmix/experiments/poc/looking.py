"""Looking at prompts before any is trained with: what is kept, seen, varied and close to a target.

Which of them are trained with, and which are chosen, is settled by the rules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml

from genmix.auditing.space import Cloud, Reference, diversity
from genmix.editing import edit_pictures
from genmix.experiments.poc.bench import Planes
from genmix.images import Image
from genmix.networks.models import Classifier
from genmix.prompts import Prompt, PromptLibrary, load_library
from genmix.recipe import Recipe
from genmix.screening import Subject, judge_all, open_screens
from genmix.screening.features import Features
from genmix.seeding import seed_of

EVERY = "all"
"""The library of all shipped prompts."""

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Looked:
    """What is known of a prompt without training; shares are in [0, 1].

    Attributes:
        kept: Share of its edits that the screens keep.
        seen: Share of its edits in which the baseline sees the class.
        known: The same of the photos themselves.
        diversity: Mean cosine distance of two edits, as a share of that of two photos.
        closeness: Share of the distance from the photos to the targets that is gone, 1 where the
            edits are like the targets, below 0 where they are farther; None without a target.
    """

    kept: float
    seen: float
    known: float
    diversity: float
    closeness: float | None


def design() -> dict[str, Any]:
    """Read design.yaml: which looks are kept for judging, and what is turned."""
    return _design()


def candidates(recipe: Recipe, looks: Sequence[str]) -> tuple[Prompt, ...]:
    """List the prompts to look at: the recipe's, then all shipped ones that are no look.

    The recipe's come first. Of a user's own library only its own are candidates, as a recipe has
    one library.
    """
    own = recipe.chosen_prompts()
    library = load_library(recipe.prompts.library)
    more = library.prompts if _is_own(recipe) else _every().prompts
    known = {prompt.id: prompt for prompt in (*own, *more) if prompt.id not in looks}
    return tuple(known.values())


def with_prompts(recipe: Recipe, ids: Sequence[str]) -> Recipe:
    """Return the recipe with other prompts, each used for every photo."""
    library = recipe.prompts.library if _is_own(recipe) else EVERY
    return recipe.changed(prompts={"library": library, "only": tuple(ids), "per_photo": None})


def looks_for(recipe: Recipe, *, target: bool) -> tuple[Prompt, ...]:
    """Return the looks that are kept for judging: those that the recipe does not use."""
    kind = "domain-adaptation" if target else "classification"
    used = {prompt.prompt for prompt in recipe.chosen_prompts()}
    every = _every().select(design()["looks"][kind])
    return tuple(prompt for prompt in every if prompt.prompt not in used)


def edited(
    recipe: Recipe, images: Sequence[Image], names: Sequence[str], prompt: Prompt
) -> list[Image]:
    """Edit pictures by one prompt.

    Args:
        recipe: Whose editor and seed are used.
        images: uint8, size x size x 3.
        names: Of each picture, what keys its chance.
        prompt: The prompt.

    Raises:
        EditorError: If the editor fails, or does not keep its contract.
    """
    editor, made = recipe.editor.open(), []
    for start in range(0, len(images), editor.batch_size):
        part = slice(start, start + editor.batch_size)
        seeds = [seed_of("edit", recipe.seed, name, prompt.id, 0) for name in names[part]]
        made += edit_pictures(editor, images[part], [prompt] * len(seeds), seeds)
    return made


def look_at(
    prompts: Sequence[Prompt],
    recipe: Recipe,
    images: Sequence[Image],
    names: Sequence[str],
    labels: npt.NDArray[np.int64],
    targets: Mapping[str, Planes],
    model: Classifier,
    tell: Callable[[int, int], None],
) -> dict[str, Looked]:
    """Look at prompts on some photos.

    Args:
        prompts: Which.
        recipe: Whose editor and screens are used.
        images: The photos, uint8, size x size x 3.
        names: Of each photo.
        labels: Of each photo, its class's number.
        targets: Pictures of other domains; their classes are not known here.
        model: Trained on photos alone; sees classes, and gives the features.
        tell: Told how many are done.

    Returns:
        What was found, by id.
    """
    plain, known = _see(model, images, labels)
    owners = np.arange(len(images))
    photos = Cloud(plain, owners)
    spread = max(diversity(photos).spread, 1e-6)
    references = [
        Reference(Cloud(_features(model, planes), np.arange(len(planes)) + len(images)))
        for planes in targets.values()
        if len(planes) > 1
    ]
    screens = open_screens(recipe.screens)
    found: dict[str, Looked] = {}
    for done, prompt in enumerate(prompts):
        tell(done, len(prompts))
        edits = edited(recipe, images, names, prompt)
        features, seen = _see(model, edits, labels)
        cloud = Cloud(features, owners)
        subjects = [
            Subject(name, model.classes[label], (prompt.id, 0))
            for name, label in zip(names, labels.tolist(), strict=True)
        ]
        verdicts = judge_all(screens, images, edits, subjects)
        closer = [_closer(reference, cloud, photos) for reference in references]
        found[prompt.id] = Looked(
            kept=float(np.mean([all(v.keep for v in each.values()) for each in verdicts])),
            seen=seen,
            known=known,
            diversity=diversity(cloud).spread / spread,
            closeness=float(np.mean(closer)) if closer else None,
        )
    tell(len(prompts), len(prompts))
    return found


def _closer(reference: Reference, edits: Cloud, photos: Cloud) -> float:
    found = reference.distance(edits).closer_than(reference.distance(photos))
    return 0.0 if found is None else found.value


def _see(
    model: Classifier, images: Sequence[Image], labels: npt.NDArray[np.int64]
) -> tuple[Features, float]:
    """Return the features of pictures, and the share whose class is seen."""
    planes = np.stack([image.transpose(2, 0, 1) for image in images])
    features = _features(model, planes, unit=False)
    with torch.no_grad():
        seen = model.head(torch.from_numpy(features)).argmax(1).numpy() == labels
    return _unit(features), float(seen.mean())


def _features(model: Classifier, planes: Planes, *, unit: bool = True) -> Features:
    """Return what a classifier's backbone makes of pictures, float32 N x F."""
    rows = np.concatenate(list(_batches(model, planes)))
    return _unit(rows) if unit else rows


@torch.no_grad()
def _batches(model: Classifier, planes: Planes) -> Iterator[Features]:
    for start in range(0, len(planes), _BATCH):
        pictures = torch.from_numpy(np.array(planes[start : start + _BATCH])).float() / 255
        yield model.backbone((pictures - model.mean) / model.std).numpy()


def _unit(rows: Features) -> Features:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _is_own(recipe: Recipe) -> bool:
    return recipe.prompts.library.endswith((".yaml", ".yml"))


@lru_cache(maxsize=1)
def _every() -> PromptLibrary:
    return load_library(EVERY)


@lru_cache(maxsize=1)
def _design() -> dict[str, Any]:
    text = (files("genmix.experiments.poc") / "design.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read
