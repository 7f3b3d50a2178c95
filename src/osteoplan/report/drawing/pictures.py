"""CT pictures with outlines, and strain maps: grey pixels as PNG, everything drawn on them as vectors.

One unit of a picture is one CSS pixel at its nominal size, so an outline of 1.5 is 1.5 px on the page.
Nothing here knows HTML: the template draws what these nouns say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib import colormaps

from osteoplan.arrays import F64, U8, Indices
from osteoplan.model.anatomy import Anatomy, Structure
from osteoplan.model.case import Case
from osteoplan.model.device import Device
from osteoplan.model.field import Field
from osteoplan.model.plan import Place, Plan
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.colours import ABLATION, BONE, CEMENT, KIND, LESION, NEEDLE
from osteoplan.report.drawing.plane import Cut, Plane, along, contours, fit, shape_of
from osteoplan.report.rendering import data_uri
from osteoplan.report.words import name_of

__all__ = [
    "BONE_WINDOW", "SOFT_WINDOW", "DrawnRod", "Greys", "Legend", "Mark", "Picture", "Scenery", "Stroke",
    "along_needle", "at_plane", "grouped", "in_short", "looking_down", "outline", "rods_of", "slices",
    "stamps_of", "strain_map", "strain_top", "three_cuts",
]  # fmt: skip

CUTS: tuple[Cut, Cut, Cut] = ("axial", "sagittal", "coronal")
_MARGIN_MM = 30.0
_AIR = -1024.0
_GREY = "#808080"
# What a colour means where one legend serves several pictures.
_IN_SHORT = {
    LESION: "lesion", ABLATION: "isotherms, simulated",
    BONE: "bone as used", CEMENT: "cement, simulated", NEEDLE: "device, true width",
    KIND["canal"]: "canal, cord, nerves", KIND["vessel"]: "vessels", KIND["pleura"]: "lung, bowel, organs",
    KIND["joint"]: "joints",
}  # fmt: skip
_FIRST = (LESION, CEMENT, NEEDLE, KIND["canal"])  # the order of a legend; all else follows
_TIP_MM = 2.0  # a tip farther than this from a picture's plane is not ringed in it


@dataclass(frozen=True)
class Greys:
    """Which image values become black and white: level -/+ half the width."""

    name: str
    width: float
    level: float

    def grey(self, values: F64) -> U8:
        """0..255 of image values."""
        low = self.level - self.width / 2
        share = np.clip((values - low) / self.width, 0.0, 1.0)
        return np.round(255.0 * share).astype(np.uint8)

    @property
    def words(self) -> str:
        """E.g. ``bone W 1800 L 400``."""
        return f"{self.name} W {self.width:.0f} L {self.level:.0f}"


BONE_WINDOW = Greys("bone", 1800.0, 400.0)
SOFT_WINDOW = Greys("soft tissue", 400.0, 40.0)


@dataclass(frozen=True)
class Stroke:
    """A line on a picture, drawn on a dark edge of its own; ``path`` is SVG path data in picture units."""

    path: str
    colour: str
    dash: str = ""
    width: float = 1.5
    fill_opacity: float = 0.0


@dataclass(frozen=True)
class Legend:
    """What a colour on the picture is, in words."""

    words: str
    colour: str
    dash: str = ""


@dataclass(frozen=True)
class Mark:
    """A named point on a picture, in picture units."""

    words: str
    at: tuple[float, float]
    colour: str


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture, ready to be drawn.

    Attributes:
        title: where it is cut, in words.
        window: which window, or which map.
        image: data URI of the pixels, drawn over the whole picture.
        width, height: size in picture units.
        letters: patient directions at the left, right, top and bottom edge.
        scale_bar: length of 10 mm in picture units; 0 for none.
        stamps: what must be read with the picture (simulated, generated phantom, uncalibrated).
        marks: named points.
        at: as ``Plane.drawn``, so that a page can say where a click is; empty where a point has no depth.
    """

    title: str
    window: str
    image: str
    width: float
    height: float
    letters: tuple[str, str, str, str] = ("", "", "", "")
    scale_bar: float = 0.0
    outlines: tuple[Stroke, ...] = ()
    tips: tuple[tuple[float, float], ...] = ()
    legend: tuple[Legend, ...] = ()
    stamps: tuple[str, ...] = ()
    cube: tuple[CubeFace, ...] = ()
    marks: tuple[Mark, ...] = ()
    at: tuple[float, ...] = ()


