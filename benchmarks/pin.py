"""What a change moved: both demos and four phantoms planned before and after it, outcome by outcome.

    python benchmarks/pin.py run before/        # in a checkout of the old code
    python benchmarks/pin.py run after/         # in one of the new
    python benchmarks/pin.py compare before/ after/

Central values, statuses, steps and verdicts are to be equal to the last digit; intervals are told apart from
them, because a change of the sampling moves them by their sampling error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

DEMOS = ("spine", "pelvis")
# phantom -> bone, side, place of the lesion
PHANTOMS = {
    "spine": ("vertebra_T12", "midline", ()),
    "pelvis": ("hemipelvis_left", "left", ("--at", "centre")),
    "femur": ("femur_left", "left", ("--at", "centre")),
    "humerus": ("humerus_left", "left", ("--at", "centre")),
}
FACTS = {
    "primary": "breast", "ecog": 1, "rs": "moderate", "le_weeks": 60, "infection": False,
    "cement_allergy": False, "pregnant": False, "inr": 1.1, "plt": 210, "antithrombotics": [],
    "asa": 2, "prior_rt": False, "metal_at_site": False, "benign": False,
}  # fmt: skip


def run(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OSTEOPLAN_CACHE", str(out / "cache"))
    for site in DEMOS:
        timed(site, ["demo", site, "--force", "--out", str(out / f"demo_{site}")])
    for site in PHANTOMS:
        folder = phantom(site, out / f"phantom_{site}")
        timed(f"phantom {site}", ["plan", str(folder), "--spacing", "2", "--out", str(folder / "plan")])


def timed(what: str, arguments: list[str]) -> None:
    start = time.perf_counter()
    code = subprocess.run(
        [sys.executable, "-m", "osteoplan", *arguments], stdout=subprocess.DEVNULL
    ).returncode
    print(f"{what}: exit {code}, {time.perf_counter() - start:.1f} s", flush=True)
    if code not in (0, 3):
        raise SystemExit(code)


def phantom(site: str, folder: Path) -> Path:
    """A case of a generated phantom with a simulated lesion."""
    from osteoplan.anatomy.phantom import make_phantom
    from osteoplan.io.label_names import write_names
    from osteoplan.io.nifti import write_nifti

    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    made = make_phantom(site, seed=4, side="left")  # type: ignore[arg-type]
    write_nifti(made.ct, folder / "ct.nii.gz")
    write_nifti(made.labels.volume, folder / "labels.nii.gz")
    write_names(dict(made.labels.values), folder / "structures.csv")
    document = {
        "id": f"phantom-{site}",
        "images": {
            "ct": "ct.nii.gz", "labels": {"file": "labels.nii.gz", "names": "structures.csv"},
            "calibration": {"kind": "fixed", "kvp": 120},
        },
        "lesions": [], "generated": True, "facts": FACTS, "goals": {"intent": "palliative"},
        "procedure": {"position": "prone"}, "patient": {"age_y": 60, "sex": "female", "weight_kg": 70},
    }  # fmt: skip
    (folder / "case.yaml").write_text(yaml.safe_dump(document))
    bone, side, place = PHANTOMS[site]
    timed(
        f"lesion in the phantom {site}",
        ["simulate-lesion", str(folder), "--bone", bone, "--side", side, "--axes", "24,20,18", *place],
    )
    return folder


def compare(before: Path, after: Path) -> int:
    """A table of what moved, a line a kind; exit status 1 where a central value, a step or a verdict did."""
    names = [f"demo_{site}/plan.json" for site in DEMOS] + [f"phantom_{s}/plan/plan.json" for s in PHANTOMS]
    moved = 0
    for name in names:
        if not (before / name).exists() or not (after / name).exists():
            print(f"{name}: not there")
            continue
        one, two = (json.loads((folder / name).read_text()) for folder in (before, after))
        told = Counter[str]()
        widest: dict[str, tuple[float, str]] = {}
        for where, a, b in leaves(one, two, ""):
            if a == b:
                continue
            kind = "only one" if a is None or b is None else kind_of(where)
            told[kind] += 1
            gap = abs(a - b) / max(abs(a), abs(b)) if number(a) and number(b) else float("inf")
            if gap >= widest.get(kind, (-1.0, ""))[0]:
                widest[kind] = (gap, f"{where}: {short(a)} -> {short(b)}")
        print(f"{name}: {'equal' if not told else ''}")
        for kind, count in sorted(told.items()):
            gap, where = widest[kind]
            print(f"  {kind:<10} {count:5d} moved, largest {100.0 * gap:.3g} % at {where}")
        moved += sum(count for kind, count in told.items() if kind not in ("interval", "record", "only one"))
    return int(moved > 0)


def leaves(a: Any, b: Any, where: str) -> list[tuple[str, Any, Any]]:
    """Every place where both documents hold a plain value, and those that only one holds."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [leaf for key in {**a, **b} for leaf in leaves(a.get(key), b.get(key), f"{where}.{key}")]
    if isinstance(a, list) and isinstance(b, list):
        named = by_name(a), by_name(b)
        if named[0] is not None and named[1] is not None:
            return leaves(named[0], named[1], where)
        if len(a) == len(b):
            return [
                leaf
                for n, pair in enumerate(zip(a, b, strict=True))
                for leaf in leaves(*pair, f"{where}[{n}]")
            ]
        return [(where, a, b)]
    return [(where, a, b)]


def by_name(rows: list[Any]) -> dict[str, Any] | None:
    """Outcomes, options, verdicts and their like by their names: an order of rows is no result."""
    if not rows or not all(isinstance(row, dict) for row in rows):
        return None
    keys = [tuple(str(row[key]) for key in ("id", "for", "rule", "technique") if key in row) for row in rows]
    if not all(keys):
        return None
    seen = Counter[tuple[str, ...]]()
    named = {}
    for key, row in zip(keys, rows, strict=True):
        named[f"{'|'.join(key)}#{seen[key]}"] = row
        seen[key] += 1
    return named


def kind_of(where: str) -> str:
    last = where.rpartition(".")[2]
    if last in ("low", "high", "supported") or ".ties" in where or ".sensitivity" in where:
        return "interval"
    if ".stamp" in where or ".numerics" in where or last in ("created", "schema"):
        return "record"
    if last.startswith(("because", "warnings")):
        return "words"
    return "value"


def number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def short(x: Any) -> str:
    text = json.dumps(x)
    return text if len(text) <= 90 else text[:87] + "..."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run").add_argument("out", type=Path)
    both = verbs.add_parser("compare")
    both.add_argument("before", type=Path)
    both.add_argument("after", type=Path)
    asked = parser.parse_args()
    if asked.verb == "run":
        run(asked.out.resolve())
        return 0
    return compare(asked.before, asked.after)


if __name__ == "__main__":
    raise SystemExit(main())
