"""Made anatomies in which the widest straight cylinder is known in closed form, on any grid.

Every shape is told as a function of patient positions, so the same one can be put on oblique and left-handed
bricks.  Axes of every frame are the patient's; the origin is the middle of the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from osteoplan.knowledge.corridors import Template
from osteoplan.model.anatomy import BoneFrame, Structure
from osteoplan.model.device import Device
from osteoplan.model.evidence import Known
from osteoplan.model.volume import Volume
from osteoplan.trajectory.surroundings import Surroundings

Inside = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Grid:
    """Bricks: edges [mm], turns about x, y and z [deg], and whether the index axes are left-handed."""

    edges: tuple[float, float, float]
    turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left_handed: bool = False
    shift: tuple[float, float, float] = (0.21, -0.37, 0.13)  # so that no face lies on voxel faces by chance

    @property
    def axes(self) -> np.ndarray:
        a, b, c = np.radians(self.turns)
        x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
        turned = x @ y @ z
        return turned * np.array([-1.0, 1.0, 1.0]) if self.left_handed else turned

    def volume(self, half_mm: tuple[float, float, float]) -> Volume:
        """An empty image that covers the box of these half sizes about the patient's origin."""
        edges = np.asarray(self.edges)
        reach = np.abs(self.axes).T @ np.asarray(half_mm) + 4.0 * edges.max()
        shape = tuple(int(n) for n in np.ceil(2.0 * reach / edges))
        affine = np.eye(4)
        affine[:3, :3] = self.axes * edges
        affine[:3, 3] = np.asarray(self.shift) * edges - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2.0)
        return Volume(np.zeros(shape, dtype=np.int16), affine, "HU")


class Nobody:
    """Stands for the anatomy of a made scene, of which only what else was labelled on the scan is read."""

    on_scan: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """A bone, what lies beside it, and the radius of the widest cylinder between its patches."""

    bone: Inside
    half_mm: tuple[float, float, float]
    radius_mm: float
    avoid: Mapping[str, tuple[str, Inside]] = field(default_factory=dict)
    metal: Inside | None = None

    def on(self, grid: Grid, *, label: str = "hip_left", kind: str = "acetabulum") -> Surroundings:
        """The shape on a grid."""
        image = grid.volume(self.half_mm)
        points = image.positions_mm(np.moveaxis(np.indices(image.shape), 0, -1))
        landmarks = {"centre": np.zeros(3)}
        frame = BoneFrame(np.zeros(3), np.eye(3), kind, landmarks)
        structures = tuple(
            Structure(name, cast(Any, kind_), inside(points), given=True)
            for name, (kind_, inside) in self.avoid.items()
        )
        nothing = np.zeros(image.shape, dtype=bool)
        return Surroundings(
            anatomy=cast(Any, Nobody()), grid=image, target=label, bones={label: self.bone(points)},
            lesion=nothing, parts={}, frames={label: {kind: frame}}, structures=structures,
            metal=nothing if self.metal is None else self.metal(points),
            skin=np.ones(image.shape, dtype=bool),
        )  # fmt: skip


def along_x(half_length: float, half_box: float, **more: Any) -> Template:
    """A template from the face at -x to the face at +x."""
    ends = {
        name: {
            "bone": "hip_left", "frame": "acetabulum",
            "lateral": sorted([sign * (half_length - 2.0), sign * (half_length + 2.0)]),
            "posterior": [-half_box, half_box], "superior": [-half_box, half_box],
            "facing": [sign, 0, 0], "facing_deg": 45,
        }
        for name, sign in (("entry", -1), ("exit", 1))
    }  # fmt: skip
    return Template.model_validate({
        "id": "made_bar", "title": "made bar, from end to end", "sides": ["midline"], "bones": ["hip_left"],
        **ends, "exit_kind": "through", "end_skip_mm": 1.0, "least_length_mm": 10.0,
        "margins_mm": {"wall": 0.0}, "needs": ["sacral_foramen"], "screws": ["pelvis and limbs"],
        "diameters_mm": [3.5, 9.0], "position": "prone", "status": "design_default", "date": "2026-11-28",
        "note": "made", **more,
    })  # fmt: skip