@dataclass(frozen=True)
class CubeFace:
    """A visible face of the orientation cube: SVG path, letter and where it stands, brightness 0..1."""

    path: str
    letter: str
    at: tuple[float, float]
    light: float


@dataclass(frozen=True, eq=False)
class DrawnRod:
    """A straight device at its true diameter; None where no device file gives it."""

    words: str
    kind: str
    entry_mm: F64
    tip_mm: F64
    diameter_mm: float | None

    def distance_mm(self, positions_mm: F64) -> F64:
        """(...,) signed distance to the flat-ended cylinder, positive inside."""
        length = float(np.linalg.norm(self.tip_mm - self.entry_mm))
        axis = (self.tip_mm - self.entry_mm) / length
        offset = positions_mm - self.entry_mm
        run = offset @ axis
        beside = np.linalg.norm(offset - run[..., None] * axis, axis=-1)
        inside: F64 = np.minimum((self.diameter_mm or 0.0) / 2 - beside, np.minimum(run, length - run))
        return inside


def stamps_of(case: Case, anatomy: Anatomy) -> tuple[str, ...]:
    """What every picture of a case must carry."""
    said = (
        (case.phantom, "GENERATED PHANTOM"),
        (anatomy.lesion.simulated, "lesion simulated"),
        (bool(anatomy.coarse), "coarse scan"),
        (anatomy.seeded, "bone grown from a point"),
    )
    return tuple(words for holds, words in said if holds)


def rods_of(plan: Plan, devices: Mapping[str, Device]) -> tuple[DrawnRod, ...]:
    """The straight devices that a plan places, in order."""
    places = [step.act for step in plan.steps if isinstance(step.act, Place)]
    rods = []
    for act in places:
        device = devices.get(act.device)
        diameter = None
        if device is not None and "outer_diameter_mm" in device.values:
            diameter = device.values["outer_diameter_mm"].number
        kind = device.kind if device is not None else "device"
        words = f"{name_of(act.through)} {kind}".strip()
        rods.append(DrawnRod(words, kind, np.asarray(act.entry_mm), np.asarray(act.target_mm), diameter))
    return tuple(rods)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A thing to outline: its distance field and how it is drawn."""

    shape: Volume
    outline: Stroke
    legend: Legend


@dataclass(frozen=True, eq=False)
class Scenery:
    """What every picture of one case shares.

    Attributes:
        ct: the scan as it is now.
        bone_mm: (n, 3) LPS positions of the bone's voxels; pictures are framed by them.
        lesion_centre_mm: (3,) centroid of the lesion.
        bone_shape: the bone as distance to its edge.
        layers: what is outlined, bottom first.
        stamps: what must be read with every picture.
        drawn: by view, what a scene has drawn of it already.
    """

    ct: Volume
    anatomy: Anatomy
    bone_mm: F64
    lesion_centre_mm: F64
    bone_shape: Volume
    layers: tuple[_Layer, ...]
    stamps: tuple[str, ...] = ()
    drawn: dict[Any, Any] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, ct: Volume, anatomy: Anatomy, stamps: tuple[str, ...] = ()) -> Scenery:
        """Everything that is computed once per case."""
        grid = anatomy.image
        bone_mm = grid.positions_mm(np.argwhere(anatomy.bone_mask))
        lesion_mm = grid.positions_mm(np.argwhere(anatomy.lesion_mask))
        bone = shape_of(anatomy.bone_mask, grid)
        assert bone is not None, "a bone without a voxel is no Anatomy"
        around = bone_mm.min(axis=0) - 2 * _MARGIN_MM, bone_mm.max(axis=0) + 2 * _MARGIN_MM
        # what was taken for the bone stands on every picture, for a person to see
        edge = _Layer(bone, Stroke("", BONE, width=1.0), Legend("bone", BONE))
        layers = (edge, *_layers(anatomy, around))
        return cls(ct, anatomy, bone_mm, lesion_mm.mean(axis=0), bone, layers, stamps)

    def with_lesion_alone(self) -> Scenery:
        """The same case with the lesion and its bone as the only outlines."""
        return replace(self, layers=tuple(x for x in self.layers if x.legend.colour in (BONE, LESION)))


def _layers(anatomy: Anatomy, around: tuple[F64, F64]) -> list[_Layer]:
    """Structures to avoid, then the lesion on top of them."""
    layers = []
    for structure in anatomy.structures:
        colour = KIND.get(structure.kind)
        shape = shape_of(structure.mask, anatomy.image, around=around) if colour else None
        if colour is None or shape is None:
            continue
        dash = "" if structure.given else "1.5 2.2"
        words = _short_name(structure) + ("" if structure.given else " (derived)")
        layers.append(_Layer(shape, Stroke("", colour, dash), Legend(words, colour, dash)))
    lesion = shape_of(anatomy.lesion_mask, anatomy.image)
    if lesion is not None:
        layers.append(_Layer(lesion, Stroke("", LESION), Legend("lesion", LESION)))
    return layers


def _short_name(structure: Structure) -> str:
    """A structure's name; the lobes of a lung, whose edge is the pleura, are that lung."""
    name = structure.name
    if structure.kind == "pleura":
        name = re.sub(r"_(upper|middle|lower)_lobe", "", name)
    return name_of(name)


