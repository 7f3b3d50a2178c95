"""The scenes of pelvis and of one proximal femur: the same body, another field of view."""

from __future__ import annotations

from typing import Any

import numpy as np

from osteoplan.anatomy.phantom import femur, pelvis
from osteoplan.anatomy.phantom.outfit import hu_of
from osteoplan.anatomy.phantom.scene import Painting
from osteoplan.anatomy.phantom.solids import blob, capsule, cut, ellipse, plane
from osteoplan.anatomy.phantom.spine import PhantomVertebra, bone_distance
from osteoplan.anatomy.phantom.trunk import lower_body, vessels_and_nerves
from osteoplan.arrays import F32
from osteoplan.knowledge.values import number

__all__ = ["HIP_LABELS", "paint_lower_body"]

HIP_LABELS = {
    "urinary_bladder": 21, "sacrum": 25, "vertebrae_L5": 27, "iliac_artery_left": 65,
    "iliac_artery_right": 66,
    "iliac_vena_left": 67, "iliac_vena_right": 68, "femur_left": 75, "femur_right": 76, "hip_left": 77,
    "hip_right": 78,
}  # fmt: skip
L5 = PhantomVertebra(
    (24.0, 17.0, 14.0), transverse_reach=44.0, spinous_tip=(56.0, -8.0), canal_half=(12.0, 8.0),
    canal_centre=24.0, pedicle_half=(6.0, 7.0),
)  # fmt: skip
L5_GAP = 10.0  # the disc below it [mm]
L5_TURN_DEG = 22.0  # its bend forward

SIDES = (("left", 1.0), ("right", -1.0))


def paint_lower_body(scene: Painting, *, contrast: bool) -> dict[str, Any]:
    """Paint soft tissue, vessels and every bone in the scene's field of view; returns the truth."""
    lower_body(scene)
    truth: dict[str, Any] = {"paths_mm": vessels_and_nerves(scene, contrast=contrast)}
    truth |= _midline(scene)
    for word, sign in SIDES:
        truth[f"hip_{word}"] = _hip(scene, word, sign)
        truth[f"femur_{word}"] = _femur(scene, word, sign)
    return truth


def _midline(scene: Painting) -> dict[str, Any]:
    """Disc, L5 and sacrum with canal, cord's roots and foramina."""
    middle, normal = pelvis.endplate_mm()
    box = scene.box((-62.0, -30.0, -30.0), (62.0, 110.0, 180.0))
    left, back, up = scene.at(box)
    sacrum = pelvis.sacrum_distance(left, back, up)
    turn = np.radians(L5_TURN_DEG)
    centre = middle + normal * (L5_GAP + L5.body_half[2]) + [0.0, -1.0, 0.0]
    y, z = back - np.float32(centre[1]), up - np.float32(centre[2])
    # leaning forward, as on the sloping sacrum
    local = (left, np.cos(turn) * y + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * y)
    local = tuple(np.asarray(v, dtype=np.float32) for v in local)  # type: ignore[assignment]
    lumbar = cut(bone_distance(*local, L5), sacrum - np.float32(1.5))
    disc = capsule(left, back, up, tuple(middle - normal), tuple(middle + normal * (L5_GAP + 1.0)), 1.0)
    flat = plane(left, back, up, tuple(middle), tuple(normal))
    disc = np.maximum(ellipse(left, local[1] + 1.0, 23.0, 16.0), np.maximum(flat - 14.0, -flat - 2.0))
    scene.fill(box, disc.astype(np.float32), hu_of("cartilage"))
    canal = np.minimum(
        pelvis.sacral_canal(left, back, up),
        np.maximum(ellipse(local[0], local[1] - L5.canal_centre, 12.0, 8.0), -local[2] - 24.0),
    ).astype(np.float32)
    scene.fill(box, canal, hu_of("fat"))
    scene.fill(box, canal + np.float32(3.0), hu_of("fluid"))
    for s, out, _ in pelvis.FORAMINA:
        along, depth = pelvis.sacral_plane(back, up)
        start = (6.0, s - 4.0, float(pelvis._canal_depth(s)))
        tube = capsule(np.abs(left), along, depth, start, (out + 3.0, s, -4.0), 4.4)
        scene.fill(box, tube, hu_of("fat"))
        scene.fill(box, tube + np.float32(2.0), hu_of("nerve"))
    wall = number("phantoms.cortex_mm")
    _bone(scene, box, sacrum, "sacrum", cortex_mm=wall)
    _bone(scene, box, lumbar, "vertebrae_L5", cortex_mm=wall, cortex_HU=hu_of("vertebra_cortex"))
    origin = scene.origin_mm
    sides = {
        f"{level} {word}": (origin + point * [sign, 1.0, 1.0]).tolist()
        for level, point in pelvis.foramina_mm().items()
        for word, sign in SIDES
    }
    return {
        "sacrum": {
            "endplate_centre_mm": (origin + middle).tolist(),
            "endplate_normal": normal.tolist(),
            "canal_axis_mm": (origin + pelvis.sacral_canal_mm()).tolist(),
            "foramina_mm": sides,
            "si_gap_mm": pelvis.PELVIS.si_gap,
        },
        "vertebra_L5": {"body_centre_mm": (origin + centre).tolist()},
    }


