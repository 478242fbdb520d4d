"""Opening the screens that a recipe turns on; what needs torch is imported only if one asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeAlias

from genmix.errors import MissingExtraError
from genmix.screening.classical import BlankScreen, StructureScreen, UnchangedScreen
from genmix.screening.duplicates import DuplicatesScreen
from genmix.screening.features import ClassGaussians, DensityScreen, SimilarityScreen
from genmix.screening.safety import SafetyJudge, SafetyScreen
from genmix.screening.screen import Screen, SubjectScreen
from genmix.screening.settings import SafetySettings, ScreenSettings

AnyScreen: TypeAlias = Screen | SubjectScreen


def open_screens(
    settings: ScreenSettings, gaussians: ClassGaussians | None = None, *, own_checker: bool = False
) -> list[AnyScreen]:
    """Open the screens that are turned on, in the order of `ScreenSettings`.

    Args:
        settings: Which.
        gaussians: What the density screen compares with. Without, as in a preview of a few photos,
            that screen is left out.
        own_checker: Whether the editor has a safety checker that turns what it refuses all black;
            then that is a screen, too.

    Raises:
        ScreenError: If a screen's model cannot be opened.
        MissingExtraError: If a screen needs an extra that is not installed.
    """
    screens: list[AnyScreen] = []
    if settings.safety or own_checker:
        judge = _safety_judge(settings.safety) if settings.safety else None
        screens.append(SafetyScreen(own_checker=own_checker, judge=judge))
    if settings.blank:
        screens.append(BlankScreen(settings.blank))
    if settings.unchanged:
        screens.append(UnchangedScreen(settings.unchanged))
    if settings.structure:
        screens.append(StructureScreen(settings.structure))
    with _torch_needed():
        screens += _with_encoder(settings, gaussians)
        if settings.label:
            from genmix.screening.label import LabelScreen

            screens.append(LabelScreen(settings.label))
    if settings.duplicates:
        screens.append(DuplicatesScreen(settings.duplicates))
    return screens


def screen_models(settings: ScreenSettings) -> dict[str, str]:
    """Name the models that the screens ask, so that other weights under the same name are noticed.

    Returns:
        By screen, the hash of its model's weights; screens without a model are left out.

    Raises:
        ScreenError: If a model cannot be opened.
        MissingExtraError: If a screen needs an extra that is not installed.
    """
    models: dict[str, str] = {}
    with _torch_needed():
        for name, chosen in (("similarity", settings.similarity), ("density", settings.density)):
            if chosen:
                from genmix.screening.encoders import open_encoder

                models[name] = open_encoder(chosen.encoder).fingerprint
        if settings.label:
            from genmix.screening.label import open_classifier

            models["label"] = open_classifier(settings.label.model).fingerprint
    if settings.safety:
        models["safety"] = _safety_judge(settings.safety).fingerprint
    return {name: fingerprint[:_SHOWN] for name, fingerprint in models.items()}


_SHOWN = 16
"""Digits of a hash: enough to tell a few models apart, and to be read."""


def _safety_judge(settings: SafetySettings) -> SafetyJudge:
    if settings.checker is not None:
        if not all(map(find_spec, ("torch", "diffusers", "transformers"))):
            raise MissingExtraError("the safety screen with a checker", "diffusion")
        from genmix.screening.checker import open_checker

        return open_checker(settings.checker)
    with _torch_needed():
        from genmix.screening.label import ClassesJudge

        return ClassesJudge(settings.model or "", settings.classes, settings.max_probability)


@contextmanager
def _torch_needed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError("a screen with a model", "torch") from error


def _with_encoder(settings: ScreenSettings, gaussians: ClassGaussians | None) -> list[AnyScreen]:
    screens: list[AnyScreen] = []
    if chosen := settings.similarity:
        from genmix.screening.encoders import open_encoder

        encoder = open_encoder(chosen.encoder)
        limit = chosen.min_similarity
        screens.append(
            SimilarityScreen(encoder, encoder.limits.similarity if limit is None else limit)
        )
    if (by_class := settings.density) and gaussians:
        from genmix.screening.encoders import open_encoder

        encoder = open_encoder(by_class.encoder)
        limit = by_class.min_density
        screens.append(
            DensityScreen(encoder, gaussians, encoder.limits.density if limit is None else limit)
        )
    return screens
