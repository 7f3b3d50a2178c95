"""A mask that another program made, and how it comes to lie on the CT's grid.

Planes whose pixel centres are the CT's voxel centres are copied; planes on another grid of the same frame of
reference go to the nearest voxel, and that is said; planes of another frame are refused.  Without a frame on
either side only a grid that equals the CT's is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from osteoplan.arrays import F64, Mask
from osteoplan.errors import BadInput, GeometryMismatch, UnknownName
from osteoplan.kernels.resample import gather_nearest
from osteoplan.knowledge import values
from osteoplan.knowledge.structures import canonical, is_known
from osteoplan.model.volume import Volume

__all__ = ["ForeignMask", "Masks", "chosen", "clean_label", "lay_on", "matching", "require_frame", "unique"]

UNKNOWN_FRAME = "scan"  # the frame of an image whose format has none (NIfTI, NRRD)
# A DICOM series without a frame of reference is in a frame of its own, which is nobody else's.
_NO_FRAME = ("", UNKNOWN_FRAME, "frame-of-")


@dataclass(frozen=True)
class ForeignMask:
    """A mask on the CT's grid, and what was done to bring it there.

    Attributes:
        mask: bool, on the CT's grid and in its frame.
        notes: sentences for the report; empty where nothing had to be decided.
        called: which contour or segment of its file it is; "" for a file that holds one mask.
    """

    mask: Volume
    notes: tuple[str, ...] = ()
    called: str = ""


@dataclass(frozen=True, eq=False)
class Masks:
    """Parallel flat masks in patient space, in any order; a plane that is not listed is empty.

    Attributes:
        masks: (n, rows, columns) bool, cut out of the full planes.
        first: row and column of the cut's first pixel in the full plane.
        full: rows and columns of the full plane.
        corners_mm: (n, 3) centre of pixel (0, 0) of the full plane, LPS [mm].
        right_mm, down_mm: (3,) step to the next column, to the next row [mm].
        step_mm: distance between neighbouring planes [mm]; None where the file does not tell.
        frame: frame of reference; None where the file has none.
    """

    masks: Mask
    first: tuple[int, int]
    full: tuple[int, int]
    corners_mm: F64
    right_mm: F64
    down_mm: F64
    step_mm: float | None
    frame: str | None

    @property
    def volume_mL(self) -> float | None:
        """What is drawn [mL]; None where the distance of the planes is unknown."""
        if self.step_mm is None:
            return None
        area_mm2 = float(np.linalg.norm(np.cross(self.right_mm, self.down_mm)))
        return float(self.masks.sum()) * area_mm2 * self.step_mm / 1000


def lay_on(planes: Masks, ct: Volume, *, what: str) -> ForeignMask:
    """The planes as a mask on the CT's grid.

    Args:
        planes: what was drawn.
        ct: the scan that the plan is made on.
        what: its name in messages, for example "segment 2 'tumour'".

    Raises:
        GeometryMismatch: another frame of reference, no frame and another grid, or wholly outside the CT.
        BadInput: the distance between its planes is needed and not known.
    """
    known = require_frame(what, planes.frame, ct)
    places = _on_lattice(planes, ct)
    if not known and (places is None or not _covers(planes, places, ct)):
        raise GeometryMismatch(
            f"{what} and the CT cannot be shown to share a frame of reference ({_who(planes.frame, ct)}) and "
            "their grids differ: load the DICOM series that it was drawn on"
        )
    if places is not None:
        array, outside = _copied(planes, places, ct)
        notes = _outside_note(what, outside * ct.voxel_volume_mm3 / 1000)
    else:
        array, notes = _resampled(planes, ct, what)
    if not array.any():
        raise GeometryMismatch(f"{what} lies wholly outside the CT: load the series that it was drawn on")
    if not known:
        notes = (
            f"{what} was taken as drawn on this CT because the grids are equal; no frame of reference "
            f"proves it ({_who(planes.frame, ct)}): look at the pictures",
            *notes,
        )
    return ForeignMask(ct.with_array(array, "mask"), notes)


def require_frame(what: str, frame: str | None, ct: Volume) -> bool:
    """True where both frames are known and equal, False where one is unknown.

    Raises:
        GeometryMismatch: both are known and differ.
    """
    if frame is None or _bare(ct):
        return False
    if frame != ct.frame:
        raise GeometryMismatch(
            f"{what} is on frame {frame}, the CT on {ct.frame}: it was drawn on another study; register them "
            "or load the matching series"
        )
    return True


def matching(wanted: str | int, labels: Mapping[int, str]) -> tuple[int, ...]:
    """Numbers that are meant: the exact label first, then the label in any case, then the number."""
    text = str(wanted).strip()
    if not isinstance(wanted, int):
        exact = tuple(number for number, label in labels.items() if label == text)
        alike = tuple(number for number, label in labels.items() if label.casefold() == text.casefold())
        if exact or alike:
            return exact or alike
    return (int(text),) if text.isdecimal() and int(text) in labels else ()


def chosen(
    what: str, wanted: str | int | None, labels: Mapping[int, str], found: Sequence[int], where: str
) -> int:
    """The one number that is meant.

    Args:
        wanted: name or number; None for the only one.
        labels: what may be shown; "" for a name that quotes the patient.
        found: numbers that are meant by ``wanted``.

    Raises:
        UnknownName: there is none; the nearest is named.
        BadInput: there are several.
    """
    if len(found) == 1:
        return found[0]
    if wanted is None:
        listed = ", ".join(f"{n} '{labels[n]}'" if labels[n] else f"{n} ({_HIDDEN})" for n in found)
        raise BadInput(
            f"{where}: holds {len(found)} {what}s{f': {listed}' if found else ''}; say which one with "
            "--part NAME or NUMBER"
        )
    if found:
        numbers = ", ".join(map(str, found))
        raise BadInput(
            f"{where}: {len(found)} {what}s are called '{clean_label(wanted)}'; give its number ({numbers})"
        )
    known = [labels[n] or f"{n} ({_HIDDEN})" for n in labels]
    raise UnknownName(what, clean_label(wanted), known, where)


_HIDDEN = "its name quotes a person and is not shown"


def unique(pairs: Iterable[tuple[int, str]], what: str, where: str) -> dict[int, str]:
    """Names by number.

    Raises:
        BadInput: two different ones share a number, so that nobody can tell what belongs to which.
    """
    names: dict[int, str] = {}
    for number, name in pairs:
        if names.setdefault(number, name) != name:
            raise BadInput(
                f"{where}: two {what}s have the number {number}, so what is drawn cannot be told apart; "
                "export it again with a number for each"
            )
    return names


def clean_label(text: object, private: tuple[str, ...] = ()) -> str:
    """A name that somebody typed, on one line and short; empty where it holds a word of ``private``.

    What is the name of a bone or organ is no secret: somebody may be called like one.

    Args:
        text: free text out of a foreign file.
        private: words of the patient's name and number in that file.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text or "")).split())
    if any(word.casefold() in line.casefold() for word in private) and not is_known(canonical(line)):
        return ""
    return line[: int(values.number("contours.label_length_max"))].rstrip()


