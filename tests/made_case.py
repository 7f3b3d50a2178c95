"""Cases of generated phantoms with a lesion, read as the program reads any case."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from osteoplan.anatomy.phantom import make_phantom
from osteoplan.anatomy.read import build_anatomy
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case, Lesion
from osteoplan.model.findings import Findings

# bone -> phantom, side of it, landmark in its truth, shift from there (lateral, posterior, superior) [mm]
_PLACES: dict[str, tuple[Any, str, str, tuple[float, float, float]]] = {
    "hemipelvis": ("pelvis", "hip", "acetabulum_centre_mm", (-8.0, 8.0, 34.0)),
    "sacrum": ("pelvis", "sacrum", "", (34.0, 4.0, -18.0)),
    "femur": ("femur", "femur", "head_centre_mm", (18.0, 4.0, -14.0)),
    "humerus": ("humerus", "humerus", "head_centre_mm", (6.0, 2.0, -28.0)),
}


@dataclass(frozen=True, eq=False)
class MadeCase:
    """A case and what was read of it."""

    case: Case
    anatomy: Anatomy
    findings: Findings


@cache
def made_case(
    bone: str, *, radius_mm: float = 11.0, spacing: tuple[float, float, float] | None = None
) -> MadeCase:
    """A phantom with a ball of a lesion in ``hemipelvis_left``, ``sacrum``, ``femur_left`` ..."""
    kind, _, side = bone.partition("_")
    site, part, landmark, shift = _PLACES[kind]
    phantom = make_phantom(site, seed=4, side=side or "left", spacing_mm=spacing)
    name = f"{part}_{side}" if side else part
    truth = phantom.truth[name]
    at = np.array(truth[landmark] if landmark else truth["endplate_centre_mm"], dtype=float)
    outward = -1.0 if side == "right" else 1.0
    centre = at + np.array(shift) * [outward, 1.0, 1.0]
    grid = phantom.ct.positions_mm(np.moveaxis(np.indices(phantom.ct.shape), 0, -1))
    ball = np.linalg.norm(grid - centre, axis=-1) < radius_mm
    lesion = ball & phantom.labels.mask(name)
    now = np.where(lesion, 40, phantom.ct.array).astype(np.int16)
    told = Lesion(
        "L1", bone, side or "left", phantom.ct.with_array(lesion, "mask"), matrix="lytic", simulated=True
    )  # type: ignore[arg-type]
    case = Case(
        "made", phantom.ct.with_array(now), (told,), {"kind": "fixed", "kvp": 120}, phantom.labels.volume,
        phantom.labels.values, ct_before=phantom.ct, phantom=True,
    )  # fmt: skip
    anatomy, findings = build_anatomy(case, told)
    return MadeCase(case, anatomy, Findings.of(*findings))
