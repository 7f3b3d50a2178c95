"""A counting aid: what the labels show about the level of each vertebra.

A level is never guessed and never renamed.  What is told: which vertebrae are labelled, in what order, where
ribs and sacrum meet them, whether the scan holds anything that counting can start from, and what does not
fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from osteoplan.arrays import F64
from osteoplan.knowledge.values import number
from osteoplan.model.labels import LabelMap

__all__ = ["ORDER", "LevelCount", "LevelRow", "count_levels"]

_CERVICAL = tuple(f"C{n}" for n in range(1, 8))
_THORACIC = tuple(f"T{n}" for n in range(1, 14))
_LUMBAR = tuple(f"L{n}" for n in range(1, 7))
ORDER = (*_CERVICAL, *_THORACIC, *_LUMBAR)
"""Every level that a scheme may name, from above to below; T13 and L6 are variants."""

_VARIANTS = ("T13", "L6")
_PREFIX = "vertebrae_"


@dataclass(frozen=True, eq=False)
class LevelRow:
    """One labelled vertebra.

    Attributes:
        level: as labelled, e.g. ``T12``.
        centre_mm: (3,) LPS, for a name on a picture.
        rib_left, rib_right: number of the rib that meets it; None where none is labelled there.
        whole: the scan's edge does not cut it.
    """

    level: str
    centre_mm: F64
    rib_left: int | None
    rib_right: int | None
    whole: bool

    @property
    def z_mm(self) -> float:
        """Height of the centre [mm]."""
        return float(self.centre_mm[2])

    @property
    def ribs(self) -> tuple[int, ...]:
        """Numbers of the ribs that meet it."""
        return tuple(n for n in (self.rib_left, self.rib_right) if n is not None)


@dataclass(frozen=True, eq=False)
class LevelCount:
    """What the labels say about levels.

    Attributes:
        rows: vertebrae from above to below.
        anchors: from where levels can be counted on this scan: ``C1``, ``C2``, ``first rib``, ``sacrum``.
        consistent: False where something does not fit; True where an anchor is there and all fits; None where
            nothing can be counted from.
        sentences: what does not fit and what is missing, for people.
    """

    rows: tuple[LevelRow, ...]
    anchors: tuple[str, ...]
    consistent: bool | None
    sentences: tuple[str, ...]

    def row(self, level: str) -> LevelRow | None:
        """The row of a level; None where it is not labelled."""
        return next((row for row in self.rows if row.level == level), None)


def count_levels(labels: LabelMap | None) -> LevelCount:
    """Count levels from labelled vertebrae, ribs and sacrum; heights along the patient's z."""
    if labels is None:
        return _nothing(
            "no labels: levels cannot be counted; give a label map, or count by eye from C2 or the sacrum"
        )
    clouds = _clouds(labels)
    if not clouds:
        return _nothing("no vertebra is labelled: levels cannot be counted; label the spine, or count by eye")
    meets = _ribs(labels, clouds)
    rows = tuple(
        LevelRow(
            level,
            points.mean(axis=0),
            meets.get((level, "left")),
            meets.get((level, "right")),
            not labels.cut_by_edge(_PREFIX + level),
        )
        for level, points in sorted(clouds.items(), key=lambda item: -item[1][:, 2].mean())
    )
    above = _above_sacrum(labels, clouds)
    wrong = [*_order(rows), *_pieces(labels, rows), *_rib_mismatch(rows), *_rib_limits(rows)]
    wrong += _lumbar(rows, above)
    anchors = _anchors(rows, above)
    notes = _missing(labels, rows, anchors)
    consistent = False if wrong else (True if anchors else None)
    return LevelCount(rows, anchors, consistent, (*wrong, *notes))


def _nothing(sentence: str) -> LevelCount:
    return LevelCount((), (), None, (sentence,))


def _mm(name: str) -> float:
    return number(f"counting.{name}")


def _clouds(labels: LabelMap) -> dict[str, F64]:
    """Level -> (n, 3) LPS positions of its voxels."""
    return {level: _points(labels, _PREFIX + level) for level in ORDER if labels.has(_PREFIX + level)}


def _points(labels: LabelMap, name: str) -> F64:
    box = labels.near(name, 0.0)
    return box.positions_mm(np.argwhere(box.array))