def _who(frame: str | None, ct: Volume) -> str:
    without = [name for name, bare in (("it", frame is None), ("the CT", _bare(ct))) if bare]
    return " and ".join(without) + (" have none" if len(without) > 1 else " has none")


def _bare(ct: Volume) -> bool:
    """True where the CT's frame says nothing about which other images share it."""
    return ct.frame in _NO_FRAME or ct.frame.startswith(_NO_FRAME[-1])


def _on_lattice(planes: Masks, ct: Volume) -> tuple[F64, F64, F64] | None:
    """CT indices of the corners and of both steps, where every pixel centre is a voxel centre; else None."""
    turn = np.linalg.inv(ct.affine[:3, :3])
    right, down = np.rint(turn @ planes.right_mm), np.rint(turn @ planes.down_mm)
    if abs(right).sum() != 1 or abs(down).sum() != 1 or right @ down != 0:
        return None
    across = ct.spacing_mm[int(np.flatnonzero(right + down == 0)[0])]
    if planes.step_mm is not None and np.rint(planes.step_mm / across) != 1:
        return None  # a plane that stands for several of the CT's slices, or for a part of one
    corners = np.rint(ct.indices(planes.corners_mm))
    rows, columns = planes.full
    tolerance = values.number("contours.same_place_mm")
    for row, column in ((0, 0), (rows - 1, 0), (0, columns - 1), (rows - 1, columns - 1)):
        drawn = planes.corners_mm + row * planes.down_mm + column * planes.right_mm
        gap = ct.positions_mm(corners + row * down + column * right) - drawn
        if np.linalg.norm(gap, axis=-1).max() > tolerance:
            return None
    return corners, right, down


