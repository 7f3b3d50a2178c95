"""Images inside the page: a PNG as a data URI, so that the file loads nothing."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["data_uri", "encode"]

U8 = npt.NDArray[np.uint8]


def encode(pixels: U8) -> bytes:
    """PNG of (rows, cols) grey or (rows, cols, 3 | 4) colour."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "png")
    return file.getvalue()


def data_uri(pixels: U8) -> str:
    """``data:image/png;base64,...`` of the pixels."""
    return "data:image/png;base64," + base64.b64encode(encode(pixels)).decode("ascii")
