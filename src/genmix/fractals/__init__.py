"""Fractals to blend in: families, palettes, and the bank that keeps them drawn."""

from genmix.fractals.bank import FractalBank
from genmix.fractals.drawing import draw
from genmix.fractals.families import FAMILIES

__all__ = ["FAMILIES", "FractalBank", "draw"]
