"""Arrays by what they hold, and three numbers; shape and unit are told where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["F32", "F64", "I16", "I32", "I64", "U8", "Array", "Bool", "Indices", "Mask", "Point", "Real"]

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]
Bool = npt.NDArray[np.bool_]
Mask = npt.NDArray[np.bool_]  # on the grid of an image
Real = npt.NDArray[Any]  # float32 or float64
Array = npt.NDArray[Any]
Point = tuple[float, float, float]  # a place or three lengths, as plain numbers