def _ribs(labels: LabelMap, clouds: Mapping[str, F64]) -> dict[tuple[str, str], int]:
    """(level, side) -> number of the rib that meets it.

    A rib's head touches two vertebrae, its neck runs along one: the vertebra with most of the rib close by is
    the rib's own.
    """
    trees = {level: cKDTree(points) for level, points in clouds.items()}
    found: dict[tuple[str, str], int] = {}
    for name in labels.present():
        if not name.startswith("rib_"):
            continue
        side, rank = name.removeprefix("rib_").split("_")
        rib = _points(labels, name)
        close = {level: _close(rib, points, trees[level]) for level, points in clouds.items()}
        level = max(close, key=lambda at: close[at])
        if close[level] > 0:
            found[(level, side)] = int(rank)
    return found


def _close(rib: F64, points: F64, tree: cKDTree) -> float:
    """How much of a rib lies close to a vertebra: near voxels count more than far ones; 0 beyond reach."""
    reach = _mm("rib_reach_mm")
    near = rib[((rib >= points.min(axis=0) - reach) & (rib <= points.max(axis=0) + reach)).all(axis=1)]
    if len(near) == 0:
        return 0.0
    gap, _ = tree.query(near, distance_upper_bound=reach)
    touching = float(np.min(gap)) <= _mm("rib_touch_mm")
    return float(np.maximum(1.0 - gap[np.isfinite(gap)] / reach, 0.0).sum()) if touching else 0.0


def _above_sacrum(labels: LabelMap, clouds: Mapping[str, F64]) -> str | None:
    """The level that stands on the sacrum; None where no sacrum is labelled or nothing stands on it."""
    parts = [_points(labels, name) for name in ("vertebrae_S1", "sacrum") if labels.has(name)]
    if not parts:
        return None
    tree = cKDTree(np.concatenate(parts))
    lowest = min(clouds, key=lambda level: clouds[level][:, 2].mean())
    gap = float(tree.query(clouds[lowest])[0].min())
    return lowest if gap <= _mm("sacrum_touch_mm") else None


def _order(rows: Sequence[LevelRow]) -> list[str]:
    said: list[str] = []
    steps = [float(np.linalg.norm(a.centre_mm - b.centre_mm)) for a, b in pairwise(rows)]
    usual = float(np.median(steps)) if steps else 0.0
    for upper, lower, step in zip(rows, rows[1:], steps, strict=False):
        rank = ORDER.index(lower.level) - ORDER.index(upper.level)
        skipped = [
            lv for lv in ORDER[ORDER.index(upper.level) + 1 : ORDER.index(lower.level)] if lv not in _VARIANTS
        ]
        if rank < 0:
            said.append(f"{lower.level} is labelled below {upper.level}: the order of the labels is wrong")
        elif skipped and (upper.level, lower.level) != ("L4", "L6"):
            names = ", ".join(skipped)
            wide = step > _mm("gap_ratio") * usual
            why = "a vertebra there has no label" if wide else "no room for it: a number was jumped"
            said.append(
                f"{names} is missing between {upper.level} and {lower.level} ({step:.0f} mm apart): {why}"
            )
    said += [
        f"a vertebra is labelled {row.level}: a variant, or a counting error"
        for row in rows
        if row.level in _VARIANTS
    ]
    return said


def _pieces(labels: LabelMap, rows: Sequence[LevelRow]) -> list[str]:
    """Labels that hold two bones: one number given twice."""
    said: list[str] = []
    for row in rows:
        box = labels.near(_PREFIX + row.level, 0.0)
        names, count = ndimage.label(box.array)
        if count < 2:
            continue
        sizes = np.bincount(names.ravel())[1:]
        large = np.flatnonzero(sizes > _mm("piece_part") * sizes.sum()) + 1
        if len(large) > 1:
            heights = [box.positions_mm(np.argwhere(names == k))[:, 2].mean() for k in large]
            if max(heights) - min(heights) > _mm("piece_apart_mm"):
                said.append(
                    f"the label {row.level} holds {len(large)} separate bones: a number was given twice"
                )
    return said


