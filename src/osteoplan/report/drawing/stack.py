"""Every slice through a bone, small, with its outline: a stack to leaf through and to point at."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from osteoplan.arrays import F64, U8, Mask
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.colours import BONE, LESION
from osteoplan.report.drawing.pictures import BONE_WINDOW, Legend, Picture, Stroke, outline
from osteoplan.report.drawing.plane import fit

__all__ = ["DrawnMask", "stack"]

_AIR = -1024.0
_PIXELS, _FEW = 220, 130  # along the longer edge of a slice; of one of very many
_MANY = 200  # slices
_QUALITY = 60  # of a JPEG: bone stays legible at a few kilobytes a slice


@dataclass(frozen=True, eq=False)
class DrawnMask:
    """A mask, on a grid of its own, that is drawn on every slice."""

    words: str
    mask: Mask
    grid: Volume
    colour: str = BONE

    @classmethod
    def lesion(cls, mask: Mask, grid: Volume) -> DrawnMask:
        """The lesion in its colour."""
        return cls("lesion", mask, grid, LESION)


def stack(
    ct: Volume,
    what: str,
    hold_mm: F64,
    things: Sequence[DrawnMask],
    *,
    width: float,
    margin_mm: float,
    most: int | None = None,
    stamps: Sequence[str] = (),
) -> tuple[Picture, ...]:
    """Axial pictures from below to above, one for each slice of the scan through what they must hold.

    Args:
        hold_mm: (n, 3) LPS positions.
        most: at most so many; by default none is left out.
    """
    axis = int(np.argmax(np.abs(ct.direction[2])))
    low, high = float(hold_mm[:, 2].min()), float(hold_mm[:, 2].max())
    step = float(ct.spacing_mm[axis])
    count = int(np.floor((high - low) / step + 1e-6)) + 1
    if most is not None and count > most:
        step, count = (high - low) / (most - 1), most
    edge = float(np.ptp(hold_mm[:, :2], axis=0).max()) + 2 * margin_mm
    pixel = max(edge / (_PIXELS if count <= _MANY else _FEW), float(ct.spacing_mm.min()))
    parts = [(thing, thing.grid.with_array(thing.mask.astype(np.float32), "fraction")) for thing in things]
    legend = tuple(Legend(thing.words, thing.colour) for thing in things)
    pictures = []
    for z in low + step * np.arange(count):
        middle = np.array([*hold_mm[:, :2].mean(axis=0), z])
        plane = fit("axial", what, middle, hold_mm, margin_mm=margin_mm, pixel_mm=pixel)
        unit = width / plane.cols
        paths = [
            (thing, outline(plane.sample(mask, outside=0.0), 0.5, unit))
            for thing, mask in parts
            if plane.meets(mask)
        ]
        pictures.append(
            Picture(
                title=plane.place, window=BONE_WINDOW.words,
                image=_jpeg(BONE_WINDOW.grey(plane.sample(ct, outside=_AIR))), width=width,
                height=plane.rows * unit, letters=plane.letters(), scale_bar=10.0 / plane.pixel_mm * unit,
                outlines=tuple(Stroke(path, thing.colour) for thing, path in paths if path),
                legend=legend, stamps=tuple(stamps), at=plane.drawn(unit),
            )
        )  # fmt: skip
    return tuple(pictures)


def _jpeg(grey: U8) -> str:
    """A data URI a third as long as that of a PNG."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(file, "jpeg", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
