"""Pictures in and out: decode, orient, resize, encode; the only place that touches a codec.

A picture is a C-contiguous `uint8` array, height x width x 3, RGB. Every mode a file may have is
made RGB in one stated way (see `decode`).
"""

import io
import warnings
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageFile, ImageOps

from genmix.errors import ImageError

Image: TypeAlias = npt.NDArray[np.uint8]
Fit: TypeAlias = Literal["stretch", "crop", "pad"]

MAX_PIXELS = 200_000_000
"""Above this many pixels a file is refused unread: no camera makes it, a bomb does."""
