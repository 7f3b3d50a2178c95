"""How long the screw corridors of a labelled scan take, one template after the other.

    python benchmarks/corridors.py CT.nii.gz LABELS.nii.gz [--only transsacral_s1 ...]

Labels numbered as TotalSegmentator's task "total".  Distance fields are computed first and told apart; every
figure is wall and processor time of this process, after one run that compiles.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

from osteoplan.anatomy.derive import derived_structures
from osteoplan.anatomy.frames import bone_frames
from osteoplan.anatomy.implants import find_implants
from osteoplan.errors import OsteoplanError
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.corridors import templates
from osteoplan.knowledge.sites import label_of, planned_bones
from osteoplan.knowledge.structures import kind_of, scheme
from osteoplan.model.anatomy import BoneFrame, Structure
from osteoplan.model.labels import LabelMap
from osteoplan.trajectory.corridors.find import corridors
from osteoplan.trajectory.surroundings import Surroundings, distance_maps


class Nobody:
    """Stands for the anatomy of a scan without a lesion."""

    on_scan: tuple[str, ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ct", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--only", nargs="*", default=sorted(templates()))
    given = parser.parse_args()
    ct = read_nifti(given.ct, "HU")
    around = neighbourhood(ct, LabelMap(read_nifti(given.labels, "label"), scheme("totalsegmentator")))
    seconds: dict[str, Any] = {"distance fields": clocked(lambda: distance_maps(around))}
    chosen = [templates()[name] for name in given.only]
    seconds["bodies of the bones, and compiling"] = clocked(lambda: corridors(around, chosen))
    for one in chosen:
        seconds[one.id] = clocked(lambda one=one: corridors(around, [one]))
    seconds["all"] = clocked(lambda: corridors(around, chosen))
    ways = corridors(around, chosen)
    widths = {way.id: round(way.measures.get("width_mm", 0.0), 1) for way in ways}
    print(json.dumps({"voxels": ct.shape, "seconds": seconds, "width_mm": widths}, indent=1))


def neighbourhood(ct: Any, labels: LabelMap) -> Surroundings:
    """Every labelled bone of a scan with its frames, and what is labelled or derived beside it."""
    named = labels.present()
    near = {label: labels.near(label, 8.0) for label in named if kind_of(label) == "bone"}
    frames: dict[str, Any] = {}
    for bone in planned_bones():
        if label_of(bone) in near and not labels.cut_by_edge(label_of(bone)):
            frames[label_of(bone)] = read(bone, near)
    for label in ("hip_left", "hip_right", "femur_left", "femur_right"):
        if label in near and label not in frames:
            frames[label] = read(label.replace("hip", "hemipelvis"), near)
    beside = [Structure(n, cast(Any, kind_of(n)), labels.mask(n), True) for n in named
              if kind_of(n) not in (None, "bone")]  # fmt: skip
    metal = np.zeros(ct.shape, dtype=bool)
    for implant in find_implants(ct, bones=labels.any_of(near), vessels=None):
        metal |= implant.mask
    nothing = np.zeros(ct.shape, dtype=bool)
    return Surroundings(
        anatomy=cast(Any, Nobody()), grid=ct, target=next(iter(frames)),
        bones={name: labels.mask(name) for name in near}, lesion=nothing, parts={}, frames=frames,
        structures=(*beside, *derived_structures(ct, labels)[0]), metal=metal, skin=~nothing,
    )  # fmt: skip


def read(bone: str, near: Any) -> dict[str, BoneFrame]:
    """Frames of a bone; none where the scan does not show enough of it."""
    try:
        return dict(bone_frames(bone, near[label_of(bone)], context=near))
    except OsteoplanError as why:
        print(f"{bone}: {why}")
        return {}


def clocked(work: Any) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


if __name__ == "__main__":
    main()
