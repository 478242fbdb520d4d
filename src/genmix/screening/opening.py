"""Opening the screens that a recipe turns on; what needs torch is imported only if one asks."""

from genmix.errors import MissingExtraError
from genmix.screening.classical import BlankScreen, StructureScreen, UnchangedScreen
from genmix.screening.duplicates import DuplicatesScreen
from genmix.screening.features import ClassGaussians, DensityScreen, SimilarityScreen
from genmix.screening.screen import Screen, SubjectScreen
from genmix.screening.settings import ScreenSettings


def open_screens(
    settings: ScreenSettings, gaussians: ClassGaussians | None = None
) -> list[Screen | SubjectScreen]:
    """Open the screens that are turned on, in the order of `ScreenSettings.names`.

    Args:
        settings: Which.
        gaussians: What the density screen compares with. Without, as in a preview of a few photos,
            that screen is left out.

    Raises:
        ScreenError: If a screen's model cannot be opened.
        MissingExtraError: If a screen needs an extra that is not installed.
    """
    screens: list[Screen | SubjectScreen] = []
    if settings.blank:
        screens.append(BlankScreen(settings.blank))
    if settings.unchanged:
        screens.append(UnchangedScreen(settings.unchanged))
    if settings.structure:
        screens.append(StructureScreen(settings.structure))
    try:
        screens += _with_encoder(settings, gaussians)
        screens += _with_classifier(settings)
    except ModuleNotFoundError as error:
        raise MissingExtraError("a screen with a model", "torch") from error
    return screens


def _with_encoder(
    settings: ScreenSettings, gaussians: ClassGaussians | None
) -> list[Screen | SubjectScreen]:
    screens: list[Screen | SubjectScreen] = []
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


def _with_classifier(settings: ScreenSettings) -> list[Screen | SubjectScreen]:
    screens: list[Screen | SubjectScreen] = []
    if settings.label:
        from genmix.screening.label import LabelScreen

        screens.append(LabelScreen(settings.label))
    if settings.duplicates:
        screens.append(DuplicatesScreen(settings.duplicates))
    if settings.safety:
        from genmix.screening.label import SafetyScreen

        screens.append(SafetyScreen(settings.safety))
    return screens