def slices(
    scenery: Scenery,
    *,
    window: Greys,
    width: float,
    margin_mm: float = _MARGIN_MM,
    rods: Sequence[DrawnRod] = (),
    cement: Field | None = None,
) -> tuple[Picture, Picture, Picture]:
    """Axial, sagittal and coronal through the lesion's centroid, on one scale and of one size."""
    planes = three_cuts(scenery, scenery.lesion_centre_mm, scenery.bone_mm, margin_mm=margin_mm)
    first, second, third = (_draw(scenery, p, window, width, rods, cement) for p in planes)
    return first, second, third


def three_cuts(
    scenery: Scenery, through_mm: F64, hold_mm: F64, *, margin_mm: float
) -> tuple[Plane, Plane, Plane]:
    """Axial, sagittal and coronal squares of one size through a point, which hold (n, 3) points."""
    level = scenery.anatomy.level
    planes = [fit(cut, level, through_mm, hold_mm, margin_mm=margin_mm, pixel_mm=1.0) for cut in CUTS]
    edge_mm = max(max(plane.rows, plane.cols) for plane in planes) - 1.0
    first, second, third = (_square(plane, edge_mm, _fine_mm(scenery.ct)) for plane in planes)
    return first, second, third


def along_needle(
    scenery: Scenery, rod: DrawnRod, *, cut: Cut, window: Greys, width: float, cement: Field | None = None
) -> Picture:
    """The oblique cut that contains a needle, bone plus 30 mm."""
    plane = along(
        f"the {rod.words}", rod.entry_mm, rod.tip_mm, scenery.bone_mm,
        cut=cut, margin_mm=_MARGIN_MM, pixel_mm=_fine_mm(scenery.ct),
    )  # fmt: skip
    return _draw(scenery, plane, window, width, (rod,), cement)


def at_plane(
    scenery: Scenery,
    plane: Plane,
    *,
    window: Greys,
    width: float,
    rods: Sequence[DrawnRod] = (),
    cement: Field | None = None,
) -> Picture:
    """Any cut, with everything that is outlined on it."""
    return _draw(scenery, plane, window, width, rods, cement)


def looking_down(
    scenery: Scenery, planes: Sequence[Plane], *, window: Greys, width: float, title: str
) -> Picture:
    """What a stack of parallel cuts shows at once: the mean of the image, and of each thing its shadow.

    The first plane is where things are drawn.
    """
    first, unit = planes[0], width / planes[0].cols
    mean = np.mean([plane.sample(scenery.ct, outside=_AIR) for plane in planes], axis=0)
    outlines, legend = [], []
    for layer in scenery.layers:
        shadow = np.max([plane.sample(layer.shape, outside=-1.0) for plane in planes], axis=0)
        path = outline(shadow, 0.0, unit)
        if path:
            outlines.append(replace(layer.outline, path=path, width=1.0))
            legend.append(layer.legend)
    return Picture(
        title=title,
        window=window.words,
        image=data_uri(window.grey(mean)),
        width=width,
        height=first.rows * unit,
        letters=first.letters(),
        scale_bar=10.0 / first.pixel_mm * unit,
        outlines=tuple(outlines),
        legend=grouped(legend),
        stamps=scenery.stamps,
    )


