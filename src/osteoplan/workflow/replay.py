"""Replay: recompute a plan from its case and compare every number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.io.plan_json import plan_document, read_plan
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.plan import plan, stamp
from osteoplan.workflow.progress import Progress, quiet
from osteoplan.workflow.settings import PlanSettings

__all__ = ["replay_plan"]

# Two runs of one version on one machine agree to the last bit; another CPU may differ in the last digits
# of a converged solution, far below any interval.
SAME = 1e-6


def replay_plan(path: Path, *, case: Path | None = None, progress: Progress = quiet) -> dict[str, Any]:
    """Recompute a plan with an empty cache.

    Raises:
        BadInput: the plan cannot be read, or its case folder is not there.
    """
    before = read_plan(path)
    folder = case or (path.parent / before["case_folder"]).resolve()
    if not (folder / "case.yaml").is_file():
        raise BadInput(f"{folder}: the case of this plan is not there; say where it is with --case")
    settings = PlanSettings(**before["stamp"]["settings"])
    changed = _changed(before["stamp"], folder, settings)
    with tempfile.TemporaryDirectory(prefix="osteoplan-replay-") as empty:
        result = plan(folder, settings, cache=Cache(Path(empty)), progress=progress)
    after = plan_document(result, case_folder=before["case_folder"])
    largest, where, compared = _largest(before, after)
    same = largest <= SAME and before["id"] == after["id"]
    return {
        "plan": str(path),
        "same": same,
        "same_id": before["id"] == after["id"],
        "compared": compared,
        "largest": largest,
        "where": where,
        "changed": changed,
    }


def _changed(made: dict[str, Any], folder: Path, settings: PlanSettings) -> list[str]:
    """What is no longer as it was when the plan was made."""
    today = stamp(folder, settings)
    found = []
    if made["program"] != today.program:
        found.append(f"program {made['program']} -> {today.program}")
    if made["knowledge"] != today.knowledge:
        found.append("knowledge files")
    names = sorted(set(made["inputs"]) | set(today.inputs))
    return found + [name for name in names if made["inputs"].get(name) != today.inputs.get(name)]


def _numbers(plan: dict[str, Any]) -> Iterator[tuple[str, float | None]]:
    """Every outcome number of a plan, by a speaking name."""
    owners = [("intact", plan["intact"]), ("now", plan["now"])]
    owners += [(option["id"], [*option["outcomes"], *option["clearances"]]) for option in plan["options"]]
    for owner, outcomes in owners:
        for n, outcome in enumerate(outcomes):
            for key in ("value", "low", "high"):
                yield f"{owner}.{outcome['id']}[{n}].{key}", outcome[key]


def _largest(before: dict[str, Any], after: dict[str, Any]) -> tuple[float, str, int]:
    """Largest relative difference; an outcome that only one side has counts as infinite."""
    one, two = dict(_numbers(before)), dict(_numbers(after))
    largest, where = 0.0, ""
    for name in sorted(set(one) | set(two)):
        a, b = one.get(name), two.get(name)
        if a is None and b is None:
            continue
        gap = 1e300 if a is None or b is None else abs(a - b) / max(abs(a), abs(b), 1e-12)
        if gap > largest:
            largest, where = gap, name
    return largest, where, len(one)
