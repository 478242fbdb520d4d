"""Fractals to blend in: families, palettes, and the bank that keeps them drawn."""

from genmix.fractals.bank import FractalBank

__all__ = ["FractalBank"]
