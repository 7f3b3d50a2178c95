"""Prefer: what a patient answered is checked and kept in his case.  And SMAA of any problem, from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.preference import smaa
from osteoplan.decide.preference.weights import weigh
from osteoplan.decide.published_draws import published_draws
from osteoplan.errors import BadInput
from osteoplan.io.answers_file import (
    answers_document,
    best_worst,
    read_answers,
    read_preferences,
    require_of_case,
)
from osteoplan.io.case_file import read_case_file
from osteoplan.io.places import require_writable
from osteoplan.io.plan_json import read_plan
from osteoplan.io.smaa_file import ProblemFile, read_problem
from osteoplan.io.yaml import read_yaml, write_text, write_yaml
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.preference import OPEN_CHOICES, Answers

__all__ = ["prefer", "remarks", "smaa_of"]

DRAWS = 2000
KEPT = "preferences.yaml"


def prefer(folder: Path, given: Path) -> tuple[tuple[Answers, ...], tuple[str, ...]]:
    """Add the answers in a file to those of a case; earlier ones stay.

    They are kept in the file that ``case.yaml`` names under ``preferences``, else in ``preferences.yaml``,
    which it then names.  Each file is written beside and renamed.

    Returns:
        All answers, the earliest first, and what is contradictory in the last.

    Raises:
        BadInput: no case, or answers that cannot be meant.
    """
    file = read_case_file(folder)
    new = read_answers(given)
    if not new:
        raise BadInput(f"{given}: no answers are there; docs/preference.md shows what they hold")
    require_of_case(new, file.id, str(given))
    earlier = read_preferences(folder, file.preferences, file.id)
    kept = (*earlier, *(one for one in new if one not in earlier))
    kept = tuple(sorted(kept, key=lambda one: one.date))
    require_writable(folder)
    name = file.preferences if isinstance(file.preferences, str) else KEPT
    write_yaml(folder / name, {"answers": [answers_document(one) for one in kept]})
    if not isinstance(file.preferences, str):
        _name(folder / "case.yaml", name)
    last = kept[-1]
    said = weigh(tuple(last.ranges) or ("",), seed=0, samples=1, points=last.points, sets=last.sets)
    return kept, (said.contradiction,) if said.contradiction else ()


def remarks(folder: Path, kept: Sequence[Answers]) -> tuple[str, ...]:
    """What somebody should look at: answers that name no case, a choice that the plan does not leave."""
    bare = [one.date.isoformat() for one in kept if not one.case]
    found = [f"answers of {', '.join(bare)} name no case: see that they are this patient's"] if bare else []
    chosen, path = kept[-1].choice, folder / "plan" / "plan.json"
    if chosen and chosen not in OPEN_CHOICES and path.is_file():
        try:
            left = [one["technique"] for one in (read_plan(path)["preference"] or {"options": ()})["options"]]
        except BadInput as why:
            return (*found, f"the choice was not held against the plan: {why}")
        if left and chosen not in left:
            found.append(f"the choice {chosen} is not among what the plan leaves: {', '.join(left)}")
    return tuple(found)


def _name(path: Path, name: str) -> None:
    """Let ``case.yaml`` name the file; every other line stays, comments too."""
    text, content = path.read_text(encoding="utf-8"), {**read_yaml(path), "preferences": name}
    line = f"preferences: {name}\n"
    bare = re.sub(r"(?m)^preferences:.*\n?(?:(?:[ \t]*\n)*[ \t-].*\n?)*", "", text)
    beside = path.with_name(f".{path.name}.try")
    write_text(beside, bare + ("" if not bare or bare.endswith("\n") else "\n") + line)
    if read_yaml(beside) == content:
        beside.replace(path)
    else:
        beside.unlink()
        write_yaml(path, content)


def smaa_of(path: Path, samples: int) -> dict[str, Any]:
    """SMAA of the problem in a YAML file, as plain JSON.

    Raises:
        BadInput: a problem that cannot be meant.
    """
    file = read_problem(path)
    found = smaa(
        _values(file), [(one.worst, one.best) for one in file.attributes.values()], seed=file.seed,
        names=tuple(file.attributes), points=file.points, samples=samples,
        sets=[best_worst(one, str(path)) for one in file.sets],
    )  # fmt: skip
    ids = tuple(file.options)
    return {
        "options": [
            {
                "id": one.technique,
                "first": one.first,
                "ranks": one.ranks,
                "compared": one.compared,
                "central_weights": found.central_weights(ids.index(one.technique)),
            }
            for one in found.rank_shares(dict(zip(ids, ids, strict=True)))
        ],
        "pairs": [asdict(one) for one in found.pair_shares(ids)],
        "undecided": found.undecided,
        "weights": found.weights,
        "order": found.weighing.order,
        "contradiction": found.weighing.contradiction,
        "samples": samples,
        "warnings": list(_beyond(file)),
    }


def _beyond(file: ProblemFile) -> Iterator[str]:
    """Figures, as they were told, outside the range that the weights are about."""
    for option, own in file.options.items():
        for id, figure in own.items():
            range, value = file.attributes[id], figure.central
            if not min(range.worst, range.best) <= value <= max(range.worst, range.best):
                ends = f"{range.worst:g} to {range.best:g}"
                yield f"{option}: {id}: {value:g} lies outside {ends}: extrapolated"


def _values(file: ProblemFile) -> F64:
    """(options, attributes, draws), NaN where an option has no figure."""
    ensemble = Ensemble(file.seed, DRAWS)
    values = np.full((len(file.options), len(file.attributes), DRAWS), np.nan)
    for n, (option, own) in enumerate(file.options.items()):
        for m, (id, range) in enumerate(file.attributes.items()):
            if id not in own:
                continue
            figure = own[id]
            if figure.events is not None and range.unit != "%":
                raise BadInput(f"{option}: {id}: events of n are a share: give the attribute in unit '%'")
            drawn: Sequence[float] | F64 | None = [figure.exact] if figure.exact is not None else figure.draws
            if drawn is None:
                drawn = published_draws(figure.estimate(id, range.unit), ensemble, option)
            if drawn is None:
                raise BadInput(
                    f"{option}: {id}: an interval from none to all says nothing: give events and n"
                )
            values[n, m] = ensemble.drawn(np.asarray(drawn, dtype=np.float64))
    return values
