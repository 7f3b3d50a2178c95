"""Scores and pathway without images: facts in, verdicts out."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.io.centre_file import read_centre
from osteoplan.io.clinical_json import (
    change_document,
    conflict_document,
    knowledge_document,
    line_documents,
    standing_document,
    survival_document,
)
from osteoplan.io.plan_json import (
    INTENDED_USE,
    citation_document,
    question_document,
    score_document,
    verdict_document,
)
from osteoplan.io.yaml import read_yaml
from osteoplan.knowledge.scores import score_table
from osteoplan.pathway.scores import score
from osteoplan.pathway.vocabulary import parse_text, parse_values
from osteoplan.workflow.explain import cited, explain_facts
from osteoplan.workflow.knowledge import local_book

__all__ = ["pathway_document", "score_document_of"]


def score_document_of(name: str, pairs: Sequence[str]) -> dict[str, Any]:
    """One score from ``key=value`` pairs.

    Raises:
        BadInput: a pair without '=', or a key, level or score that does not exist.
    """
    items: dict[str, object] = {}
    by_fact = score_table(name).kind != "sum"
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise BadInput(f"'{pair}' is not key=value; e.g. osteoplan score sins pain=mechanical")
        if key in items:
            raise BadInput(f"'{key}' is given twice; give each item once")
        items[key] = parse_text(key, value, where=f"the score {name}") if by_fact and value else value or None
    return score_document(score(name, items))


def pathway_document(
    path: Path, *, centre_file: Path | None = None, as_of: datetime.date | None = None
) -> dict[str, Any]:
    """All that the clinical brain says on a flat YAML file of facts.

    Args:
        path: a number may also be a range ``[lowest, highest]``.
        centre_file: ``centre.yaml``: what the centre has, and its own rules.
        as_of: the day whose rules are asked; today where None.

    Raises:
        BadInput: unreadable file, unknown fact, a value outside its range, or a broken override.
    """
    facts = parse_values(read_yaml(path), where=str(path))
    centre = read_centre(centre_file) if centre_file else None
    whose = local_book(centre.knowledge if centre else None, as_of)
    explained = explain_facts(facts, centre=centre, asked=whose)
    sources = cited(explained.scores, explained.verdicts, (), own=whose.refs)
    return {
        "intended_use": INTENDED_USE,
        "knowledge": knowledge_document(whose.used),
        "line_of_therapy": line_documents(explained.line),
        "standings": [standing_document(standing) for standing in explained.standings],
        "conflicts": [conflict_document(conflict) for conflict in explained.conflicts],
        "would_change": [change_document(change) for change in explained.changes],
        "survival": survival_document(explained.survival),
        "verdicts": [verdict_document(verdict) for verdict in explained.verdicts],
        "scores": [score_document(one) for one in explained.scores],
        "questions": [question_document(question) for question in explained.questions],
        "sources": [citation_document(source) for source in sources],
    }
