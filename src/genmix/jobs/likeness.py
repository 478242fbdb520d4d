"""How alike the photos of a class are: what the density screen compares an edit with."""

import hashlib

from genmix.datasets import Photo, Source
from genmix.errors import ImageError, MissingExtraError
from genmix.images import Image, decode, prepare
from genmix.jobs.plan import Plan
from genmix.screening import ClassGaussians, fit_gaussians
from genmix.screening.features import Encode, Features
from genmix.seeding import generator


def class_gaussians(
    plan: Plan, source: Source, forgotten: frozenset[str] = frozenset()
) -> ClassGaussians | None:
    """Compare photos of each class with each other, if the recipe's density screen is on.

    Which photos are compared depends on the plan alone, so every share and every machine finds the
    same. Their features are cached, so a second run takes a moment.

    Args:
        plan: Its photos are drawn from, evenly over the classes.
        source: Where they are read from; those that cannot be used are passed over.
        forgotten: Photos, by their SHA-256, that were withdrawn: they are passed over, too.

    Returns:
        The classes' Gaussians; None where the recipe does not ask for them.

    Raises:
        ScreenError: If the encoder cannot be opened, or no class has two photos.
        MissingExtraError: If torch is not installed.
    """
    settings = plan.recipe.screens.density
    if settings is None:
        return None
    try:
        from genmix.screening.encoders import open_encoder
    except ModuleNotFoundError as error:
        raise MissingExtraError("the density screen", "torch") from error
    encoder = open_encoder(settings.encoder)
    classes = _drawn(plan, settings.photos)
    return fit_gaussians(
        {k: _features(v, plan, source, encoder, forgotten) for k, v in classes.items()}
    )


def _drawn(plan: Plan, most: int) -> dict[str, list[Photo]]:
    """Draw some photos of each class."""
    classes: dict[str, list[Photo]] = {}
    for photo in plan.photos:
        classes.setdefault(photo.label, []).append(photo)
    drawn = {}
    for label, photos in classes.items():
        order = generator("likeness", plan.recipe.seed, label).permutation(len(photos))
        drawn[label] = [photos[k] for k in sorted(order[:most].tolist())]
    return drawn


def _features(
    photos: list[Photo], plan: Plan, source: Source, encode: Encode, forgotten: frozenset[str]
) -> Features:
    images = []
    for photo in photos:
        try:
            data = source.read(photo)
            if not (forgotten and hashlib.sha256(data).hexdigest() in forgotten):
                images.append(_prepared(data, plan))
        except ImageError:
            continue  # the run itself reports it
    return encode(images)


def _prepared(data: bytes, plan: Plan) -> Image:
    return prepare(decode(data, at_least=plan.recipe.size), plan.recipe.size, plan.recipe.fit)
