"""Stored pixels of a slice, compressed or not; every size is known before anything is decoded."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from osteoplan.arrays import Array
from osteoplan.errors import BadInput
from osteoplan.io.dicom.archive import Files
from osteoplan.io.dicom.header import Slice
from osteoplan.io.dicom.scan import Pixels, plain

__all__ = ["Decoder"]

_BIG_ENDIAN = "1.2.840.10008.1.2.2"


class Decoder:
    """Reads slices; keeps the last file open, because a multi-frame file is asked for many times."""

    def __init__(self, files: Files, pixels: dict[int, Pixels]) -> None:
        self._files, self._pixels = files, pixels
        self._number = -1
        self._stream: BinaryIO | None = None
        self._dataset: Any = None

    def stored(self, one: Slice) -> Array:
        """(rows, columns) stored values of a slice.

        Raises:
            BadInput: the pixels are damaged, or hold bits that the header does not allow.
        """
        self._turn_to(one.header.file)
        pixels = self._pixels[one.header.file]
        try:
            values = self._native(one, pixels.offset) if pixels.offset is not None else self._compressed(one)
        except (BadInput, MemoryError):
            raise
        except (
            Exception
        ):  # a decoder raises what the broken bytes happen to hit; its text may quote the header
            raise BadInput(f"{self._where(one)} cannot be decoded: copy or export the series again") from None
        if values.shape != one.header.shape[:2]:
            raise BadInput(
                f"{self._where(one)} decodes to another size than its header says: export it again"
            )
        self._require_bits(values, one)
        return values

    def close(self) -> None:
        """Let the last file go."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.close()
        self._stream = self._dataset = None

    def _turn_to(self, number: int) -> None:
        if number == self._number:
            return
        self.close()
        stream = self._files.open(number)
        where = f"{self._files.root}: file {number + 1} of {len(self._files)}"
        self._stream, self._number = plain(stream, where, self._files.limits), number

    def _native(self, one: Slice, offset: int) -> Array:
        rows, columns, _ = one.header.shape
        kind = np.dtype(f"{'i' if one.header.signed else 'u'}{one.header.bits[0] // 8}")
        big = self._pixels[one.header.file].syntax == _BIG_ENDIAN
        size = rows * columns * kind.itemsize
        assert self._stream is not None
        self._stream.seek(offset + one.number * size)
        values = np.frombuffer(self._stream.read(size), kind.newbyteorder(">" if big else "<"))
        return values.reshape(rows, columns)

    def _compressed(self, one: Slice) -> Array:
        import pydicom
        from pydicom.pixels import get_decoder

        if self._dataset is None:
            assert self._stream is not None
            self._stream.seek(0)
            self._dataset = pydicom.dcmread(self._stream)
        syntax = self._dataset.file_meta.TransferSyntaxUID
        values: Array = get_decoder(syntax).as_array(self._dataset, index=one.number, raw=True)[0]
        return values

    def _require_bits(self, values: Array, one: Slice) -> None:
        """Overlays in unused bits and values beyond the stored bits look alike: neither is guessed."""
        allocated, stored, _ = one.header.bits
        if stored == allocated:
            return
        low, high = (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if one.header.signed else (0, 2**stored - 1)
        if values.min() < low or values.max() > high:
            raise BadInput(
                f"{self._where(one)} holds values beyond its {stored} stored bits (an overlay, or a wrong "
                "header): export it again without overlays"
            )

    def _where(self, one: Slice) -> str:
        return f"{self._files.root}: file {one.header.file + 1} of {len(self._files)}"
