"""Canal, neural foramina and the tubes of nerve roots, level by level, from the vertebrae's own shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from osteoplan.anatomy.aligned import MARGIN_MM
from osteoplan.anatomy.derive.canvas import Canvas, Derived, not_derived
from osteoplan.anatomy.facing import turned_away
from osteoplan.anatomy.pieces import largest_piece
from osteoplan.anatomy.vertebra import Vertebra, read_vertebra
from osteoplan.arrays import F64, Mask
from osteoplan.boxes import Box, relative, shared
from osteoplan.errors import BadInput
from osteoplan.kernels.vectors import axes_along, unit
from osteoplan.knowledge.structures import SPINE_LEVELS
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["SpineLevel", "canal", "foramina_and_roots", "read_levels"]

OVERLAP_MM = 2.0  # canals of neighbours overlap by twice this, so that no slice between them is empty


@dataclass(frozen=True, eq=False)
class SpineLevel:
    """One vertebra that could be read, with the grid that its parts lie on."""

    name: str
    vertebra: Vertebra
    grid: Volume

    def pedicle_mm(self, side: str) -> F64:
        """(n, 3) LPS voxel centres of a pedicle."""
        return self.grid.positions_mm(np.argwhere(self.vertebra.parts[f"pedicle_{side}"]))


def read_levels(canvas: Canvas, wanted: Sequence[str]) -> tuple[dict[str, SpineLevel], tuple[str, ...]]:
    """The vertebrae of these levels that are labelled whole, and sentences on those that are not."""
    present = [level for level in SPINE_LEVELS if canvas.labels.has(f"vertebrae_{level}")]
    found, notes = {}, []
    for level in (name for name in present if name in wanted and name != "S1"):  # S1 is part of the sacrum
        label = f"vertebrae_{level}"
        if canvas.labels.cut_by_edge(label):
            notes.append(
                f"canal, foramina and roots of {level} are not derived: it is cut by the scan's edge"
            )
            continue
        near = canvas.labels.near(label, 3.0)
        whole = near.with_array(largest_piece(near.array), "mask")
        try:
            vertebra = read_vertebra(whole, up=_up(canvas, present, level))
            wrong = turned_away(level, vertebra.frame)
            if wrong:
                raise BadInput(wrong)
            found[level] = SpineLevel(level, vertebra, whole)
        except BadInput as why:
            notes.append(f"canal, foramina and roots of {level} are not derived: {why}")
    return found, tuple(notes)


def _up(canvas: Canvas, present: Sequence[str], level: str) -> F64 | None:
    """From the middle of the level below to the middle of the level above."""
    at = present.index(level)
    ends = [present[min(at + 1, len(present) - 1)], present[max(at - 1, 0)]]
    below, above = (_middle(canvas, name) for name in ends)
    return None if ends[0] == ends[1] else above - below


def _middle(canvas: Canvas, level: str) -> F64:
    box = canvas.labels.box(f"vertebrae_{level}")
    return canvas.ct.positions_mm([0.5 * (side.start + side.stop - 1) for side in box])


def canal(canvas: Canvas, levels: dict[str, SpineLevel]) -> Derived:
    """The spinal canal along all levels that could be read, one structure; the sacrum has its own."""
    if not levels:
        return Derived()
    margin = number("vertebra.canal_beyond_mm")
    around = canvas.widened(canvas.points_box(f"vertebrae_{name}" for name in levels), margin)
    found = np.zeros([side.stop - side.start for side in around], dtype=bool)
    for name, level in levels.items():
        box = canvas.widened(canvas.labels.box(f"vertebrae_{name}"), margin)
        part = level.vertebra.canal_mask(canvas.ct.on(box), canvas.bones(box))
        left, posterior, height = np.moveaxis(level.vertebra.frame.local(canvas.positions_mm(box)), -1, 0)
        # On coarse voxels a hollow endplate can look like a ring: nothing before the posterior wall is canal.
        part &= posterior >= level.vertebra.wall.posterior_mm(left, height) - OVERLAP_MM
        low, high = _reach(name, levels)
        found[relative(box, around)] |= largest_piece(part & (height >= low) & (height <= high))
    for box, tube in _joined(canvas, levels):
        both = shared(box, around)
        if both is not None:
            found[relative(both, around)] |= tube[relative(both, box)] & ~canvas.bones(both)
    because = f"hole of the rings of {', '.join(levels)}, drawn on between them, without bone"
    return canvas.put("spinal_canal", "canal", around, found, because)


def _joined(canvas: Canvas, levels: dict[str, SpineLevel]) -> Iterator[tuple[Box, Mask]]:
    """Tubes from canal to canal of neighbours, and below the last level, as wide as the canals are deep."""
    names = list(levels)
    for name, after in zip(names, [*names[1:], None], strict=True):
        one = levels[name].vertebra
        here, radius = _canal_middle(one)
        if after is not None and _follows(name, after):
            there, other = _canal_middle(levels[after].vertebra)
            radius = min(radius, other)
        else:
            low = (
                one.bone.axis(2)[0] + MARGIN_MM
            )  # where the bone's own grid ends: bone and the canal drawn on
            there = here + low * one.frame.superior
        yield canvas.tube([here, there], radius)


def _canal_middle(vertebra: Vertebra) -> tuple[F64, float]:
    """Centre of the canal at the height of the body's middle (LPS mm), and half its depth [mm]."""
    ring = vertebra.canal
    middle = (0.5 * (ring.left_mm + ring.right_mm), 0.5 * (ring.front_mm + ring.back_mm), 0.0)
    return vertebra.frame.world(middle), 0.5 * (ring.back_mm - ring.front_mm)


