"""What a proof of concept wrote down for its next start, read back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from genmix.errors import ExperimentError

Read = TypeVar("Read")


def read_record(path: Path, build: Callable[[Any], Read]) -> Read:
    """Read a JSON file that genmix wrote.

    Args:
        path: The file.
        build: Makes what it stands for of the plain values.

    Raises:
        ExperimentError: If it is damaged.
    """
    try:
        return build(json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(path) from error


def read_array(path: Path) -> npt.NDArray[np.uint8]:
    """Open an array that genmix wrote, without reading all of it.

    Raises:
        ExperimentError: If it is damaged.
    """
    try:
        array: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    return array


def _damaged(path: Path) -> ExperimentError:
    return ExperimentError(
        f"cannot read {path}, which genmix wrote for the next start: put it back from a copy, or "
        "give a new folder to -o"
    )
