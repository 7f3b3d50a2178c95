"""How sure a published number is, in GRADE's words, by a rule that is data and ours (``data/certainty``).

It starts at what the design allows, is held down by how the source was read, and loses one word for each of:
few patients or an unknown number, many lost, another population or procedure.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from osteoplan.knowledge.load import Cited, Strict, document
from osteoplan.model.evidence import how_read
from osteoplan.model.outcome import Certainty, Design, Study

__all__ = ["CertaintyRule", "certainty_of", "certainty_rule"]

_Word = Literal["very low", "low", "moderate", "high"]
_WORDS: tuple[_Word, ...] = get_args(_Word)


class _AtMost(Strict):
    from_memory: _Word
    not_read_whole: _Word


class _OneLess(Strict):
    n_below: int = Field(gt=0)
    lost_above_pct: float = Field(gt=0.0, lt=100.0)
    other_population: bool


class CertaintyRule(Cited):
    """The rule as written; a design that ``start`` does not name gets no word at all."""

    start: dict[Design, _Word]
    at_most: _AtMost
    one_less: _OneLess


class _RuleFile(Strict):
    rule: CertaintyRule


@cache
def certainty_rule(root: Path | None = None) -> CertaintyRule:
    """The rule of the package, or of the data below ``root``."""
    return document("certainty/published.yaml", _RuleFile, root).rule


def certainty_of(study: Study, rule: CertaintyRule | None = None) -> tuple[Certainty, tuple[str, ...]]:
    """(word, what made it so) of a published number; ("", ()) where its design was not told."""
    rule = rule or certainty_rule()
    if study.design not in rule.start:
        return "", ()
    at = _WORDS.index(rule.start[study.design])
    because: list[str] = [study.design]
    for held, word in (
        (bool({"MH", "MM", "ML"} & set(study.tag.split("+"))), rule.at_most.from_memory),
        ("F" not in study.tag.split("+"), rule.at_most.not_read_whole),
    ):
        if held and at > _WORDS.index(word):
            at = _WORDS.index(word)
            because.append(f"at most {word}: {how_read('unverified', study.tag.replace('+D', ''))}")
    less, lost = rule.one_less, _lost_pct(study)
    reasons = [
        (study.n is None, "base not stated"),
        (study.n is not None and study.n < less.n_below, f"fewer than {less.n_below} {study.of}"),
        (lost is not None and lost > less.lost_above_pct, f"{study.followed} of {study.n} still there"),
        (less.other_population and bool(study.population), "other population or procedure"),
    ]
    told = [text for holds, text in reasons if holds]
    return _WORDS[max(at - len(told), 0)], (*because, *told)


def _lost_pct(study: Study) -> float | None:
    if study.n is None or study.followed is None:
        return None
    return 100.0 * (study.n - study.followed) / study.n
