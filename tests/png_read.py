"""The pixels of an image inside a page."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image


def pixels_of(uri: str) -> npt.NDArray[np.uint8]:
    """(rows, cols, channels) of a data URI."""
    file = io.BytesIO(base64.b64decode(uri.partition(",")[2]))
    return np.atleast_3d(np.asarray(Image.open(file)))
