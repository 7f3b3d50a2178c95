"""A block of rules as nested boxes: questions from left to right, rules at the right edge.

    page += tree(rules, title="Spine and sacrum")

Yes follows the line; no leaves it; unknown asks the question.  The same tree shows a patient where ``truth``
gives the verdicts.  The browser lays it out (``knowledge.css``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import uses, vocabulary
from osteoplan.model.evidence import how_read
from osteoplan.report.knowledge.rule_branches import Branch, branches, paths
from osteoplan.report.knowledge.rule_words import Outlined, outline
from osteoplan.report.rendering import filled

__all__ = ["about_names", "tree"]

Truth = Literal["holds", "unknown", "does not hold", ""]

_UNIT = re.compile(r"(?<=\d) (?=(?:%|mm|cm|mL|Gy|h)(?:\W|$))")


def tree(
    rules: Sequence[Rule],
    *,
    title: str,
    truth: Mapping[str, bool | None] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """The tree of some rules as HTML that loads nothing.

    Args:
        rules: rules of one block, each id once.
        title: what the tree is of.
        truth: verdicts of a patient by rule id; a rule that is not in it is drawn as unknown.
        names: what techniques and uses are called; None takes the names of the package.
    """
    called = about_names() if names is None else names
    facts = vocabulary()

    def of_rule(rule: Rule) -> Truth:
        if truth is None:
            return ""
        verdict = truth.get(rule.id)
        return "unknown" if verdict is None else "holds" if verdict else "does not hold"

    def of_branch(branch: Branch) -> Truth:
        """What a way leads to: a rule that holds, else one that is open, else nothing."""
        found = {of_rule(rule) for rule, _ in paths((branch,))}
        order: tuple[Truth, ...] = ("holds", "unknown", "does not hold")
        return next((one for one in order if one in found), "")

    def questions(branch: Branch) -> list[tuple[Outlined, ...]]:
        return [outline(condition, facts) for condition in branch.conditions]

    def marks(rule: Rule) -> str:
        """How a rule's source was read, and a patient's verdict."""
        verdict = {"unknown": "not settled"}.get(of_rule(rule), of_rule(rule))
        return " · ".join(mark for mark in (how_read(rule.row.status, rule.row.tag), verdict) if mark)

    def about(rule: Rule) -> str:
        """What the effect is about, in words; semicolons, since names have commas of their own."""
        words = [called.get(word, word) for word in rule.row.about]
        return f"about {'; '.join(words)}" if words else ""

    grown = branches(rules)
    return filled(
        "knowledge_tree.html.j2",
        title=title, branches=grown, depth=_depth(grown), of_rule=of_rule, of_branch=of_branch,
        questions=questions, marks=marks, about=about,
        whole=partial(_UNIT.sub, "\u00a0"),  # a number keeps its unit
    )  # fmt: skip


def about_names() -> dict[str, str]:
    """What every technique and everything that techniques use is called."""
    return {**uses(), **{id: card.title for id, card in technique_cards().items()}}


def _depth(grown: Sequence[Branch]) -> int:
    return max((1 + _depth(branch.branches) for branch in grown), default=0)
