"""Random well-posed supports: how many solve, in how many steps, and how far from a direct factorisation.

    python benchmarks/supports.py [--count 500] [--seed 0] [--size 5 12] [--kinds pins edge] [--moduli even]

Bodies and supports are those of ``tests/supports_made.py``.  Steps are compared with those of the same body
bonded on two whole faces.  Bodies of up to ``MOST_DIRECT`` unknowns are compared with a direct factorisation:
largest difference of a displacement over the largest displacement.  Asked for: all solve, within 1e-6, in at
most 1.5 times the steps of whole faces, and in at most 20 where whole faces take no more either.  *Loose* is
solved, and further off at the tolerance of 1e-8 alone: moduli that differ by 1e5 ask for a smaller one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np

import osteoplan
from osteoplan.errors import NotConverged, OsteoplanError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.supports_made import KINDS, MODULI, VOIDS, Direct, Made, supports

TOLERANCE, FACTOR, MOST_STEPS, DEVIATION = 1e-8, 1.5, 20, 1e-6
TIGHT = 1e-12  # about what a contrast of 1e5 leaves of double precision
MOST_DIRECT = 3 * 13**3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=(5, 12), help="least and most voxels of an edge")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--moduli", nargs="*", default=list(MODULI), choices=list(MODULI))
    parser.add_argument("--voids", nargs="*", default=list(VOIDS), choices=list(VOIDS))
    parser.add_argument("--iterations", type=int, default=100, help="more is a failure")
    parser.add_argument("--no-direct", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="every case, not only what fails")
    given = parser.parse_args()
    told: dict[str, Counter[str]] = defaultdict(Counter)
    steps: dict[str, list[int]] = defaultdict(list)
    worst: dict[str, float] = defaultdict(float)
    start = time.process_time()
    for case in supports(
        given.count, seed=given.seed, size=tuple(given.size), kinds=given.kinds, moduli=given.moduli,
        voids=given.voids,
    ):  # fmt: skip
        how, most, whole, deviation = solved(case, given.iterations, not given.no_direct)
        told[case.kind][how.split(":")[0]] += 1
        worst[case.kind] = max(worst[case.kind], deviation)
        if most is not None:
            steps[case.kind].append(most)
        if given.verbose or how not in ("solved", "loose"):
            print(
                f"{case.name}\n    {how}; steps {most}, whole faces {whole}, off {deviation:.1e}", flush=True
            )
    print(f"\n{'kind':18} {'of':>4} {'solved':>6}  {'median':>6} {'most steps':>10}  {'off':>7}  others")
    for kind, how in told.items():
        others = ", ".join(f"{n} {name}" for name, n in sorted(how.items()) if name != "solved")
        middle, most = (int(f(steps[kind])) for f in (np.median, max)) if steps[kind] else (0, 0)
        total = sum(how.values())
        print(f"{kind:18} {total:4} {how['solved']:6}  {middle:6} {most:10}  {worst[kind]:7.1e}  {others}")
    good = sum(how["solved"] + how["loose"] for how in told.values())
    print(f"{good} of {given.count} as asked for, {time.process_time() - start:.0f} s of the processor")


def solved(case: Made, limit: int, direct: bool) -> tuple[str, int | None, int | None, float]:
    """(what came of it, most steps of its loads, steps of whole faces, largest deviation)."""
    whole = _steps_or_none(case, limit)
    factorised = Direct(case) if direct and 3 * (case.moduli > 0).sum() <= MOST_DIRECT else None
    most, deviation, loose = 0, 0.0, False
    for held, force in case.loads:
        try:
            found = _solution(case, held, force, TOLERANCE, limit)
            most = max(most, found.iterations)
            if factorised is None:
                continue
            off = factorised.deviation(found, held, force)
            if off > DEVIATION:
                loose = True
                with suppress(NotConverged):
                    off = factorised.deviation(_solution(case, held, force, TIGHT, 5 * limit), held, force)
            deviation = max(deviation, off)
        except OsteoplanError as why:
            return f"{type(why).__name__}: {why}", None, whole, deviation
    if deviation > DEVIATION:
        return "off", most, whole, deviation
    if whole is not None and most > FACTOR * whole:
        return "over 1.5 times", most, whole, deviation
    if most > MOST_STEPS and (whole is None or whole <= MOST_STEPS):
        return "over 20", most, whole, deviation
    return "loose" if loose else "solved", most, whole, deviation


def _solution(case: Made, held: np.ndarray, force: np.ndarray | None, tolerance: float, limit: int):
    return osteoplan.solve_voxels(
        case.moduli, case.spacing, held, poisson_ratio=case.poisson, force_N=force,
        tolerance=tolerance, max_iterations=limit,
    )  # fmt: skip


def _steps_or_none(case: Made, limit: int) -> int | None:
    try:
        return _solution(case, case.whole_faces, None, TOLERANCE, limit).iterations
    except OsteoplanError:
        return None


if __name__ == "__main__":
    main()
