"""What lies under, beside and in the patient: table, calibration rods, metal, cement."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from osteoplan.anatomy.phantom.scene import Painting
from osteoplan.anatomy.phantom.solids import blob, capsule, slab
from osteoplan.arrays import F32, Point
from osteoplan.errors import UnknownName
from osteoplan.knowledge.values import number

__all__ = ["Rods", "cement", "metal", "rods", "table"]

Rods = Literal["mindways", "qrm"]
_FAR = 2000.0


def hu_of(name: str) -> float:
    """HU of a material of the phantoms."""
    return number(f"phantoms.{name}_HU")


def table(scene: Painting, top: float, *, middle: float = 0.0, half_width: float = 210.0) -> None:
    """A curved table whose top lies ``top`` mm behind the origin, with foam inside and a mattress upon it."""
    left, back, _ = scene.positions
    dish = np.asarray(back - np.float32(top) + ((left - np.float32(middle)) / 90.0) ** 2, dtype=np.float32)
    wide = np.asarray(np.abs(left - np.float32(middle)) - np.float32(half_width), dtype=np.float32)
    everywhere = (slice(None),) * 3
    inside = np.maximum(slab(dish, 8.0, 60.0), wide)
    air = scene.hu < hu_of("lung") - 50.0
    for d, hu in (
        (np.maximum(slab(dish, 0.0, 8.0), wide), hu_of("foam")),
        (inside, hu_of("table")),
        (inside + np.float32(4.0), hu_of("foam")),
    ):
        scene.fill(everywhere, np.where(air, d, np.float32(9.0)), hu)


def rods(scene: Painting, kind: Rods, back: float, middle: float, half_width: float = 75.0) -> dict[str, Any]:
    """Five rods in a slab of resin, along the table; returns their truth.

    Density and HU of the scan obey density = slope HU + intercept.  The rods of Mindways hold K2HPO4 in a
    liquid whose water differs from bone's: HU = water + s K2HPO4 + b, where s and b are slope and intercept
    of the scan less the shifts of that protocol (``calibration.yaml``).

    Raises:
        UnknownName: no such set of rods.
    """
    if kind not in ("mindways", "qrm"):
        raise UnknownName("set of rods", kind, ("mindways", "qrm"))
    slope, intercept = number("phantoms.rod_slope"), number("phantoms.rod_intercept")
    radius = number("phantoms.rod_radius_mm")
    left, behind, up = scene.positions
    everywhere = (slice(None),) * 3
    flat = np.maximum(
        slab(behind, back - 13.0, back + 13.0), slab(left, middle - half_width, middle + half_width)
    )
    scene.fill(everywhere, flat, hu_of("resin"))
    step, made = half_width * 2.0 / 5.0, []
    for n in range(1, 6):
        mineral = number(f"phantoms.rod_{kind}_{n}_mg_cm3")
        hu = (mineral - intercept) / slope
        row: dict[str, Any] = {}
        if kind == "mindways":
            water = number(f"phantoms.rod_mindways_{n}_water_mg_cm3")
            s = 1.0 / slope - number("calibration.mindways_slope_shift")
            hu = water + s * mineral - intercept / slope - number("calibration.mindways_intercept_shift_HU")
            row["water_mg_cm3"] = water
        x = middle + (n - 3) * step
        rod = capsule(left, behind, up, (x, back, -_FAR), (x, back, _FAR), radius)
        scene.fill(everywhere, rod, float(hu))
        centre = (scene.origin_mm + np.array([x, back, 0.0])).tolist()
        made.append(
            row | {"density_mg_cm3": mineral, "HU": float(hu), "centre_mm": centre, "radius_mm": radius}
        )
    unit = "mgK2HPO4/cm3" if kind == "mindways" else "mgHA/cm3"
    return {
        "kind": kind,
        "unit": unit,
        "axis": [0.0, 0.0, 1.0],
        "rods": made,
        "slope": slope,
        "intercept": intercept,
    }


def metal(scene: Painting, rods_mm: list[tuple[Point, Point, float]]) -> dict[str, Any]:
    """Rods of metal, each from start to end with a radius; returns their truth."""
    truth = []
    for start, end, radius in rods_mm:
        reach = radius + 4.0
        low = tuple(min(a, b) - reach for a, b in zip(start, end, strict=True))
        high = tuple(max(a, b) + reach for a, b in zip(start, end, strict=True))
        box = scene.box(low, high)  # type: ignore[arg-type]
        scene.fill(box, capsule(*scene.at(box), start, end, radius), hu_of("metal"))
        ends = [(scene.origin_mm + p).tolist() for p in (start, end)]
        truth.append({"start_mm": ends[0], "end_mm": ends[1], "radius_mm": radius})
    return {"kind": "metal", "HU": hu_of("metal"), "rods": truth}


def cement(scene: Painting, centre: Point, half: Point) -> dict[str, Any]:
    """A lobed blob of cement; returns its truth, with its volume by voxels."""
    box = scene.box(
        tuple(c - 1.4 * h for c, h in zip(centre, half, strict=True)),  # type: ignore[arg-type]
        tuple(c + 1.4 * h for c, h in zip(centre, half, strict=True)),  # type: ignore[arg-type]
    )
    x, y, z = scene.at(box)
    lobes: F32 = np.asarray(
        blob(x, y, z, centre, half)
        + 1.6 * scene.texture((0.35 * x, 0.35 * y, 0.35 * z)), dtype=np.float32
    )  # fmt: skip
    scene.fill(box, lobes, hu_of("cement"))
    volume = float((lobes < 0).sum() * np.prod(scene.grid.spacing_mm) / 1000.0)
    return {
        "kind": "cement", "HU": hu_of("cement"), "volume_mL": volume,
        "centre_mm": (scene.origin_mm + centre).tolist(),
    }  # fmt: skip