def strain_map(
    scenery: Scenery, strain: Field, *, cut: Cut, top: float, width: float, cement: Field | None = None
) -> Picture:
    """A strain field inside the bone, on the dimmed scan; colours run from 0 to ``top``."""
    plane = fit(
        cut, scenery.anatomy.level, scenery.lesion_centre_mm, scenery.bone_mm, margin_mm=5.0, pixel_mm=0.5
    )
    values = plane.sample(strain.volume, outside=np.nan)
    inside = (plane.sample(scenery.bone_shape, outside=-1.0) > 0) & np.isfinite(values)
    grey = BONE_WINDOW.grey(plane.sample(scenery.ct, outside=_AIR))[..., None] * np.full(3, 0.45)
    colour = 255.0 * colormaps["magma"](np.clip(np.nan_to_num(values) / top, 0.0, 1.0))[..., :3]
    pixels = np.where(inside[..., None], colour, grey).astype(np.uint8)
    picture = _overlay(scenery.with_lesion_alone(), plane, pixels, width, (), cement)
    bare = tuple(
        replace(outline, fill_opacity=0.0) for outline in picture.outlines
    )  # the field stays readable
    return replace(picture, window="effective strain", outlines=bare)


def strain_top(scenery: Scenery, strains: Sequence[Field]) -> float:
    """Upper end of the common range: 99th percentile inside the bone over all states, rounded up.

    Single elements beside a load or a corner strain far more than the rest and would darken all else.
    """
    inside = [_inside_bone(scenery, strain) for strain in strains]
    highest = float(np.percentile(np.concatenate(inside), 99.0))
    decade = 10.0 ** np.floor(np.log10(max(highest, 1e-9)))
    return float(decade * next(step for step in (1.0, 2.0, 4.0, 6.0, 8.0, 10.0) if step * decade >= highest))


def _inside_bone(scenery: Scenery, strain: Field) -> F64:
    """(n,) strains at the bone's voxels, where the field covers them."""
    indices = _on_grid(strain.volume, scenery.bone_mm)
    values: F64 = strain.volume.array[tuple(indices.T)].astype(np.float64)
    return values[np.isfinite(values)]


def _on_grid(volume: Volume, positions_mm: F64) -> Indices:
    """(m, 3) nearest indices of those positions that lie on the grid."""
    indices = np.rint(volume.indices(positions_mm)).astype(np.intp)
    return indices[((indices >= 0) & (indices < volume.shape)).all(axis=1)]


def _fine_mm(ct: Volume) -> float:
    """Pixel of a picture: half the finest voxel edge, within 0.3 and 0.6 mm."""
    return float(np.clip(ct.spacing_mm.min() / 2, 0.3, 0.6))


def _square(plane: Plane, edge_mm: float, pixel_mm: float) -> Plane:
    """The same cut, centred as before, as a square of that edge."""
    count = round(edge_mm / pixel_mm) + 1
    middle = (
        plane.origin_mm
        + (plane.cols - 1) / 2 * plane.pixel_mm * plane.right
        + (plane.rows - 1) / 2 * plane.pixel_mm * plane.down
    )
    origin = middle - (count - 1) / 2 * pixel_mm * (plane.right + plane.down)
    return replace(plane, origin_mm=origin, pixel_mm=pixel_mm, rows=count, cols=count)


def _draw(
    scenery: Scenery,
    plane: Plane,
    window: Greys,
    width: float,
    rods: Sequence[DrawnRod],
    cement: Field | None,
) -> Picture:
    pixels = window.grey(plane.sample(scenery.ct, outside=_AIR))
    return replace(_overlay(scenery, plane, pixels, width, rods, cement), window=window.words)


def _overlay(
    scenery: Scenery,
    plane: Plane,
    pixels: U8,
    width: float,
    rods: Sequence[DrawnRod],
    cement: Field | None,
) -> Picture:
    """Pixels with outlines, needles, letters, scale bar and legend."""
    unit = width / plane.cols
    outlines: list[Stroke] = []
    legend: list[Legend] = []
    tips: list[tuple[float, float]] = []
    if cement is not None:  # below the lesion's outline, which it may fill
        _add_cement(outlines, legend, plane, cement, unit)
    for layer in scenery.layers:
        path = outline(plane.sample(layer.shape, outside=-1.0), 0.0, unit) if plane.meets(layer.shape) else ""
        if path:
            outlines.append(replace(layer.outline, path=path))
            legend.append(layer.legend)
    for rod in rods:
        _add_rod(outlines, legend, tips, plane, rod, unit)
    return Picture(
        title=plane.place,
        window="",
        image=data_uri(pixels),
        width=width,
        height=plane.rows * unit,
        letters=plane.letters(),
        scale_bar=10.0 / plane.pixel_mm * unit,
        outlines=tuple(outlines),
        tips=tuple(tips),
        legend=grouped(legend),
        stamps=scenery.stamps,
        at=plane.drawn(unit),
    )


