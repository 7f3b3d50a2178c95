"""Strength at a terminal of 100 columns: per cent of intact first, newtons in the technical part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from osteoplan.cli.console import out, plain_table
from osteoplan.cli.root import USE
from osteoplan.cli.tables import interval
from osteoplan.knowledge.outcomes import outcomes

__all__ = ["certainty_lines", "ladder_table", "print_strength", "share_table", "technical_table"]

Json = dict[str, Any]
SHARE = "_to_intact"


def print_strength(found: Json) -> None:
    """What ``osteoplan.strength`` found, as tables and sentences."""
    out.print(share_table(found))
    for line in certainty_lines(found):
        out.print(line, markup=False)
    for one in found["load_cases"]:
        for threshold in one["thresholds"]:
            cited = ", ".join(threshold["cite"])
            text = f"{one['for']}: {threshold['title']} ({threshold['value']:g}; {cited}; shown, not used)"
            out.print(Text(text, style="dim"))
    out.print(Text("\nTechnical", style="bold"))
    out.print(technical_table(found))
    if found["ladder"]:
        out.print(Text(f"\nUntil it yields ({found['ladder']['level']}), central world", style="bold"))
        out.print(ladder_table(found["ladder"]))
        for line in found["ladder"]["warnings"]:
            out.print(f"warning: {line}", markup=False)
    for line in found["warnings"]:
        out.print(f"warning: {line}", markup=False)
    for file in found["files"]:
        out.print(f"wrote {file}", markup=False)
    out.print(USE, style="dim")


def share_table(found: Json) -> Table:
    """One row for each load case: what is left of intact, and strength over the loads of life where known."""
    numbers = ("of intact", "% now (90 %)", "strength / load (90 %)")
    table = plain_table("load case", *numbers, fold=["load case"], right=numbers)
    for outcome in found["now"]:
        if not outcome["id"].endswith(SHARE):
            continue
        loads = [
            interval(one, 2)
            for one in found["now"]
            if one["id"] == "strength_to_load" and str(one["for"]).startswith(str(outcome["for"]))
        ]
        what = outcomes()[outcome["id"]].short_title
        table.add_row(outcome["for"], what, interval(outcome), "\n".join(loads) or "-")
    return table


def technical_table(found: Json) -> Table:
    """Every other outcome, intact beside now."""
    what, numbers = ("load case", "outcome"), ("intact", "now")
    table = plain_table(*what, *numbers, "unit", fold=what, right=numbers)
    intact = {(one["for"], one["id"]): one for one in found["intact"]}
    for outcome in found["now"]:
        if outcome["unit"] == "%":
            continue
        whole = intact.get((outcome["for"], outcome["id"]))
        before = "-" if whole is None else _number(whole)
        table.add_row(outcome["for"], outcome["id"], before, _number(outcome), outcome["unit"])
    return table


def ladder_table(ladder: Json) -> Table:
    """One row for each load case whose bone yields."""
    words, numbers = ("load case", "read off"), ("% of intact", "intact", "now")
    table = plain_table("load case", *numbers, "unit", "read off", fold=words, right=numbers)
    for row in ladder["rows"]:
        ratio, known = row["strength_ratio_to_intact_pct"], row["now"] or row["intact"]
        share, unit = "-" if ratio is None else f"{ratio:.0f}", known["unit"] if known else ""
        table.add_row(row["for"], share, _number(row["intact"]), _number(row["now"]), unit, row["how"])
    return table


def _number(outcome: Json | None) -> str:
    if outcome is None:
        return "-"
    return interval(outcome, 0 if abs(outcome["value"]) >= 20 else 2)


MOST = 5  # bars of a tornado in text; all stand in the JSON


def certainty_lines(found: dict[str, Any]) -> Iterator[str]:
    """Of the document of ``workflow.strength``."""
    for part in found["rigidity"]:
        yield f"the {part['stretch']} as a beam, beside the finite elements:"
        for loss in part["outcomes"]:
            at = next((why for why in loss["because"] if why.startswith("weakest ")), "")
            value = f"{loss['value']:.0f} % ({loss['low']:.0f} to {loss['high']:.0f})"
            yield f"  {outcomes()[loss['id']].title}: {value}, {at}"
    for tornado in found["sensitivity"]:
        yield f"one input at a time, {tornado['title']} ({tornado['value']:.1f} {tornado['unit']}):"
        for bar in tornado["bars"][:MOST]:
            yield f"  {bar['low']:6.1f} to {bar['high']:6.1f}  {bar['title']}"
