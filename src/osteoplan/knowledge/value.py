"""What value is worked out with: value sets, decrements, dated costs, thresholds (``data/value``).

The five-level EQ-5D sets are scores; here stands which of them may be used.  Numbers that stand alone are
values (``knowledge.values``): ``value_model.discount_rate``, ``decrements.metastasis``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from typing import Literal

from pydantic import Field

from osteoplan.errors import BadInput
from osteoplan.knowledge.load import Cited, Strict, document
from osteoplan.knowledge.scores import score_table
from osteoplan.knowledge.values import known
from osteoplan.model.evidence import Known

__all__ = [
    "CostRow",
    "ValueSet",
    "WorthRow",
    "cost_rows",
    "eq5d3l_index",
    "eq5d_index",
    "fracture_decrement",
    "profile_levels",
    "sosgoq_weights",
    "threshold_sources",
    "thresholds",
    "value_set",
    "value_sets",
]  # fmt: skip


class ValueSet(Strict):
    """A five-level value set: the score that holds it, and whether anybody adopted it."""

    score: str
    title: str
    currency: str
    standing: Literal["published", "in consultation", "rejected"]
    note: str = ""


class _ThreeLevels(Cited):
    constant: float
    any_level_3: float
    levels: dict[str, tuple[float, float]]


class _Sosgoq(Cited):
    levels: dict[str, tuple[float, float, float, float]]


class UtilityFile(Strict):
    """``utilities.yaml``."""

    date: datetime.date
    value_sets: dict[str, ValueSet]
    three_levels: _ThreeLevels
    fracture_of: dict[str, str]
    sosgoq: _Sosgoq


class _Money(Cited):
    what: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    amount: float = Field(ge=0)
    year: str = ""
    country: str = ""


class CostRow(_Money):
    """What a technique costs, by a published source, in its own price base."""

    technique: str


class WorthRow(_Money):
    """What a QALY may cost; up to ``high`` where it is a band."""

    high: float | None = None


class _Told(Cited):
    what: str
    text: str


class MoneyFile(Strict):
    """``costs.yaml``: costs that are computed with, thresholds, and what is told alone."""

    date: datetime.date
    costs: tuple[CostRow, ...]
    thresholds: tuple[WorthRow, ...]
    ratios: tuple[_Money, ...] = ()
    told: tuple[_Told, ...] = ()


def value_sets() -> Mapping[str, ValueSet]:
    """Every five-level set by its country."""
    return _utilities().value_sets


def value_set(currency: str = "") -> ValueSet:
    """The set that goes with a currency; the UK's where none does.  A rejected one is never chosen."""
    fit = [one for one in value_sets().values() if one.standing != "rejected"]
    return next((one for one in fit if one.currency == currency), fit[0])


def profile_levels(profile: str, most: int = 5) -> tuple[int, ...]:
    """``"31342"`` -> the five levels.

    Raises:
        BadInput: not five levels from 1 to ``most``.
    """
    if len(profile) != 5 or any(sign not in "12345"[:most] for sign in profile):
        raise BadInput(
            f"the EQ-5D profile is '{profile}'; write five levels from 1 to {most}, as 31342"[:200]
        )
    return tuple(int(sign) for sign in profile)


def eq5d_index(profile: str, score: str) -> float:
    """Index of a five-level profile by a set (its score's id): 1 less the decrements."""
    table = score_table(score)
    levels = zip(table.items.values(), profile_levels(profile), strict=True)
    return float(table.start + sum(item.levels[str(level)].points for item, level in levels))


def eq5d3l_index(profile: str) -> float:
    """Index of a three-level profile by the UK set of 1997."""
    levels, table = profile_levels(profile, 3), _utilities().three_levels
    if max(levels) == 1:
        return 1.0
    lost = sum(
        rows[level - 2] for rows, level in zip(table.levels.values(), levels, strict=True) if level > 1
    )
    return 1.0 - table.constant - lost - (table.any_level_3 if max(levels) == 3 else 0.0)


def sosgoq_weights() -> dict[str, float]:
    """Relative weight of each dimension of SOSGOQ-8D: its worst decrement over the sum of all."""
    worst = {name: rows[-1] for name, rows in _utilities().sosgoq.levels.items()}
    return {name: value / sum(worst.values()) for name, value in worst.items()}


def fracture_decrement(region: str) -> Known | None:
    """Decrement of a fracture in a region; None where none was found."""
    name = _utilities().fracture_of.get(region)
    return None if name is None else known(f"decrements.{name}")


def cost_rows(technique: str) -> tuple[CostRow, ...]:
    """Published costs of a technique, each in its own price base."""
    return tuple(row for row in _costs().costs if row.technique == technique)


def thresholds(currency: str) -> tuple[float, ...]:
    """Lowest and highest threshold of a currency; empty where none is known."""
    rows = [row for row in _costs().thresholds if row.currency == currency]
    return tuple(dict.fromkeys(end for row in rows for end in (row.amount, row.high) if end is not None))


@cache
def threshold_sources(currency: str) -> tuple[str, ...]:
    """Citation keys of the thresholds of a currency."""
    return tuple(key for row in _costs().thresholds if row.currency == currency for key in row.cite)


def _utilities() -> UtilityFile:
    return document("value/utilities.yaml", UtilityFile)


def _costs() -> MoneyFile:
    return document("value/costs.yaml", MoneyFile)
