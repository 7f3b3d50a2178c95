"""Soft tissue around pelvis and thighs: skin, fat, muscle, bowel, bladder, vessels, nerves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from osteoplan.anatomy.phantom.outfit import hu_of
from osteoplan.anatomy.phantom.scene import Painting
from osteoplan.anatomy.phantom.solids import blob, capsule, ellipse, join, meet, ramp
from osteoplan.arrays import F32

__all__ = ["lower_body", "vessels_and_nerves"]

EVERYWHERE = (slice(None), slice(None), slice(None))
THIGH = (95.0, 8.0)  # middle of a thigh: side, back
SKIN_MM = 2.0


def lower_body(scene: Painting) -> None:
    """Trunk from the navel down, two thighs, with muscles parted by fat and the organs of the pelvis."""
    left, back, up = scene.positions
    side = np.abs(left)
    skin = _skin(side, back, up)
    scene.fill(EVERYWHERE, skin, hu_of("muscle"))
    scene.fill(EVERYWHERE, skin + np.float32(SKIN_MM), hu_of("fat"))
    deep = _fascia(side, back, up)
    scene.fill(EVERYWHERE, deep, hu_of("muscle"))
    _seams(scene, side, back, up, deep)
    _cavity(scene, left, back, up)


def _skin(side: F32, back: F32, up: F32) -> F32:
    wide = np.float32(183.0) - 10.0 * ramp(up, 60.0, 140.0)
    trunk = ellipse(side * (183.0 / wide), back - 8.0, 183.0, 116.0)
    trunk = meet(trunk, np.asarray(np.float32(-72.0) - up, dtype=np.float32), 60.0)
    return join(trunk, _thigh(side, back, up, 86.0, 96.0), 40.0)


def _thigh(side: F32, back: F32, up: F32, across: float, deep: float) -> F32:
    shrink = 1.0 + 0.16 * ramp(up, 20.0, -280.0)
    tube = ellipse(
        ((side - THIGH[0]) * shrink).astype(np.float32),
        ((back - THIGH[1]) * shrink).astype(np.float32),
        across,
        deep,
    )
    return meet(tube, np.asarray(up - np.float32(50.0), dtype=np.float32), 60.0)


def _fascia(side: F32, back: F32, up: F32) -> F32:
    """Edge of the muscles: under fat that is thick over the buttocks and thin on the thigh."""
    wide = 158.0 - 14.0 * ramp(up, 30.0, 130.0)
    trunk = ellipse(side * (158.0 / wide), back - 4.0, 158.0, 92.0)
    trunk = meet(trunk.astype(np.float32), np.asarray(np.float32(-70.0) - up, dtype=np.float32), 50.0)
    return join(trunk, _thigh(side, back, up, 72.0, 80.0), 30.0)


def _seams(scene: Painting, side: F32, back: F32, up: F32, deep: F32) -> None:
    """Fat between the gluteal muscles and between the muscles of the thigh."""
    inside = np.float32(0.0) - deep
    over = blob(side, back, up, (88.0, 4.0, 20.0), (64.0, 58.0, 110.0))
    gluteal = np.where((inside > 4.0) & (back > 0.0) & (up > -60.0), np.abs(over) - 1.6, np.float32(9.0))
    x, y = side - np.float32(THIGH[0]), back - np.float32(THIGH[1])
    around = np.arctan2(y, x) + 0.10 * np.sin(np.hypot(x, y) / 9.0)
    spokes = np.min(
        [np.abs(np.angle(np.exp(1j * (around - a)))) for a in (-2.75, -1.65, -0.35, 0.85, 1.6, 2.35)], axis=0
    ).astype(np.float32) * np.hypot(x, y)
    thigh = np.where((inside > 3.0) & (up < -48.0) & (np.hypot(x, y) > 24.0), spokes - 1.5, np.float32(9.0))
    for d in (gluteal, thigh):
        scene.fill(EVERYWHERE, d.astype(np.float32), hu_of("fat"))
    groin = capsule(side, back, up, (86.0, -62.0, 40.0), (62.0, -62.0, -40.0), 13.0)
    scene.fill(EVERYWHERE, groin, hu_of("fat"))


def _cavity(scene: Painting, left: F32, back: F32, up: F32) -> None:
    """Fat of the pelvis and abdomen with psoas, bowel, bladder, rectum."""
    side = np.abs(left)
    grow = ramp(up, 20.0, 90.0)
    room = ellipse(left / (1.0 + 1.1 * grow), back + 12.0 + 8.0 * grow, 56.0, 58.0)
    floor = np.float32(-34.0) - 12.0 * np.cos(np.clip(back / 50.0, -1.5, 1.5))
    room = meet(room.astype(np.float32), np.asarray(floor - up, dtype=np.float32), 30.0)
    scene.fill(EVERYWHERE, room.astype(np.float32), hu_of("fat"))
    psoas = capsule(side, back, up, (42.0, 26.0, 170.0), (66.0, -34.0, 22.0), 22.0, 17.0)
    iliacus = capsule(side, back, up, (82.0, 6.0, 96.0), (70.0, -32.0, 24.0), 20.0, 14.0)
    tail = capsule(side, back, up, (70.0, -40.0, 24.0), (104.0, 12.0, -60.0), 15.0, 9.0)
    muscle = join(join(psoas, iliacus, 8.0), tail, 6.0)
    scene.fill(EVERYWHERE, np.abs(muscle) - np.float32(1.4), hu_of("fat"))
    scene.fill(EVERYWHERE, muscle + np.float32(1.0), hu_of("muscle"))
    scene.fill(EVERYWHERE, blob(left, back, up, (0.0, -22.0, 16.0), (37.0, 27.0, 26.0)), hu_of("organ"))
    bladder = blob(left, back, up, (0.0, -22.0, 16.0), (34.0, 24.0, 23.0))
    scene.fill(EVERYWHERE, bladder, hu_of("fluid"), "urinary_bladder")
    loops = [
        (-46.0, -50.0, 92.0, 24.0), (2.0, -56.0, 80.0, 22.0), (44.0, -52.0, 100.0, 23.0),
        (-10.0, -40.0, 122.0, 20.0),
        (-68.0, -38.0, 118.0, 24.0), (70.0, -40.0, 124.0, 22.0), (22.0, -58.0, 136.0, 22.0),
        (-34.0, -58.0, 142.0, 20.0),
        (18.0, -10.0, 56.0, 15.0), (-22.0, -6.0, 54.0, 15.0), (0.0, 30.0, 12.0, 14.0),
    ]  # fmt: skip
    for x, y, z, r in loops:
        box = scene.box((x - 1.4 * r, y - r, z - 1.2 * r), (x + 1.4 * r, y + r, z + 1.2 * r))
        place = scene.at(box)
        loop = blob(*place, (x, y, z), (1.3 * r, 0.9 * r, 1.1 * r))
        scene.fill(box, loop, hu_of("organ"))
        gas = np.maximum(loop + np.float32(3.0), place[1] - np.float32(y - 0.25 * r))
        if r > 21.0 or y > 0.0:
            scene.fill(box, gas.astype(np.float32), hu_of("gas"))


def vessels_and_nerves(scene: Painting, *, contrast: bool) -> dict[str, list[list[float]]]:
    """Iliac and femoral vessels, sciatic nerve and its roots; returns their axes (LPS mm)."""
    artery = hu_of("contrast") if contrast else hu_of("blood")
    vein = 0.5 * hu_of("contrast") if contrast else hu_of("blood") - 2.0
    paths = {
        "iliac_artery": (
            [(8, -6, 175), (22, -4, 112), (50, -20, 84), (64, -48, 44), (62, -56, 8)], 5.5, artery,
        ),
        "iliac_vena": ([(4, 2, 175), (18, 6, 112), (44, -8, 84), (52, -44, 44), (50, -52, 8)], 6.5, vein),
        "femoral artery": ([(62, -56, 8), (66, -50, -50), (58, -36, -150), (54, -26, -260)], 4.5, artery),
        "femoral vein": ([(50, -52, 8), (54, -46, -50), (48, -30, -150), (46, -20, -260)], 5.5, vein),
        "internal iliac artery": ([(50, -20, 84), (50, 18, 60), (52, 34, 30), (64, 56, 16)], 3.5, artery),
        "sciatic nerve": (
            [(28, 36, 70), (44, 44, 44), (54, 48, 26), (68, 50, 2), (80, 42, -50), (82, 36, -150),
             (82, 36, -260)],
            5.0, hu_of("nerve"),
        ),
    }  # fmt: skip
    truth: dict[str, list[list[float]]] = {}
    for sign, word in ((1.0, "left"), (-1.0, "right")):
        for name, (points, radius, hu) in paths.items():
            along = [(sign * x, float(y), float(z)) for x, y, z in points]
            label = f"{name}_{word}" if f"{name}_{word}" in scene.values else ""
            for start, end in pairwise(along):
                low = tuple(min(a, b) - radius - 6.0 for a, b in zip(start, end, strict=True))
                high = tuple(max(a, b) + radius + 6.0 for a, b in zip(start, end, strict=True))
                box = scene.box(low, high)  # type: ignore[arg-type]
                d = capsule(*scene.at(box), start, end, radius)
                if name in ("sciatic nerve", "femoral artery"):
                    scene.fill(
                        box,
                        np.where(scene.hu[box] < 200.0, d - np.float32(2.5), np.float32(9.0)),
                        hu_of("fat"),
                    )
                scene.fill(box, d, hu, label)
            truth[f"{name} {word}"] = [(scene.origin_mm + p).tolist() for p in along]
    return truth
