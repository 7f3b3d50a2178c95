"""Spoils every fault of data/faults and every valid export many times, and says what ``init`` did with it.

python benchmarks/fuzz.py [FAULTS] [--times 50] [--seed 1] [--only NAME ...]

A case or one sentence is right; a traceback, more than 5 s of the processor or 1 GB is not.  What was
read with other values and the same notes is listed: a header that says something else and is plausible cannot
be told.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.mutated import Outcome, exported, mutate, of_fault, outcome

SECONDS, MB = 5.0, 1024.0
FEW = 12  # voxels that eight bytes of data may touch


def spoil(name: str, new, folder: Path, times: int, seed: int) -> Counter[str]:
    """Print what is not right of one input; how often each came."""
    base = outcome(new, folder)
    print(f"{name}: {base.how}", flush=True)
    counted: Counter[str] = Counter()
    peak_MB, slowest_s = base.peak_MB, 0.0
    for n in range(times):
        rng = np.random.default_rng([seed, n, *name.encode()])
        words, put_back = mutate(new, rng)
        found = outcome(new, folder)
        put_back()
        kind = told(base, found)
        slowest_s = max(slowest_s, found.seconds)
        if found.peak_MB > max(peak_MB, MB):
            kind = "too much memory"
        peak_MB = max(peak_MB, found.peak_MB)
        counted[kind.split(" (")[0]] += 1
        if kind not in ("read the same", "refused", "read, told", "a few voxels"):
            print(f"  {kind}: {n} {words}: {found.words} {found.generic}", flush=True)
    print(f"  slowest {slowest_s:.2f} s, {peak_MB:.0f} MB so far", flush=True)
    return counted


def told(base: Outcome, found: Outcome) -> str:
    if found.how == "traceback":
        return "TRACEBACK"
    if found.seconds > SECONDS:
        return f"{found.seconds:.1f} s"
    if found.how == "refused":
        return "generic" if found.generic else "refused"
    if base.how == "refused":
        return "read now"
    differs = found.changed(base)
    if not differs:
        return "read the same"
    if found.words != base.words:
        return "read, told"
    few = differs.endswith("voxels differ") and int(differs.split()[1]) <= FEW
    return "a few voxels" if few else f"OTHER VALUES ({differs})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="?", type=Path)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    counted: Counter[str] = Counter()
    faults = sorted(given.faults.iterdir()) if given.faults else []
    inputs = {fault.name: fault for fault in faults} | exported()
    for name, made in inputs.items():
        if given.only and name not in given.only:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if isinstance(made, Path):
                shutil.copytree(made, folder / name)
                for one in [folder / name, *(folder / name).rglob("*")]:
                    one.chmod(0o755)
                new = of_fault(folder / name)
            else:
                new = made(folder)
            counted += spoil(name, new, folder, given.times, given.seed)
    print(dict(counted))


if __name__ == "__main__":
    main()
