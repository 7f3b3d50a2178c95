"""Images inside the page: a PNG as a data URI, so that the file loads nothing."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

__all__ = ["data_uri", "decode", "encode"]

U8 = npt.NDArray[np.uint8]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}  # channels -> grey, RGB, RGBA


def encode(pixels: U8) -> bytes:
    """PNG of (rows, cols) grey or (rows, cols, 3 | 4) colour.

    Each byte is stored less its left neighbour (filter 1), which packs CT grey better than raw bytes.

    Source: Portable Network Graphics specification, W3C, sections 9 and 11.
    """
    image = np.ascontiguousarray(pixels, dtype=np.uint8)
    rows, cols = image.shape[:2]
    channels = 1 if image.ndim == 2 else image.shape[2]
    flat = image.reshape(rows, cols, channels)
    left = np.zeros_like(flat)
    left[:, 1:] = flat[:, :-1]
    lines = np.empty((rows, 1 + cols * channels), dtype=np.uint8)
    lines[:, 0] = 1
    lines[:, 1:] = (flat - left).reshape(rows, -1)
    header = struct.pack(">IIBBBBB", cols, rows, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    body = zlib.compress(lines.tobytes(), 9)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def data_uri(pixels: U8) -> str:
    """``data:image/png;base64,...`` of the pixels."""
    return "data:image/png;base64," + base64.b64encode(encode(pixels)).decode("ascii")


def decode(uri: str) -> U8:
    """Pixels of a data URI that ``data_uri`` made: (rows, cols, channels)."""
    raw = base64.b64decode(uri.partition(",")[2])
    cols, rows, _, colour_type = struct.unpack(">IIBB", raw[16:26])
    channels = {kind: n for n, kind in _COLOUR_TYPE.items()}[colour_type]
    start = raw.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", raw[start - 8 : start - 4])
    lines = np.frombuffer(zlib.decompress(raw[start : start + length]), dtype=np.uint8).reshape(rows, -1)
    steps = lines[:, 1:].reshape(rows, cols, channels)
    return np.add.accumulate(steps, axis=1, dtype=np.uint8)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
