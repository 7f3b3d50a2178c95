"""A phantom of a site, with its truth: generated CT and label map on any grid.  It is not a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from osteoplan.anatomy.phantom import spine
from osteoplan.anatomy.phantom.femur import shaft_centre as femoral_centre
from osteoplan.anatomy.phantom.hip_scene import HIP_LABELS, paint_lower_body
from osteoplan.anatomy.phantom.humerus import shaft_centre as humeral_centre
from osteoplan.anatomy.phantom.outfit import Rods, cement, hu_of, metal, rods, table
from osteoplan.anatomy.phantom.pelvis import PELVIS
from osteoplan.anatomy.phantom.scene import GridName, Painting, grid_over
from osteoplan.anatomy.phantom.shoulder_scene import SHOULDER_LABELS, paint_shoulder
from osteoplan.arrays import F64, Point
from osteoplan.errors import UnknownName
from osteoplan.knowledge.values import known, number
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["Implant", "Phantom", "Site", "make_phantom"]

Site = Literal["spine", "pelvis", "femur", "humerus"]
Side = Literal["left", "right"]
Implant = Literal["metal", "cement"]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A generated scan.

    Attributes:
        ct: int16 HU.
        labels: with the names and numbers of TotalSegmentator (version 2, task total).
        truth: what was built, ready for JSON; positions in LPS mm, directions as unit vectors.
    """

    ct: Volume
    labels: LabelMap
    truth: Mapping[str, Any]


@dataclass(frozen=True)
class _View:
    """Field of view around the origin (left side), default voxel edges, where table and rods lie."""

    low: Point
    high: Point
    spacing_mm: Point
    origin_mm: Point
    table_back: float
    middle: float = 0.0


VIEWS: Mapping[Site, _View] = {
    "spine": _View((-128, -114, -62), (128, 100, 60), (1.0, 1.1, 1.5), spine.SPINE.origin_mm, 78.0),
    "pelvis": _View((-192, -116, -96), (192, 168, 152), (2.0, 1.9, 2.4), (4.0, 18.0, -640.0), 125.0),
    "femur": _View((22, -100, -262), (190, 150, 64), (1.2, 1.4, 2.0), (4.0, 18.0, -640.0), 108.0, 100.0),
    "humerus": _View((-150, -106, -240), (66, 142, 66), (1.5, 1.4, 2.1), (176.0, 22.0, -180.0), 104.0, -40.0),
}


def make_phantom(
    site: Site,
    *,
    seed: int,
    side: Side = "left",
    spacing_mm: npt.ArrayLike | None = None,
    grid: GridName | F64 = "axial",
    rods_in: Rods | None = None,
    implant: Implant | None = None,
    contrast: bool = False,
    noise_HU: float | None = None,
    blur_mm: float | None = None,
) -> Phantom:
    """A phantom of a site.  The seed moves trabecular texture and noise; the shapes stay.

    Args:
        side: of femur and humerus; spine and pelvis hold both.
        spacing_mm: (3,) voxel edges along i, j, k; default the site's, three different ones.
        grid: ``axial``, ``flipped``, ``left_handed``, ``oblique``, or unit vectors of the axes in columns.
        rods_in: calibration rods under the patient.
        implant: a metal nail (a screw in spine and pelvis), or a blob of cement.
        contrast: enhanced arteries, and veins half as much.
        noise_HU, blur_mm: of the scanner; default from ``knowledge/data/anatomy/phantoms.yaml``.

    Raises:
        UnknownName: no such site, side, grid, rods or implant.
        BadInput: voxel edges that are not positive, or axes that are not at right angles.
    """
    _require(site, side, implant)
    view = _mirrored(VIEWS[site]) if side == "right" and site in ("femur", "humerus") else VIEWS[site]
    origin = np.array(view.origin_mm)
    scene = _scene(site, view, view.spacing_mm if spacing_mm is None else spacing_mm, grid, seed)
    truth: dict[str, Any] = {
        "site": site,
        "side": side if site in ("femur", "humerus") else None,
        "seed": seed,
    }
    truth["generated"] = True
    truth |= _painted(scene, site, side, contrast=contrast)
    below = view.table_back + (30.0 if rods_in else 0.0)
    table(scene, below, middle=view.middle)
    if rods_in:
        truth["rods"] = rods(scene, rods_in, view.table_back + 14.0, view.middle)
    if implant:
        truth["implant"] = _implanted(scene, site, side, implant)
    truth["HU"] = {name: hu_of(name) for name in _SHOWN} | {
        "contrast": hu_of("contrast") if contrast else None
    }
    truth["knowledge_status"] = known("phantoms.cortex_HU").status
    noise = number("phantoms.noise_HU") if noise_HU is None else noise_HU
    blur = number("phantoms.blur_mm") if blur_mm is None else blur_mm
    truth |= {"noise_HU": noise, "blur_mm": blur, "origin_mm": origin.tolist()}
    ct = Volume(scene.scanned(blur_mm=blur, noise_HU=noise), scene.grid.affine, "HU")
    labels = Volume(scene.labels, scene.grid.affine, "label")
    return Phantom(ct, LabelMap(labels, scene.values), truth)


