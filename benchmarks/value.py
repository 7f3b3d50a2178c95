"""How long the value of ten options takes, 10 000 draws, every pair of them.

python benchmarks/value.py
"""

from __future__ import annotations

import time

from tests.unit.test_value_patient import AGAIN, FACTS, FRACTURE, RELIEF, TEAM, candidate, share

from osteoplan.decide.value.patient import value_of
from osteoplan.model.centre import Centre
from osteoplan.model.ensemble import Ensemble


def main() -> None:
    """Print wall clock and processor time of three runs; the first loads what is compiled."""
    ten = [
        candidate(f"option {k}", share(RELIEF, 30 + k), share(FRACTURE, 3 + k), share(AGAIN, 6))
        for k in range(10)
    ]
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        found = value_of(ten, FACTS, TEAM, Centre(), Ensemble(1, 10_000))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        print(f"{len(found.pairs)} pairs: {wall:.2f} s, processor {processor:.2f} s")


if __name__ == "__main__":
    main()