def grouped(legend: Sequence[Legend]) -> tuple[Legend, ...]:
    """One entry per line style, names joined, each name once, both sides as one: *lungs*."""
    words: dict[tuple[str, str], dict[str, None]] = {}
    for entry in legend:
        words.setdefault((entry.colour, entry.dash), {})[entry.words] = None
    order = sorted(words, key=lambda style: _FIRST.index(style[0]) if style[0] in _FIRST else len(_FIRST))
    return tuple(Legend(", ".join(_both_sides(tuple(words[style]))), *style) for style in order)


def in_short(legend: Sequence[Legend]) -> tuple[Legend, ...]:
    """One entry per colour: for several pictures there is no room for every name."""
    seen = {entry.colour for entry in legend}
    found = [Legend(words, colour) for colour, words in _IN_SHORT.items() if colour in seen]
    dotted = [Legend("derived, not given", _GREY, "1.5 2.2")]
    return (*found, *(dotted if any(entry.dash for entry in legend) else []))


def _both_sides(names: Sequence[str]) -> tuple[str, ...]:
    """Left and right of the same thing as its plural, where both are there: *lungs*."""
    found = []
    for name in names:
        side, _, thing = name.partition(" ")
        paired = side in ("left", "right") and {f"left {thing}", f"right {thing}"}.issubset(names)
        found.append(_plural(thing) if paired else name)
    return tuple(dict.fromkeys(found))


def _plural(thing: str) -> str:
    """A thing twice; what stands in brackets behind it stays behind it."""
    noun, bracket, rest = thing.partition(" (")
    return noun + ("es" if noun.endswith("s") else "s") + bracket + rest


def _add_cement(
    outlines: list[Stroke], legend: list[Legend], plane: Plane, cement: Field, unit: float
) -> None:
    """Where half of the space is cement: white line with a dark edge, light fill."""
    path = outline(plane.sample(cement.volume, outside=0.0), 0.5, unit)
    if path:
        outlines.append(Stroke(path, CEMENT, width=1.3, fill_opacity=0.3))
        legend.append(Legend("cement, simulated", CEMENT))


def _add_rod(
    outlines: list[Stroke],
    legend: list[Legend],
    tips: list[tuple[float, float]],
    plane: Plane,
    rod: DrawnRod,
    unit: float,
) -> None:
    """The cut through the device at true diameter; its axis, projected, as a thin line."""
    ends = (plane.pixel(np.stack([rod.entry_mm, rod.tip_mm])) + 0.5) * unit
    (x0, y0), (x1, y1) = ends.tolist()
    axis = f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"
    outlines.append(Stroke(axis, NEEDLE, width=0.6))
    if abs(float((rod.tip_mm - plane.origin_mm) @ np.cross(plane.right, plane.down))) <= _TIP_MM:
        tips.append((round(x1, 1), round(y1, 1)))
    if rod.diameter_mm is None:
        legend.append(Legend(f"{rod.kind}, axis only: diameter not known", NEEDLE))
        return
    path = outline(rod.distance_mm(plane.positions_mm()), 0.0, unit)
    if path:
        outlines.append(Stroke(path, NEEDLE, fill_opacity=0.35))
    legend.append(Legend(f"{rod.kind} {rod.diameter_mm:g} mm, tip ringed", NEEDLE))


def outline(values: F64, level: float, unit: float) -> str:
    """SVG path of a contour; pixel (0, 0) has its centre at half a unit."""
    framed = np.pad(values, 1, constant_values=min(float(values.min()), level - 1.0))
    parts = []
    for line in contours(framed, level, within=0.2):
        if len(line) < 4:
            continue
        points = (line[:, ::-1] - 0.5) * unit
        parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points.tolist()) + "Z")
    return "".join(parts)
