"""Screens: does an edit still serve as a picture of its original's class?

Three need no model and are on by default; those with a model need torch, and are opened if asked.
"""

from genmix.screening.classical import BlankScreen, StructureScreen, UnchangedScreen
from genmix.screening.duplicates import DuplicatesScreen
from genmix.screening.features import (
    ClassGaussians,
    DensityScreen,
    Gaussian,
    SimilarityScreen,
    fit_gaussians,
)
from genmix.screening.opening import AnyScreen, open_screens, screen_models
from genmix.screening.safety import SafetyScreen
from genmix.screening.screen import Screen, Subject, SubjectScreen, Verdict, judge_all
from genmix.screening.settings import (
    BlankSettings,
    DensitySettings,
    DuplicateSettings,
    LabelSettings,
    SafetySettings,
    ScreenSettings,
    SimilaritySettings,
    StructureSettings,
    UnchangedSettings,
)

__all__ = [
    "AnyScreen",
    "BlankScreen",
    "BlankSettings",
    "ClassGaussians",
    "DensityScreen",
    "DensitySettings",
    "DuplicateSettings",
    "DuplicatesScreen",
    "Gaussian",
    "LabelSettings",
    "SafetyScreen",
    "SafetySettings",
    "Screen",
    "ScreenSettings",
    "SimilarityScreen",
    "SimilaritySettings",
    "StructureScreen",
    "StructureSettings",
    "Subject",
    "SubjectScreen",
    "UnchangedScreen",
    "UnchangedSettings",
    "Verdict",
    "fit_gaussians",
    "judge_all",
    "open_screens",
    "screen_models",
]