def curved_ramus(*, arc_mm: float = 60.0, tube_mm: float = 7.0, half_mm: float = 24.0) -> Made:
    """A tube along an arc of a circle, with a block at either end.

    The arc has radius R about (0, -R, 0), the tube radius a; it runs between the planes x = -T and x = T.  A
    straight cylinder of radius r at y = h - R, the middle of the arc at y = 0, touches the inner wall at the
    middle and the outer wall at the ends:

        h - r = R - a,     h + r = sqrt((R + a)^2 - T^2)     =>    r = (sqrt((R + a)^2 - T^2) - (R - a)) / 2

    That is the widest, because a cylinder that is tilted or moved comes nearer to one of the three places.
    """
    R, a, T = arc_mm, tube_mm, half_mm

    def inside(points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points, -1, 0)
        tube = ((np.hypot(x, y + R) - R) ** 2 + z**2 <= a**2) & (y > -R / 2)
        blocks = (np.abs(x) >= T) & (np.abs(x) <= T + 16.0) & (np.abs(y) <= 20.0) & (np.abs(z) <= 14.0)
        return (tube & (np.abs(x) <= T)) | blocks

    return Made(inside, (T + 16.0, 20.0, 14.0), (np.sqrt((R + a) ** 2 - T**2) - (R - a)) / 2.0)


def hourglass(*, waist_mm: float = 4.0, at_mm: float = 9.0) -> Made:
    """A round bar that is narrowest at x = ``at_mm``: r(x) = waist + (x - at)^2 / 60."""

    def inside(points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points, -1, 0)
        wide = np.minimum(waist_mm + (x - at_mm) ** 2 / 60.0, 16.0)
        return (np.hypot(y, z) <= wide) & (np.abs(x) <= 36.0)

    return Made(inside, (36.0, 16.0, 16.0), waist_mm)


def ring_with_foramina(*, nerves: bool = False) -> Made:
    """A closed ring whose bar at the back has two holes from front to back.

    The bar's height is -20..20, the holes (radius 5) stand at z = 2: 17 mm of bone below them, 13 above.
    Below, r = 17 / 2; with nerves in the holes the axis keeps 2 mm from them.
    """

    def holes(points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points, -1, 0)
        return (np.hypot(np.abs(x) - 16.0, z - 2.0) <= 5.0) & (np.abs(y) <= 13.0)

    def inside(points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points, -1, 0)
        outer = (np.abs(x) <= 60.0) & (y >= -72.0) & (y <= 13.0) & (np.abs(z) <= 20.0)
        inner = (np.abs(x) <= 42.0) & (y >= -55.0) & (y <= -13.0)
        return outer & ~inner & ~holes(points)

    avoid = {"sacral_foramen_S1": ("nerve", holes)} if nerves else {}
    return Made(inside, (60.0, 72.0, 20.0), 8.5, avoid)


def vertebra(*, half_width_mm: float = 4.0, half_height_mm: float = 7.0) -> Made:
    """An ellipsoid for a body, two elliptic cylinders for pedicles, a plate for the arch; the canal between.

    A pedicle runs straight back at x = +-15 for 20 mm, so the widest cylinder is its narrower half axis.
    """

    def inside(points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points, -1, 0)
        body = (x / 24.0) ** 2 + (y / 17.0) ** 2 + (z / 14.0) ** 2 <= 1.0
        pedicles = ((np.abs(x) - 15.0) / half_width_mm) ** 2 + (z / half_height_mm) ** 2 <= 1.0
        arch = (np.abs(x) <= 26.0) & (y >= 33.0) & (y <= 43.0) & (np.abs(z) <= 12.0)
        return body | (pedicles & (y >= 0.0) & (y <= 35.0)) | arch

    def canal(points: np.ndarray) -> np.ndarray:
        x, y, z = np.moveaxis(points, -1, 0)
        return (np.hypot(x, y - 25.0) <= 7.5) & (np.abs(z) <= 20.0)

    return Made(inside, (26.0, 43.0, 20.0), half_width_mm, {"spinal_canal": ("canal", canal)})


def screw(diameter_mm: float, **values: Any) -> Device:
    """A screw of one diameter."""
    known = {"outer_diameter_mm": Known(diameter_mm, "mm"), **{k: Known(v) for k, v in values.items()}}
    return Device(f"screw_{diameter_mm:g}", "screw", f"made screw {diameter_mm:g} mm", known)


GRIDS = (
    Grid((0.7, 1.1, 2.5)),
    Grid((0.7, 1.1, 2.5), (23.0, -17.0, 38.0)),
    Grid((2.5, 0.8, 1.3), (-31.0, 12.0, 67.0), left_handed=True),
    Grid((1.5, 2.0, 3.0), (9.0, 28.0, -14.0), left_handed=True),
    Grid((3.0, 3.0, 3.0), (0.0, 0.0, 0.0)),
)
