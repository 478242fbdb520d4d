"""Composing a batch as GenMix does, in one pass over originals, edits and composites.

Pictures are planes of P pixels, one plane for each channel; masks and fractals are tables, of which
each sample names one. Pairs, N x 2 x C x P, may be given as originals and as edits alike: of the
one the first are taken, of the other the last.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from genmix.mixing.compiled import compiled, compiled_part

Values: TypeAlias = npt.NDArray[Any]
Indices: TypeAlias = npt.NDArray[np.int64]


@compiled
def compose(
    out: Values,
    originals: Values,
    edits: Values,
    masks: Values,
    mask_of: Indices,
    fractals: Values,
    fractal_of: Indices,
    blends: Values,
    unit: float,
) -> None:
    """Write A = (1 - λ) (M ⊙ Î + (1 - M) ⊙ I) + λ F.

    Args:
        out: A, N x C x P, float or uint8, which is rounded.
        originals: I, N x 1 or 2 x C x P.
        edits: Î, likewise.
        masks: M, a table of P weights each, float32.
        mask_of: Of each sample, its mask.
        fractals: F / unit, a table of C x P values each.
        fractal_of: Of each sample, its fractal.
        blends: λ of each sample, float; in whose type the sum is done.
        unit: What a fractal's 1 is worth in the pictures' range.
    """
    for i in range(len(out)):
        mask = masks[mask_of[i]]
        for c in range(out.shape[1]):
            fractal = fractals[fractal_of[i], c]
            _compose_plane(
                out[i, c], originals[i, 0, c], edits[i, -1, c], mask, fractal, blends[i], unit
            )


@compiled
def differing(pairs: Values) -> npt.NDArray[np.bool_]:
    """Tell of N x 2 x P values of which pairs the two differ."""
    found = np.zeros(len(pairs), np.bool_)
    for i in range(len(pairs)):
        original, edit = pairs[i]
        p = 0
        while p < len(original) and original[p] == edit[p]:
            p += 1
        found[i] = p < len(original)
    return found


@compiled_part
def _compose_plane(
    out: Values,
    original: Values,
    edit: Values,
    mask: Values,
    fractal: Values,
    blend: Any,
    unit: float,
) -> None:
    number = type(blend)
    half, one, worth = number(0.5), number(1), number(unit)
    for p in range(len(out)):
        weight, mine, theirs = number(mask[p]), number(original[p]), number(edit[p])
        if weight < half:  # from the nearer of the two, so that where they are equal both stay
            joined = mine + weight * (theirs - mine)
        else:
            joined = theirs - (one - weight) * (theirs - mine)
        value = (one - blend) * joined + blend * (worth * number(fractal[p]))
        out[p] = np.rint(value) if out.itemsize == 1 else value
