"""Dice and time of vertebrae grown from one point, against label maps.

python benchmarks/segment.py ../shared/data
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from osteoplan.anatomy.segment import segment_bone
from osteoplan.errors import BadInput
from osteoplan.io.nifti import read_nifti

LEVELS = {27: "L5", 28: "L4", 29: "L3", 30: "L2", 31: "L1"} | {44 - n: f"T{n}" for n in range(5, 13)}
SCANS = {
    "chest": ("chest_spine/cxr.nii.gz", "chest_spine/mask.nii.gz", range(31, 40)),
    "pelvis": (
        "pelvis_hip/example_ct.nii.gz", "pelvis_hip/example_seg_fast_force_split.nii.gz", range(27, 32),
    ),
}  # fmt: skip


def main(folder: Path) -> None:
    """Print one line per vertebra."""
    for scan, (image, map_, numbers) in SCANS.items():
        ct, labels = read_nifti(folder / image, "HU"), read_nifti(folder / map_, "label").array
        for number in numbers:
            truth = labels == number
            seed = ct.positions_mm(np.argwhere(truth).mean(axis=0))
            start = time.perf_counter()
            try:
                mask = segment_bone(ct, f"vertebra_{LEVELS[number]}", seed).mask
            except BadInput as why:
                print(f"{scan:7} {LEVELS[number]:4} {why}")
                continue
            dice = 2.0 * (mask & truth).sum() / (mask.sum() + truth.sum())
            print(
                f"{scan:7} {LEVELS[number]:4} Dice {dice:.3f}  {time.perf_counter() - start:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
