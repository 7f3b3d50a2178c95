"""A cohort in the terminal: strategies on their frontier, and what the draws say of the choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from osteoplan.cli.console import plain_table
from osteoplan.model.value import of_draws

__all__ = ["cohort_lines", "cohort_table"]


def cohort_table(found: dict[str, Any]) -> Table:
    """One row a strategy."""
    numbers = ("cost", "QALY", "per QALY")
    table = plain_table("strategy", *numbers, "place", fold={"strategy"}, right=set(numbers))
    for row in found["strategies"]:
        ratio = "" if row["icer"] is None else f"{row['icer']:,.0f}"
        table.add_row(
            row["strategy"], _span(row["cost"], ",.0f"), _span(row["qaly"], ".3f"), ratio, row["place"]
        )
    return table


def cohort_lines(found: dict[str, Any]) -> Iterator[str]:
    """Acceptability, what knowing more is worth, and what one input does to the two that lead."""
    currency = f" {found['currency']}" if found["currency"] else ""
    for one in found["acceptability"]:
        shares = ", ".join(
            f"{name} {of_draws(share, found['draws'])}" for name, share in one["shares"].items()
        )
        yield f"best at {one['threshold']:,.0f}{currency} a QALY: {shares}"
    if found["perfect_information"] is not None:
        yield f"knowing everything is worth {found['perfect_information']:,.1f}{currency} a head"
    for one in found["worth"]:
        yield f"  {one['title']}: {one['value']:,.1f}"
    if found["one_at_a_time"]:
        yield f"{found['leading'][0]} less {found['leading'][1]}, one input at a time:"
    for one in found["one_at_a_time"]:
        yield f"  {one['title']}: {one['low']:,.0f} to {one['high']:,.0f}{currency}"


def _span(told: dict[str, Any], form: str) -> str:
    value = f"{told['value']:{form}}"
    return (
        value
        if told["low"] in (None, told["high"])
        else f"{value} ({told['low']:{form}} to {told['high']:{form}})"
    )