def _reach(name: str, levels: dict[str, SpineLevel]) -> tuple[float, float]:
    """Heights in the vertebra's own frame between which its canal holds: half way to its neighbours' rings.

    Drawn on straight, a canal would leave the curve of the spine through the next vertebra's lamina or disc.
    """
    one = levels[name].vertebra
    low, high = -np.inf, np.inf
    for other in levels.values():
        ring = other.vertebra.canal
        middle = (0.5 * (ring.left_mm + ring.right_mm), 0.5 * (ring.front_mm + ring.back_mm))
        lowest = float(one.frame.local(other.vertebra.frame.world((*middle, ring.low_mm)))[2])
        highest = float(one.frame.local(other.vertebra.frame.world((*middle, ring.high_mm)))[2])
        if _follows(other.name, name):
            high = 0.5 * (one.canal.high_mm + lowest) + OVERLAP_MM
        elif _follows(name, other.name):
            low = 0.5 * (one.canal.low_mm + highest) - OVERLAP_MM
    return low, high


@dataclass(frozen=True, eq=False)
class _Gate:
    """The space between two pedicles of one side: frame, and edges in (side, posterior, superior) [mm]."""

    frame: BoneFrame
    sign: float
    inner: float
    outer: float
    front: float
    back: float
    bottom: float
    top: float

    def world(self, outward: float, posterior: float, superior: float) -> F64:
        return self.frame.world((self.sign * outward, posterior, superior))


def foramina_and_roots(canvas: Canvas, levels: dict[str, SpineLevel]) -> Derived:
    """Neural foramen and root tube below every level, both sides."""
    found = Derived()
    present = [level for level in SPINE_LEVELS if canvas.labels.has(f"vertebrae_{level}")]
    for name, level in levels.items():
        after = present[present.index(name) + 1 :][:1]
        lower = levels.get(after[0]) if after and _follows(name, after[0]) else None
        for side, sign in (("left", 1.0), ("right", -1.0)):
            gate = _gate(level, lower, side, sign)
            if gate is None:
                found += not_derived(f"foramen and root below {name} {side}: no pedicle is seen")
                continue
            below = next((other for other in after if _follows(name, other)), _next(name))
            found += _foramen(canvas, gate, (name, below, side), assumed=lower is None)
            found += _root(canvas, gate, name, side, assumed=lower is None)
    return found


def _follows(upper: str, lower: str) -> bool:
    """True where the lower level can stand right below the upper one (11 to 13 thoracic, 4 to 6 lumbar)."""
    if (upper[0], lower[0]) in {("T", "L"), ("L", "S")}:
        return lower[1:] == "1" and int(upper[1:]) >= (11 if upper[0] == "T" else 4)
    if (upper, lower) == ("C7", "T1"):
        return True
    return upper[0] == lower[0] and int(lower[1:]) == int(upper[1:]) + 1


def _next(level: str) -> str:
    """The usual level below."""
    usual = {"C7": "T1", "T12": "L1", "T13": "L1", "L5": "S1", "L6": "S1"}
    return usual.get(level, f"{level[0]}{int(level[1:]) + 1}")


