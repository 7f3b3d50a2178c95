"""Scores and pathway without images: facts in, verdicts out."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from osteoplan.errors import BadInput
from osteoplan.io.centre_file import read_centre
from osteoplan.io.yaml import read_yaml
from osteoplan.knowledge.scores import score_table
from osteoplan.model.evidence import ScoreResult
from osteoplan.model.result import Explanation
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.scores import score
from osteoplan.pathway.vocabulary import parse_text
from osteoplan.workflow.explain import explain_facts
from osteoplan.workflow.knowledge import local_rule_set

__all__ = ["pathway", "score_of"]


def score_of(name: str, pairs: Sequence[str]) -> ScoreResult:
    """One score from ``key=value`` pairs.

    Raises:
        BadInput: a pair without '=', or a key, level or score that does not exist.
    """
    items: dict[str, object] = {}
    name = name.lower()
    by_fact = score_table(name).kind != "sum"
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise BadInput(f"'{pair}' is not key=value; e.g. osteoplan score sins pain=mechanical")
        if key in items:
            raise BadInput(f"'{key}' is given twice; give each item once")
        items[key] = parse_text(key, value, where=f"the score {name}") if by_fact and value else value or None
    return score(name, items)


def pathway(
    path: Path, *, centre_file: Path | None = None, as_of: datetime.date | None = None
) -> Explanation:
    """All that the clinical brain says on a flat YAML file of facts.

    Args:
        path: a number may also be a range ``[lowest, highest]``.
        centre_file: ``centre.yaml``: what the centre has, and its own rules.
        as_of: the day whose rules are asked; today where None.

    Raises:
        BadInput: unreadable file, unknown fact, a value outside its range, or a broken override.
    """
    facts = Facts(read_yaml(path), where=str(path))
    centre = read_centre(centre_file) if centre_file else None
    whose = local_rule_set(centre.knowledge if centre else None, as_of)
    return explain_facts(facts, centre=centre, asked=whose)
