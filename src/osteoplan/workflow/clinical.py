"""Scores and pathway without images: facts in, verdicts out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.io.plan_json import (
    INTENDED_USE,
    citation_document,
    question_document,
    score_document,
    verdict_document,
)
from osteoplan.io.yaml import read_yaml
from osteoplan.model.findings import Finding, Findings
from osteoplan.pathway.scores import score
from osteoplan.pathway.vocabulary import parse_facts
from osteoplan.workflow.explain import cited, explain

__all__ = ["pathway_document", "score_document_of"]


def score_document_of(name: str, pairs: Sequence[str]) -> dict[str, Any]:
    """One score from ``key=value`` pairs.

    Raises:
        BadInput: a pair without '=', or a key, level or score that does not exist.
    """
    items: dict[str, str | None] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise BadInput(f"'{pair}' is not key=value; e.g. osteoplan score sins pain=mechanical")
        if key in items:
            raise BadInput(f"'{key}' is given twice; give each item once")
        items[key] = value or None
    return score_document(score(name, items))


def pathway_document(path: Path) -> dict[str, Any]:
    """Verdicts, scores, questions and sources for a flat YAML file of facts.

    Raises:
        BadInput: unreadable file, unknown fact, or a value outside its range.
    """
    facts = parse_facts(read_yaml(path), where=str(path))
    explained = explain(Findings.of(*(Finding(name, value) for name, value in facts.items())))
    sources = cited(explained.scores, explained.verdicts, ())
    return {
        "intended_use": INTENDED_USE,
        "verdicts": [verdict_document(verdict) for verdict in explained.verdicts],
        "scores": [score_document(one) for one in explained.scores],
        "questions": [question_document(question) for question in explained.questions],
        "sources": [citation_document(source) for source in sources],
    }
