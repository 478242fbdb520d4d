"""Screens: does an edit still serve as a picture of its original's class? No model needed here."""

from genmix.screening.classical import (
    BlankScreen,
    BlankSettings,
    ScreenSettings,
    StructureScreen,
    StructureSettings,
    UnchangedScreen,
    UnchangedSettings,
    open_screens,
)
from genmix.screening.screen import Screen, Verdict

__all__ = [
    "BlankScreen",
    "BlankSettings",
    "Screen",
    "ScreenSettings",
    "StructureScreen",
    "StructureSettings",
    "UnchangedScreen",
    "UnchangedSettings",
    "Verdict",
    "open_screens",
]