def _gate(upper: SpineLevel, lower: SpineLevel | None, side: str, sign: float) -> _Gate | None:
    above = upper.pedicle_mm(side)
    below = above[:0] if lower is None else lower.pedicle_mm(side)
    if not len(above) or (lower is not None and not len(below)):
        return None
    frame = _frame(upper, lower, above, below)
    edge = number("derived.pedicle_edge_pct")
    high, low = frame.local(above), frame.local(below)
    both = np.vstack([high, low])
    top = float(np.percentile(high[:, 2], edge))
    height = number("derived.foramen_height_mm")
    bottom = float(np.percentile(low[:, 2], 100 - edge)) if len(low) else top - height
    inner, outer = np.percentile(sign * both[:, 0], [edge, 100 - edge])
    front, back = np.percentile(both[:, 1], [edge, 100 - edge])
    behind = number("derived.foramen_behind_mm")
    return _Gate(frame, sign, float(inner), float(outer), float(front), float(back + behind), bottom, top)


def _frame(upper: SpineLevel, lower: SpineLevel | None, above: F64, below: F64) -> BoneFrame:
    """Up along the line of the pedicles, left as both bones say."""
    one = upper.vertebra.frame
    if lower is None:
        return BoneFrame(above.mean(axis=0), one.axes)
    superior = unit(above.mean(axis=0) - below.mean(axis=0))
    middle = 0.5 * (above.mean(axis=0) + below.mean(axis=0))
    return BoneFrame(middle, axes_along(superior, one.left + lower.vertebra.frame.left))


def _foramen(canvas: Canvas, gate: _Gate, where: tuple[str, str, str], *, assumed: bool) -> Derived:
    upper, below, side = where
    name = f"neural_foramen_{upper}_{below}_{side}"
    corners = [
        gate.world(o, p, s)
        for o in (gate.inner, gate.outer)
        for p in (gate.front, gate.back)
        for s in (gate.bottom, gate.top)
    ]
    box = canvas.box_around(corners, 2.0)
    outward, posterior, superior = np.moveaxis(gate.frame.local(canvas.positions_mm(box)), -1, 0)
    outward = gate.sign * outward
    half = 0.5 * canvas.ct.spacing_mm.max()  # a slice may be thicker than the foramen is long
    inside = (outward >= gate.inner - half) & (outward <= gate.outer + half)
    inside &= (posterior >= gate.front) & (posterior <= gate.back)
    inside &= (superior >= gate.bottom) & (superior <= gate.top)
    inside = largest_piece(inside & ~canvas.bones(box))
    if not inside.any():
        return not_derived(f"{name} is not derived: the labels leave no room for it")
    because = f"space between the pedicles of {upper} and {below} that is not bone"
    if assumed:
        because = (
            f"space below the pedicle of {upper} that is not bone; its height is assumed ({below} not read)"
        )
    return canvas.put(name, "nerve", box, inside, because)


def _root(canvas: Canvas, gate: _Gate, level: str, side: str, *, assumed: bool) -> Derived:
    radius, beyond = number("derived.root_radius_mm"), number("derived.root_beyond_mm")
    lumbar = level.startswith("L")
    down = number(f"derived.root_down_{'lumbar' if lumbar else 'thoracic'}_mm")
    forward = number("derived.root_forward_lumbar_mm") if lumbar else -number("derived.root_back_thoracic_mm")
    # A root leaves close below its pedicle, in the upper part of the foramen.
    height = max(gate.top - radius, 0.5 * (gate.top + gate.bottom))
    depth = gate.front + 0.4 * (gate.back - gate.front)
    line = [
        gate.world(gate.inner - number("derived.root_inside_mm"), depth, height + radius),
        gate.world(gate.inner, depth, height),
        gate.world(gate.outer, depth, height),
        gate.world(gate.outer + beyond, depth - forward, height - down),
    ]
    box, inside = canvas.tube(line, radius)
    name = f"nerve_root_{_root_of(level)}_{side}"
    because = f"template: tube from the canal close below the pedicle of {level} and {beyond:g} mm beyond"
    if assumed:
        because += "; the pedicle of the level below was not read, the height between them is assumed"
    return canvas.put(name, "nerve", box, inside & ~canvas.bones(box), because)


def _root_of(level: str) -> str:
    """Name of the root that leaves below a vertebra: C6 below C5, C8 below C7, T1 below T1."""
    return f"C{int(level[1:]) + 1}" if level.startswith("C") else level
