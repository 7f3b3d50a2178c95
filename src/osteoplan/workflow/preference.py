"""Prefer: what a patient answered is checked and kept in his case.  And SMAA of any problem, from a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.preference import smaa
from osteoplan.decide.preference.weights import weigh
from osteoplan.decide.published_draws import published_draws
from osteoplan.errors import BadInput
from osteoplan.io.answers_file import answers_document, read_answers, read_preferences
from osteoplan.io.case_file import read_case_file
from osteoplan.io.places import require_writable
from osteoplan.io.smaa_file import Problem, read_problem
from osteoplan.io.yaml import read_yaml, write_text, write_yaml
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.preference import Answers

__all__ = ["prefer", "smaa_of"]

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
    earlier = read_preferences(folder, file.preferences)
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
    problem = read_problem(path)
    found = smaa(
        _values(problem), problem.ranges, seed=problem.seed, names=problem.attributes, points=problem.points,
        sets=problem.sets, samples=samples,
    )  # fmt: skip
    options = list(problem.figures)
    mean = found.weighing.weights.mean(axis=0)

    def by_attribute(weights: F64) -> dict[str, float]:
        return {id: float(w) for id, w in zip(problem.attributes, weights, strict=True)}

    return {
        "options": [
            {
                "id": id, "first": float(found.first[n]), "ranks": found.ranks[n].tolist(),
                "central_weights": by_attribute(found.central[n]) if found.first[n] > 0 else None,
            }
            for n, id in enumerate(options)
        ],
        "pairs": [
            {
                "one": one, "other": other,
                "one_wins": float(found.over[n, m]), "other_wins": float(found.over[m, n]),
                "shared": int(found.shared[n, m]),
            }
            for n, one in enumerate(options) for m, other in enumerate(options) if n < m
        ],
        "undecided": found.undecided,
        "weights": by_attribute(mean),
        "order": [list(pair) for pair in found.weighing.order],
        "contradiction": found.weighing.contradiction,
        "samples": samples,
    }  # fmt: skip


def _values(problem: Problem) -> F64:
    """(options, attributes, draws), NaN where an option has no figure."""
    ensemble = Ensemble(problem.seed, DRAWS)
    shape = (len(problem.figures), len(problem.attributes), DRAWS)
    values = np.full(shape, np.nan)
    for n, (option, own) in enumerate(problem.figures.items()):
        for id, figure in own.items():
            drawn = published_draws(figure, ensemble, option) if isinstance(figure, Estimate) else figure
            if drawn is None:
                raise BadInput(
                    f"{option}: {id}: an interval from none to all says nothing: give events and n"
                )
            values[n, problem.attributes.index(id)] = (
                ensemble.drawn(drawn) if isinstance(drawn, np.ndarray) else drawn
            )
    return values