_SHOWN = (
    "air",
    "fat",
    "muscle",
    "blood",
    "cortex",
    "shaft_cortex",
    "trabecular",
    "dense_trabecular",
    "marrow",
)


def _require(site: str, side: str, implant: str | None) -> None:
    if site not in VIEWS:
        raise UnknownName("phantom", site, VIEWS)
    if side not in ("left", "right"):
        raise UnknownName("side", side, ("left", "right"))
    if implant not in (None, "metal", "cement"):
        raise UnknownName("implant", str(implant), ("metal", "cement"))


def _mirrored(view: _View) -> _View:
    (x0, y0, z0), (x1, y1, z1) = view.low, view.high
    x, y, z = view.origin_mm
    return _View((-x1, y0, z0), (-x0, y1, z1), view.spacing_mm, (-x, y, z), view.table_back, -view.middle)


def _scene(site: Site, view: _View, spacing_mm: npt.ArrayLike, grid: GridName | F64, seed: int) -> Painting:
    values = {"spine": dict(spine.LABELS), "humerus": dict(SHOULDER_LABELS)}.get(site, dict(HIP_LABELS))
    return Painting(
        grid_over(view.low, view.high, spacing_mm, grid, view.origin_mm),
        np.array(view.origin_mm),
        seed,
        values,
    )


def _painted(scene: Painting, site: Site, side: Side, *, contrast: bool) -> dict[str, Any]:
    if site == "spine":
        return _spine(scene, contrast=contrast)
    if site == "humerus":
        return paint_shoulder(scene, side, contrast=contrast)
    return paint_lower_body(scene, contrast=contrast)


def _spine(scene: Painting, *, contrast: bool) -> dict[str, Any]:
    boxes = {level: scene.box(*spine.vertebra_corners(level)) for level in spine.VERTEBRAE}
    texture = scene.texture(tuple(p.ravel() for p in scene.positions)).reshape(scene.grid.shape)
    scene.hu, scene.labels = spine.paint_spine(scene.positions, boxes, texture)
    aorta = scene.labels == spine.LABELS["aorta"]
    scene.hu[aorta] = hu_of("contrast") if contrast else hu_of("blood")
    truth: dict[str, Any] = {}
    for level, v in spine.VERTEBRAE.items():
        centre, bend = spine.body_centre(level)
        up = np.array([0.0, -np.sin(bend), np.cos(bend)])
        back = np.array([0.0, np.cos(bend), np.sin(bend)])
        truth[f"vertebra_{level}"] = {
            "body_centre_mm": (scene.origin_mm + centre).tolist(),
            "superior": up.tolist(),
            "posterior": back.tolist(),
            "body_half_mm": list(v.body_half),
            "canal_centre_mm": (scene.origin_mm + centre + v.canal_centre * back).tolist(),
            "canal_half_mm": list(v.canal_half),
        }
    return truth


def _implanted(scene: Painting, site: Site, side: Side, implant: Implant) -> dict[str, Any]:
    """A nail down the shaft (a screw in pelvis and spine), or cement where it is often put."""
    sign = 1.0 if side == "left" else -1.0
    if implant == "cement":
        centres: dict[Site, tuple[Point, Point]] = {
            "spine": ((3.0, -1.0, 0.0), (10.0, 8.0, 7.0)),
            "pelvis": ((sign * 86.0, 4.0, 38.0), (9.0, 12.0, 9.0)),
            "femur": ((sign * (PELVIS.hip_apart + 30.0), 6.0, -24.0), (12.0, 9.0, 12.0)),
            "humerus": ((sign * 6.0, -2.0, -18.0), (10.0, 9.0, 14.0)),
        }
        return cement(scene, *centres[site])
    return metal(scene, _metal_rods(site, sign))


def _metal_rods(site: Site, sign: float) -> list[tuple[Point, Point, float]]:
    if site == "spine":
        return [((s * 15.0, 34.0, 5.0), (s * 9.0, -8.0, 1.0), 3.0) for s in (1.0, -1.0)]
    if site == "pelvis":
        return [((sign * 92.0, 26.0, 78.0), (sign * -14.0, 28.0, 84.0), 3.65)]
    apart = PELVIS.hip_apart if site == "femur" else 0.0
    centre = femoral_centre if site == "femur" else humeral_centre
    tops = (-6.0, -90.0, -170.0, -236.0) if site == "femur" else (16.0, -80.0, -215.0)
    points = [(sign * (apart + float(centre(z)[0])), float(centre(z)[1]), z) for z in tops]
    shaft = [(a, b, 5.0 if site == "femur" else 4.0) for a, b in pairwise(points)]
    if site == "femur":
        shaft.append(((sign * (apart + 58.0), 12.0, -46.0), (sign * (apart - 6.0), -1.0, 6.0), 4.5))
    return shaft
