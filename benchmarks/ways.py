"""Times of what 'osteoplan ways' rests on, on the real chest scan and pelvis; one line each.

    python benchmarks/ways.py [folder of the development scans]

Asked for: distance maps of the whole chest scan (512 x 512 x 133, every structure) under 5 s; 100 000 paths
against all structures under 1 s after them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from osteoplan.anatomy.derive import derived_structures
from osteoplan.anatomy.structures import labelled_structures
from osteoplan.io.nifti import read_nifti
from osteoplan.kernels.distance import signed_distance, signed_distances
from osteoplan.kernels.paths import first_crossing, path_minima
from osteoplan.knowledge.structures import scheme
from osteoplan.model.labels import LabelMap
from osteoplan.trajectory.needles.limits import needle_rules
from osteoplan.trajectory.surroundings import REACH_MM

Made = TypeVar("Made")


def timed(what: str, work: Callable[[], Made]) -> Made:
    """Do it and say how long it took."""
    began = time.perf_counter()
    made = work()
    print(f"{what:70s} {time.perf_counter() - began:6.2f} s")
    return made


def main() -> None:
    """Run all of it."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["OSTEOPLAN_DATA"]) / "chest_spine"
    ct = read_nifti(data / "cxr.nii.gz", "HU")
    labels = LabelMap(read_nifti(data / "mask.nii.gz", "label"), scheme("totalsegmentator"))
    given, _ = labelled_structures(labels.volume, labels.values, without=labels.values["vertebrae_T12"])
    derived, _ = timed("deriving every structure", lambda: derived_structures(ct, labels))
    kinds: dict[str, np.ndarray] = {}
    for one in (*derived, *given):
        kinds[one.kind] = kinds[one.kind] | one.mask if one.kind in kinds else one.mask
    signed_distance(kinds["canal"][:40, :40, :20], ct.spacing_mm)  # compile
    size = "x".join(map(str, ct.shape))
    stack = timed(
        f"distance maps of {len(kinds)} kinds, {len(given) + len(derived)} structures, {size}",
        lambda: signed_distances(list(kinds.values()), ct.spacing_mm, reach_mm=REACH_MM),
    )
    rng = np.random.default_rng(1)
    bone = ct.positions_mm(np.argwhere(labels.mask("vertebrae_T12")))
    tips = bone[rng.integers(0, len(bone), 100_000)]
    outward = rng.standard_normal((100_000, 3)) * [0.6, 0.3, 0.2] + [0.0, 1.0, 0.0]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    body = signed_distance(ct.array > -300, ct.spacing_mm, reach_mm=REACH_MM)
    for n in (100, 100_000):
        ways = timed(
            f"{n} paths: skin",
            lambda n=n: first_crossing(body, ct.affine, tips[:n], outward[:n], rising=True, longest_mm=300.0),
        )
        length = np.where(np.isfinite(ways), ways, 100.0)
        ends = tips[:n] + length[:, None] * outward[:n]
        timed(
            f"{n} paths of {length.mean():.0f} mm against {stack.shape[3]} kinds",
            lambda n=n, ends=ends: path_minima(
                stack, ct.affine, tips[:n], ends, beyond_mm=needle_rules().farthest_mm + 3.0
            ),
        )


if __name__ == "__main__":
    main()
