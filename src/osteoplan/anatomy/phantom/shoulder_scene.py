"""The scene of one shoulder and upper arm: chest wall with ribs and lung, arm beside it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from osteoplan.anatomy.phantom import humerus
from osteoplan.anatomy.phantom.outfit import hu_of
from osteoplan.anatomy.phantom.scene import Painting
from osteoplan.anatomy.phantom.solids import blob, capsule, cut, ellipse, join, ramp
from osteoplan.arrays import F32
from osteoplan.knowledge.values import number

__all__ = ["SHOULDER_LABELS", "paint_shoulder"]

SHOULDER_LABELS = {
    "lung_upper_lobe_left": 10, "lung_upper_lobe_right": 12, "humerus_left": 69, "humerus_right": 70,
    "scapula_left": 71, "scapula_right": 72, "clavicula_left": 73, "clavicula_right": 74,
}  # fmt: skip
EVERYWHERE = (slice(None), slice(None), slice(None))
CHEST = (-172.0, 4.0)  # middle of the trunk from the head's centre: side, back


def paint_shoulder(scene: Painting, side_name: str, *, contrast: bool) -> dict[str, Any]:
    """Paint chest wall, arm and every bone of one shoulder; returns the truth."""
    sign = 1.0 if side_name == "left" else -1.0
    left, back, up = scene.positions
    side = np.asarray(np.float32(sign) * left, dtype=np.float32)
    _soft_tissue(scene, side, back, up)
    _chest(scene, side, back, up, side_name)
    paths = _vessels(scene, side, back, up, sign, contrast=contrast)
    _bones(scene, side, back, up, side_name)
    return {"paths_mm": paths, f"humerus_{side_name}": _truth(scene, sign)}


def _soft_tissue(scene: Painting, side: F32, back: F32, up: F32) -> None:
    arm = _arm(side, back, up, 50.0)
    trunk = _trunk(side, back, up, 0.0)
    skin = join(join(arm, trunk, 4.0), _girdle(side, back, up, 52.0), 16.0)
    roof = _roof(side, up, 52.0)
    skin = np.maximum(skin, roof).astype(np.float32)
    scene.fill(EVERYWHERE, skin, hu_of("muscle"))
    scene.fill(EVERYWHERE, skin + np.float32(2.0), hu_of("fat"))
    deep = join(_arm(side, back, up, 40.0), _trunk(side, back, up, 14.0), 5.0)
    deep = join(deep, _girdle(side, back, up, 41.0), 14.0)
    deep = np.maximum(deep, roof + np.float32(10.0)).astype(np.float32)
    scene.fill(EVERYWHERE, deep, hu_of("muscle"))
    x, y = humerus.shaft_centre(up)
    u, v = side - x, back - y
    seams = np.abs(v + 2.0 * np.sin(u / 8.0)) - 1.0  # between biceps and triceps
    cleft = np.where((deep < -4.0) & (up < -70.0) & (np.hypot(u, v) > 15.0) & (side > -45.0), seams, 9.0)
    deltoid = blob(side, back, up, (4.0, 0.0, -20.0), (34.0, 33.0, 62.0))
    under = np.where((deep < -3.0) & (side > -16.0) & (up < 26.0), np.abs(deltoid) - 1.0, 9.0)
    armpit = capsule(side, back, up, (-44.0, -10.0, -26.0), (-48.0, 0.0, -110.0), 13.0, 9.0)
    armpit = np.maximum(armpit, deep + np.float32(2.0))
    pectoral = np.where((side < -30.0) & (deep < -3.0), np.abs(_trunk(side, back, up, 26.0)) - 1.2, 9.0)
    for d in (cleft, under, armpit, pectoral):
        scene.fill(EVERYWHERE, np.asarray(d, dtype=np.float32), hu_of("fat"))


def _arm(side: F32, back: F32, up: F32, radius: float) -> F32:
    x, y = humerus.shaft_centre(up)
    size = 1.0 - 0.12 * ramp(up, -60.0, -220.0)
    return ellipse(
        ((side - x - 1.0) / size).astype(np.float32),
        ((back - y - 2.0) / size).astype(np.float32),
        radius,
        radius + 4.0,
    )


def _trunk(side: F32, back: F32, up: F32, inward: float) -> F32:
    """The chest, narrower towards the neck."""
    half = 128.0 - 46.0 * ramp(up, -10.0, 90.0) + 6.0 * ramp(up, -20.0, -200.0)
    x = ((side - np.float32(CHEST[0])) * (128.0 / half)).astype(np.float32)
    return ellipse(x, back - np.float32(CHEST[1]), 128.0, 98.0) + np.float32(inward)


def _girdle(side: F32, back: F32, up: F32, radius: float) -> F32:
    """Muscle from the chest to the arm: trapezius above, armpit below, cuff around the blade."""
    return capsule(side, back, up, (-110.0, 10.0, 0.0), (0.0, 3.0, -8.0), radius + 16.0, radius)


def _roof(side: F32, up: F32, height: float) -> F32:
    """The slope from the neck to the shoulder, rounded over the deltoid."""
    outer = np.maximum(side, 0.0)
    slope = height + 0.22 * np.maximum(-side - 20.0, 0.0) - outer**2 / 70.0
    roof: F32 = ((up - slope) * 0.85).astype(np.float32)
    return roof


def _chest(scene: Painting, side: F32, back: F32, up: F32, word: str) -> None:
    """Lung, and ribs that slope forward and down; cortex of the ribs is not modelled apart."""
    scale = 1.0 - 0.55 * ramp(up, -30.0, 40.0)
    cage = (
        ellipse(
            ((side - CHEST[0]) / scale).astype(np.float32),
            ((back - CHEST[1]) / scale).astype(np.float32),
            88.0,
            64.0,
        )
        * scale
    )
    cage = np.asarray(cage, dtype=np.float32)
    lung = np.maximum(np.maximum(cage + 10.0, up - 34.0), CHEST[0] + 28.0 - side).astype(np.float32)
    scene.fill(EVERYWHERE, lung, hu_of("lung"), f"lung_upper_lobe_{word}")
    level = (up + 0.35 * (CHEST[1] - back) * -1.0) % np.float32(27.0) - 13.5
    rib = np.hypot(np.maximum(np.abs(cage + 4.0) - 2.2, 0.0), np.maximum(np.abs(level) - 4.0, 0.0)) - 1.6
    rib = np.where(up < 30.0, rib, 9.0).astype(np.float32)
    scene.fill(EVERYWHERE, rib, 0.6 * hu_of("cortex"))
    scene.fill(EVERYWHERE, rib + np.float32(1.5), hu_of("trabecular"))


def _vessels(
    scene: Painting, side: F32, back: F32, up: F32, sign: float, *, contrast: bool
) -> dict[str, list[list[float]]]:
    """Axillary and brachial artery with the vein and the nerves beside it; returns their axes (LPS mm)."""
    artery = hu_of("contrast") if contrast else hu_of("blood")
    vein = 0.5 * hu_of("contrast") if contrast else hu_of("blood") - 2.0
    line = [(-110, -34, 22), (-62, -26, 0), (-42, -16, -40), (-22, -6, -110), (-14, -6, -250)]
    paths = {
        "axillary artery": ((0.0, 0.0), 4.0, artery),
        "axillary vein": ((-4.0, -7.0), 4.5, vein),
        "brachial plexus": ((5.0, 5.0), 3.0, hu_of("nerve")),
    }
    truth = {}
    for name, ((dx, dy), radius, hu) in paths.items():
        points = [(x + dx, y + dy, float(z)) for x, y, z in line]
        for start, end in pairwise(points):
            d = capsule(side, back, up, start, end, radius)
            scene.fill(
                EVERYWHERE, np.where(scene.hu < -300.0, np.float32(9.0), d - np.float32(2.5)), hu_of("fat")
            )
            scene.fill(EVERYWHERE, np.where(scene.hu < -300.0, np.float32(9.0), d), hu)
        truth[name] = [(scene.origin_mm + np.array([sign * x, y, z])).tolist() for x, y, z in points]
    return truth


def _bones(scene: Painting, side: F32, back: F32, up: F32, word: str) -> None:
    texture, wall = number("phantoms.texture_HU"), number("phantoms.cortex_mm")
    socket = blob(side, back, up, (0.0, 0.0, 0.0), (humerus.HUMERUS.socket_radius,) * 3)
    joint = np.maximum(socket - np.float32(1.0), np.maximum(side + 2.0, np.abs(up) - 24.0))
    scene.fill(EVERYWHERE, joint.astype(np.float32), hu_of("cartilage"))
    arm = humerus.humerus_distance(side, back, up)
    scapula = cut(humerus.scapula_distance(side, back, up), arm - np.float32(2.0))
    clavicle = cut(humerus.clavicle_distance(side, back, up), scapula - np.float32(2.5))
    for d, name in ((scapula, "scapula"), (clavicle, "clavicula")):
        scene.bone(
            EVERYWHERE, d, f"{name}_{word}", cortex_mm=wall, marrow_HU=hu_of("trabecular"),
            cortex_HU=hu_of("cortex"), texture_HU=texture,
        )  # fmt: skip
    inner = humerus.marrow(
        side,
        back,
        up,
        dense=0.8 * hu_of("dense_trabecular"),
        loose=0.4 * hu_of("trabecular"),
        fatty=hu_of("marrow"),
    )
    scene.bone(
        EVERYWHERE, arm, f"humerus_{word}", cortex_mm=humerus.cortex_mm(up), marrow_HU=inner,
        cortex_HU=hu_of("shaft_cortex"), texture_HU=texture,
    )  # fmt: skip


def _truth(scene: Painting, sign: float) -> dict[str, Any]:
    h, flip, origin = humerus.HUMERUS, np.array([sign, 1.0, 1.0]), scene.origin_mm
    points = [np.array([*(float(v) for v in humerus.shaft_centre(z)), z]) for z in (-70.0, -150.0, -220.0)]
    axis = (points[0] - points[2]) / np.linalg.norm(points[0] - points[2])
    return {
        "head_centre_mm": origin.tolist(),
        "head_radius_mm": h.head_radius,
        "neck_axis": (flip * humerus.neck_axis()).tolist(),
        "shaft_axis": (flip * axis).tolist(),
        "shaft_points_mm": [(origin + flip * p).tolist() for p in points],
        "shaft_radius_mm": h.shaft_radius,
        "shaft_cortex_mm": h.cortex_thick,
        "glenoid_radius_mm": h.socket_radius,
        "glenoid_centre_mm": (origin + flip * [-h.socket_radius, 3.0, 0.0]).tolist(),
        "greater_tubercle_mm": (origin + flip * [26.0, -2.0, -2.0]).tolist(),
    }
