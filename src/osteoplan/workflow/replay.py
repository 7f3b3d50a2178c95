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

# Two runs of one version on one machine agree to the last bit (``identical``); another CPU may differ in the
# last digits of a converged solution, far below any interval.
SAME = 1e-6
# What made the plan is told by name; where it lies, and what pages print beside it, is no result.
BESIDE = ("stamp", "case_folder", "wordings")


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
    before, after = ({k: v for k, v in plan.items() if k not in BESIDE} for plan in (before, after))
    largest, where, compared = _largest(before, after)
    same = largest <= SAME and before["id"] == after["id"]
    return {
        "plan": str(path),
        "same": same,
        "identical": before == after,
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


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a plan by where it stands; in a list by the id of what holds it, or by its place."""
    match value:
        case bool() | str() | None:
            return
        case dict():
            for key, one in value.items():
                yield from _numbers(one, f"{name}.{key}" if name else key)
        case list():
            for n, one in enumerate(value):
                id = one.get("id", one.get("technique", "")) if isinstance(one, dict) else ""
                yield from _numbers(one, f"{name}[{n}{id and f': {id}'}]")
        case _:
            yield name, float(value)


def _largest(before: dict[str, Any], after: dict[str, Any]) -> tuple[float, str, int]:
    """Largest relative difference; a number that only one side has counts as infinite."""
    one, two = dict(_numbers(before)), dict(_numbers(after))
    largest, where = 0.0, ""
    for name in sorted(set(one) | set(two)):
        a, b = one.get(name), two.get(name)
        gap = 1e300 if a is None or b is None else abs(a - b) / max(abs(a), abs(b), 1e-12)
        if gap > largest:
            largest, where = gap, name
    return largest, where, len(one)