def _bone(scene: Painting, box: Any, d: F32, name: str, **changed: Any) -> None:
    looks = {
        "marrow_HU": hu_of("trabecular"), "cortex_HU": hu_of("cortex"), "texture_HU": hu_of("texture"),
    } | changed  # fmt: skip
    scene.bone(box, d, name, **looks)


def _hip(scene: Painting, word: str, sign: float) -> dict[str, Any]:
    """One hemipelvis, parted from the sacrum by the gap of the joint; cartilage in gap and symphysis."""
    p = pelvis.PELVIS
    low, high = sorted((sign * -4.0, sign * 152.0))
    box = scene.box((low, -72.0, -96.0), (high, 100.0, 142.0))
    left, back, up = scene.at(box)
    side = np.float32(sign) * left
    sacrum = pelvis.sacrum_distance(left, back, up)
    d = pelvis.hip_distance(side, back, up)
    joint = np.maximum(d, sacrum - np.float32(p.si_gap))
    d = cut(d, sacrum - np.float32(p.si_gap))
    cleft = np.maximum(
        np.abs(side) - np.float32(p.symphysis_half), blob(side, back, up, (0, -50, -21), (30, 7, 18))
    )
    scene.fill(box, np.minimum(np.maximum(joint, -sacrum), cleft).astype(np.float32), hu_of("cartilage"))
    socket = blob(side, back, up, (p.hip_apart, 0.0, 0.0), (p.socket_radius,) * 3)
    capsule_ = np.maximum(socket - 3.0, plane(side, back, up, (p.hip_apart, 0, 0), p.opening) - 16.0)
    scene.fill(box, capsule_.astype(np.float32), hu_of("cartilage"))
    marrow = hu_of("trabecular") + (hu_of("dense_trabecular") - hu_of("trabecular")) * np.exp(
        -np.maximum(socket, 0.0) / 7.0
    )
    wall = number("phantoms.cortex_mm") + 1.4 * np.exp(-np.maximum(socket, 0.0) / 3.0)
    _bone(
        scene, box, d, f"hip_{word}", cortex_mm=wall.astype(np.float32), marrow_HU=marrow.astype(np.float32)
    )
    flip = np.array([sign, 1.0, 1.0])
    opening = np.array(p.opening) / np.linalg.norm(p.opening)
    return {
        "acetabulum_centre_mm": (scene.origin_mm + flip * [p.hip_apart, 0.0, 0.0]).tolist(),
        "acetabulum_radius_mm": p.socket_radius,
        "acetabulum_axis": (flip * opening).tolist(),
        "asis_mm": (scene.origin_mm + flip * [121.0, -37.0, 84.0]).tolist(),
    }


def _femur(scene: Painting, word: str, sign: float) -> dict[str, Any]:
    f, apart = femur.FEMUR, sign * pelvis.PELVIS.hip_apart
    low, high = sorted((apart - sign * 40.0, apart + sign * 92.0))
    box = scene.box((low, -75.0, -900.0), (high, 60.0, 40.0))
    left, back, up = scene.at(box)
    flip = np.array([sign, 1.0, 1.0])
    head = scene.origin_mm + np.array([apart, 0.0, 0.0])
    if left.size:
        side = np.asarray(np.float32(sign) * (left - np.float32(apart)), dtype=np.float32)
        d = femur.femur_distance(side, back, up)
        d = cut(d, pelvis.hip_distance(side + np.float32(abs(apart)), back, up) - np.float32(1.5))
        inner = femur.marrow(
            side,
            back,
            up,
            dense=hu_of("dense_trabecular"),
            loose=0.55 * hu_of("trabecular"),
            fatty=hu_of("marrow"),
        )
        texture = number("phantoms.texture_HU")
        scene.bone(
            box, d, f"femur_{word}", cortex_mm=femur.cortex_mm(up), marrow_HU=inner,
            cortex_HU=hu_of("shaft_cortex"), texture_HU=texture,
        )  # fmt: skip
    high_point, low_point = (np.array([*femur.shaft_centre(z), z]) for z in (-70.0, -230.0))
    axis = (high_point - low_point) / np.linalg.norm(high_point - low_point)
    return {
        "head_centre_mm": head.tolist(),
        "head_radius_mm": f.head_radius,
        "neck_axis": (flip * femur.neck_axis()).tolist(),
        "neck_shaft_deg": float(np.degrees(np.arccos(np.clip(-(femur.neck_axis() @ axis), -1, 1)))),
        "shaft_axis": (flip * axis).tolist(),
        "shaft_points_mm": [
            (head + flip * [*(float(v) for v in femur.shaft_centre(z)), z]).tolist()
            for z in (-70.0, -150.0, -230.0)
        ],
        "shaft_radius_mm": f.shaft_radius,
        "shaft_cortex_mm": f.cortex_thick,
        "offset_mm": f.offset,
        "lesser_trochanter_mm": (head + flip * [f.offset - 21.0, 26.0, -60.0]).tolist(),
    }
