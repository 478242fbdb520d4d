"""Screens: does an edit still serve as a picture of its original's class? No model needed here."""

from genmix.screening.screen import Screen, Verdict

__all__ = ["Screen", "Verdict"]