def _covers(planes: Masks, places: tuple[F64, F64, F64], ct: Volume) -> bool:
    """True where each plane is one whole slice of the CT."""
    corners, right, down = places
    rows, columns = planes.full
    far = corners + (rows - 1) * down + (columns - 1) * right
    low, high = np.minimum(corners, far), np.maximum(corners, far)
    across = (abs(right) + abs(down)) > 0
    last = np.array(ct.shape) - 1
    whole = (low[:, across] == 0).all() and (high[:, across] == last[across]).all()
    return bool(whole and (low >= 0).all() and (high <= last).all())


def _copied(planes: Masks, places: tuple[F64, F64, F64], ct: Volume) -> tuple[Mask, int]:
    """The mask, and how many drawn voxels lie outside the CT."""
    corners, right, down = (part.astype(int) for part in places)
    array, outside = np.zeros(ct.shape, dtype=bool), 0
    for corner, mask in zip(corners, planes.masks, strict=True):
        rows, columns = np.nonzero(mask)
        at = corner + (rows + planes.first[0])[:, None] * down + (columns + planes.first[1])[:, None] * right
        inside = ((at >= 0) & (at < ct.shape)).all(axis=1)
        array[tuple(at[inside].T)] = True
        outside += int((~inside).sum())
    return array, outside


def _resampled(planes: Masks, ct: Volume, what: str) -> tuple[Mask, tuple[str, ...]]:
    """The nearest plane and pixel of each CT voxel, half a pixel and half a step beyond the outermost."""
    drawn = _stacked(planes, what)
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in drawn.shape])).reshape(3, -1).T
    reach = ct.indices(drawn.positions_mm(corners))
    low, high = np.floor(reach.min(axis=0)).astype(int), np.ceil(reach.max(axis=0)).astype(int) + 1
    box = ct.crop(low, high)
    start = np.clip(low, 0, ct.shape)
    array = np.zeros(ct.shape, dtype=bool)
    if box.array.size:
        near = gather_nearest(drawn.array, drawn.affine, box.affine, box.shape)
        array[tuple(slice(a, a + n) for a, n in zip(start, box.shape, strict=True))] = near
    drawn_mL = float(drawn.array.sum()) * drawn.voxel_volume_mm3 / 1000
    mL = float(array.sum()) * ct.voxel_volume_mm3 / 1000
    spacing = " x ".join(f"{s:.2f}" for s in drawn.spacing_mm)
    note = (
        f"{what} was drawn on another grid of the same frame ({spacing} mm): each CT voxel takes its nearest "
        f"value; {drawn_mL:.1f} mL were drawn, {mL:.1f} mL lie on the CT"
    )
    return array, (note,)


def _stacked(planes: Masks, what: str) -> Volume:
    """The planes as one image with a rim of empty voxels, so that the outermost reach half a step on."""
    across = np.cross(planes.right_mm, planes.down_mm)
    normal = across / np.linalg.norm(across)
    if planes.step_mm is None:
        raise BadInput(
            f"{what} lies on another grid than the CT and the distance of its planes is not known: "
            "export it on the CT's own slices"
        )
    offsets = planes.corners_mm @ normal
    side = planes.corners_mm - offsets[:, None] * normal
    tolerance = values.number("contours.contour_plane_mm")
    if np.ptp(side, axis=0).max() > tolerance:
        raise BadInput(
            f"{what} has staggered planes (gantry tilt or tiles): export it on the CT's own slices"
        )
    k = np.rint((offsets - offsets.min()) / planes.step_mm).astype(int)
    _, rows, columns = planes.masks.shape
    array = np.zeros((columns + 2, rows + 2, int(k.max()) + 3), dtype=bool)
    for n, mask in zip(k, planes.masks, strict=True):
        array[1:-1, 1:-1, n + 1] |= mask.T
    affine = np.eye(4)
    step = normal * planes.step_mm
    affine[:3, :3] = np.stack([planes.right_mm, planes.down_mm, step], axis=1)
    lowest = planes.corners_mm[int(np.argmin(offsets))]
    affine[:3, 3] = (
        lowest + (planes.first[0] - 1) * planes.down_mm + (planes.first[1] - 1) * planes.right_mm - step
    )
    return Volume(array, affine, "mask")


def _outside_note(what: str, outside_mL: float) -> tuple[str, ...]:
    if outside_mL == 0:
        return ()
    return (f"{outside_mL:.2f} mL of {what} lie outside the CT and are left out",)
