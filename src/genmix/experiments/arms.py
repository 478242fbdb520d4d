"""Arms: the ways of training that a comparison compares, named in text such as "genmix+cutmix".

An arm says what is done to the pictures and nothing else: model, steps and photos are those of the
comparison, the same for every arm.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from genmix.errors import ExperimentError, MixerError, nearest
from genmix.images import Fit
from genmix.recipe import Recipe, load_recipe
from genmix.training.mixers import MIXERS, create_mixer

BASELINE = "baseline"
GENMIX = "genmix"
STANDARD = "standard"
TRANSFORMS = ("randaugment", "trivialaugment", "augmix")
"""Parts that replace the standard transform; see `genmix.training.transforms`."""

PRESET = "classification"
SHARE = 0.6
"""Of readings that are composites, where the arm does not say."""


@dataclass(frozen=True)
class Arm:
    """A way of training.

    Attributes:
        name: As the user wrote it.
        transform: A name of `genmix.training.transforms`.
        mixer: Text for `genmix.training.mixers.create_mixer`; None mixes nothing.
        recipe: How composites are made; None trains on the photos alone.
        share: Of readings that are composites, in [0, 1].
    """

    name: str
    transform: str = STANDARD
    mixer: str | None = None
    recipe: Recipe | None = None
    share: float = 0.0

    @property
    def slug(self) -> str:
        """The name as that of a folder, on any file system; different names have different ones."""
        plain = re.sub(r"[^a-z0-9.+=@_-]+", "-", self.name.lower()).strip(".-")[:60]
        digest = hashlib.blake2b(self.name.encode(), digest_size=4).hexdigest()
        return plain if plain == self.name else f"{plain}-{digest}"

    def fitted(self, size: int, fit: Fit) -> "Arm":
        """Return the arm with composites of the size and fit of the pictures trained on."""
        if self.recipe is None:
            return self
        return replace(self, recipe=self.recipe.changed(size=size, fit=fit))

    def changed(self, share: float | None = None, **changes: Any) -> "Arm":
        """Return a copy with another share, or with a recipe changed by `Recipe.changed`."""
        recipe = self.recipe.changed(**changes) if self.recipe and changes else self.recipe
        return replace(self, recipe=recipe, share=self.share if share is None else share)

    def identity(self) -> dict[str, Any]:
        """Return what the arm does, as plain values; its name is not part of it."""
        recipe = None if self.recipe is None else self.recipe.model_dump(mode="json")
        return {
            "transform": self.transform,
            "mixer": self.mixer,
            "share of composites": self.share,
            "recipe": recipe,
        }


def parse_arms(text: str) -> list[Arm]:
    """Read several arms with commas between.

    Args:
        text: Such as "baseline,mixup:alpha=0.4,per_sample=true,genmix".

    Raises:
        ExperimentError: If one is not valid or stands twice.
    """
    names: list[str] = []
    for piece in text.split(","):
        if re.match(r"\s*[a-z_]+\s*=", piece) and names:
            names[-1] += f",{piece.strip()}"  # one more setting of the mixer before
        elif piece.strip():
            names.append(piece.strip())
    arms = [parse_arm(name) for name in names or [""]]
    seen: dict[str, str] = {}
    for arm in arms:
        does = json.dumps(arm.identity())
        if does in seen:
            raise ExperimentError(
                f"the arms '{seen[does]}' and '{arm.name}' are the same: drop one"
            )
        seen[does] = arm.name
    return arms


def parse_arm(text: str) -> Arm:
    """Read an arm.

    Args:
        text: Parts joined by "+": `baseline`; mixers as `create_mixer` takes them, applied in turn;
            one of `TRANSFORMS`; `genmix`, or `genmix:RECIPE@SHARE` with a preset's name or a recipe
            file, and the share of composites.

    Raises:
        ExperimentError: If a part does not exist or fit.
        RecipeError: If there is no such recipe, or it is not valid.
    """
    parts = [part.strip() for part in text.split("+")]
    arm = Arm(text.strip())
    mixers: list[str] = []
    for part in parts:
        kind = re.split("[:@]", part, maxsplit=1)[0]
        if part == BASELINE and len(parts) == 1:
            continue
        if kind == GENMIX and arm.recipe is None:
            arm = _with_genmix(arm, part)
        elif part in TRANSFORMS and arm.transform == STANDARD:
            arm = replace(arm, transform=part)
        elif kind in MIXERS and part not in TRANSFORMS:
            mixers.append(part)
        else:
            raise ExperimentError(f"the arm '{text}': {_why_not(part, kind)}")
    if mixers:
        arm = replace(arm, mixer="+".join(mixers))
        try:
            create_mixer("+".join(mixers), 2)
        except MixerError as error:
            raise ExperimentError(f"the arm '{text}': {error}") from error
    return arm


def same_edits(recipe: Recipe) -> Recipe:
    """Return a recipe that makes the same edits and composes them in a way of its own.

    Recipes that differ only in composing share one set of edits, for composites are drawn anew
    in training.
    """
    plain = Recipe().model_dump(include={"masks", "seam", "hybrid_share", "output"})
    return recipe.changed(**plain, blend=0.0, fractals={"count": 1, "folder": None})


def _with_genmix(arm: Arm, part: str) -> Arm:
    """Read "genmix", "genmix:fine-grained", "genmix@0.8", "genmix:mine.yaml@0.8"."""
    match = re.fullmatch(r"genmix(?::(?P<recipe>[^@]+))?(?:@(?P<share>.+))?", part)
    if match is None:
        raise ExperimentError(f"the arm '{arm.name}': write genmix:RECIPE@SHARE")
    try:
        share = SHARE if match["share"] is None else float(match["share"])
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise ExperimentError(
            f"the arm '{arm.name}': the share of composites is {match['share']}: give a number "
            "above 0, up to 1"
        )
    return replace(arm, recipe=load_recipe(match["recipe"] or PRESET), share=share)


def _why_not(part: str, kind: str) -> str:
    if part == BASELINE:
        return "the baseline stands alone: leave it out of the sum"
    if kind == GENMIX:
        return "genmix may stand in it once"
    if part in TRANSFORMS:
        return f"it may have one of {', '.join(TRANSFORMS)}"
    known: Sequence[str] = (
        BASELINE,
        GENMIX,
        *TRANSFORMS,
        *(m for m in MIXERS if m not in TRANSFORMS),
    )
    return f"there is no part '{part}'; {nearest(kind, known)}"