def _rib_mismatch(rows: Sequence[LevelRow]) -> list[str]:
    """Ribs whose number is not that of the thoracic vertebra that they meet."""
    shifts: dict[int, list[str]] = {}
    for row in rows:
        if not row.level.startswith("T"):
            continue
        for side, rib in (("left", row.rib_left), ("right", row.rib_right)):
            if rib is not None and rib != int(row.level[1:]):
                shifts.setdefault(int(row.level[1:]) - rib, []).append(f"{side} rib {rib} meets {row.level}")
    said: list[str] = []
    for shift, pairs in shifts.items():
        if len(pairs) >= _mm("shift_pairs"):
            way = "lower" if shift > 0 else "higher"
            said.append(
                f"{len(pairs)} ribs meet a vertebra with a number {abs(shift)} "
                f"{'more' if shift > 0 else 'less'} than "
                f"their own ({pairs[0]} ...): vertebrae or ribs are numbered {abs(shift)} too {way}"
            )
        else:
            said += [f"{pair}: rib and vertebra are numbered differently" for pair in pairs]
    return said


def _rib_limits(rows: Sequence[LevelRow]) -> list[str]:
    """Ribs where none belong, and thoracic vertebrae without one."""
    said: list[str] = []
    bearing = [row for row in rows if row.ribs]
    for row in bearing:
        if row.level.startswith("L"):
            said.append(
                f"a vertebra with a rib is labelled {row.level}: 13 rib-bearing vertebrae, or a "
                f"counting error"
            )
        if row.level.startswith("C"):
            said.append(f"a vertebra with a rib is labelled {row.level}: a cervical rib, or a counting error")
    if not bearing:
        return said
    lowest = bearing[-1]
    for row in rows:
        if not row.level.startswith("T") or not row.whole:
            continue
        sides = [s for s, rib in (("left", row.rib_left), ("right", row.rib_right)) if rib is None]
        if len(sides) == 2:
            what = "a lower number of ribs" if row.z_mm < lowest.z_mm else "a rib that has no label"
            said.append(f"{row.level} meets no rib: {what}, or a counting error")
        elif sides:
            said.append(f"{row.level} meets no {sides[0]} rib: not labelled, or not there")
    first = any(1 in row.ribs for row in bearing)
    if first and len(bearing) > 12:
        said.append(f"{len(bearing)} vertebrae bear ribs, 12 are usual: a variant, or a counting error")
    return said


def _lumbar(rows: Sequence[LevelRow], above_sacrum: str | None) -> list[str]:
    said: list[str] = []
    if above_sacrum is None:
        return said
    if above_sacrum != "L5":
        said.append(
            f"the vertebra on the sacrum is labelled {above_sacrum}: 4 or 6 lumbar vertebrae, a "
            f"transitional one, "
            "or a counting error"
        )
    with_rib = [i for i, row in enumerate(rows) if row.ribs]
    if with_rib and (free := len(rows) - 1 - with_rib[-1]) != 5:
        said.append(
            f"{free} vertebrae without a rib are labelled between the lowest rib and the sacrum, 5 are "
            f"usual: "
            "a variant (4 or 6 lumbar), a rib without a label, or a counting error"
        )
    return said


def _anchors(rows: Sequence[LevelRow], above_sacrum: str | None) -> tuple[str, ...]:
    found = [level for level in ("C1", "C2") if any(r.level == level and r.whole for r in rows)]
    levels = {row.level: i for i, row in enumerate(rows)}
    first = next((i for i, row in enumerate(rows) if 1 in row.ribs), None)
    # rib 1 counts only where the vertebra above it is seen and bears none: else it is just the highest one
    # seen
    if first is not None and first > 0 and not rows[first - 1].ribs and levels.get("T1") == first:
        found.append("first rib")
    if above_sacrum is not None:
        found.append("sacrum")
    return tuple(found)


def _missing(labels: LabelMap, rows: Sequence[LevelRow], anchors: Sequence[str]) -> list[str]:
    said: list[str] = []
    if not anchors:
        said.append(
            "neither C1 or C2, nor a first rib below a rib-free vertebra, nor the sacrum under a lumbar "
            "vertebra is on "
            "the scan: levels cannot be counted here; count on a larger scan"
        )
    elif anchors == ("sacrum",):
        said.append("levels can be counted from the sacrum only: 4 or 6 lumbar vertebrae would go unnoticed "
                    "without the ribs")  # fmt: skip
    if not any(name.startswith("rib_") for name in labels.present()):
        said.append("no rib is labelled: ribs confirm no level")
    cut = [row.level for row in rows if not row.whole]
    if cut:
        said.append(f"cut by the scan's edge: {', '.join(cut)}")
    return said
