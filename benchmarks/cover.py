"""Speed of choosing probes: a large lesion with its margin, ways from three sides, two zones.

    python benchmarks/cover.py

Prints what the choice weighed, how long each part took and how sure the answer is; what was seen stands in
docs/applicators.md.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from osteoplan.kernels.set_cover import SetCover, solve
from osteoplan.knowledge.applicators import applicators
from osteoplan.model.volume import Volume
from osteoplan.trajectory.probes.cover import cover
from osteoplan.trajectory.probes.parallel import ProbePath, beside
from osteoplan.trajectory.probes.placed import cover_limits
from osteoplan.trajectory.probes.target import target_of


def ellipsoid(half_mm: tuple[float, float, float]) -> tuple[np.ndarray, Volume]:
    """A lesion of that size on a grid of 1 x 1 x 2 mm."""
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[:3, 3] = -60.0
    grid = Volume(np.zeros((120, 120, 60), np.uint8), affine, "mask")
    position = grid.positions_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    return (np.square(position / np.asarray(half_mm)).sum(axis=-1) <= 1.0), grid


def main() -> int:
    for half in ((15.0, 12.0, 12.0), (30.0, 20.0, 18.0), (40.0, 28.0, 25.0)):
        began = time.perf_counter()
        target = target_of(*ellipsoid(half), 5.0)
        ways = (
            ProbePath("back", (0.0, 110.0, 0.0), (0.0, 10.0, 0.0)),
            ProbePath("left", (120.0, 20.0, 10.0), (10.0, 0.0, 0.0)),
            ProbePath("oblique", (-80.0, 80.0, 30.0), (-8.0, 6.0, 3.0)),
        )
        many = beside(
            ways,
            allowed=lambda entries, tips: np.ones(len(tips), bool),
            reach_mm=max(half),
            depths_mm=np.arange(-20.0, 41.0, 5.0),
        )
        table = applicators()
        rows = [table.row("emprint_100W_5min"), table.row("neuwave_kidney_65W_10min")]
        prepared = time.perf_counter()
        plan = cover(target, many, table, rows, cover_limits(8),
                     allowed=lambda entries, tips: np.ones(len(tips), bool))  # fmt: skip
        chosen = time.perf_counter()
        print(
            f"lesion {2 * half[0]:.0f} x {2 * half[1]:.0f} x {2 * half[2]:.0f} mm + 5: "
            f"{len(many) * 2} placements, "
            f"{plan.columns} weighed, {plan.points} cells; prepared {prepared - began:.1f} s, "
            f"chosen {chosen - prepared:.1f} s: {len(plan.probes)} probes, {plan.coverage_pct:.1f} % covered "
            f"({plan.words}), {plan.status}, gap {100 * plan.gap:.1f} %"
        )
    rng = np.random.default_rng(0)
    covers = rng.random((400, 120)) < 0.06
    free = np.zeros((120, 120), bool)
    none = np.zeros(120, bool)
    began = time.perf_counter()
    found = solve(SetCover(covers, np.full(400, 1 / 400), np.ones(120), free, 120, 1e-4, none, free))
    seconds = time.perf_counter() - began
    print(f"random 400 x 120: {found.status}, gap {100 * found.gap:.1f} %, {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
