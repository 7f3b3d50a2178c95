"""What the clinical brain says, on a terminal of 100 columns: the most important first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from osteoplan.cli.console import out, plain_table
from osteoplan.cli.root import USE
from osteoplan.cli.tables import score_line, score_lines, verdict_table
from osteoplan.model.evidence import NO_CLINICIAN, few, how_read

__all__ = ["print_pathway", "recommendation_table"]

Json = dict[str, Any]
_NEAR = 5  # thresholds that a person reads; --everything prints all


def print_pathway(found: Json, *, everything: bool) -> None:
    """Stops, options, rules that spoke, rules against each other, near thresholds, scores, questions."""
    spoke = [verdict for verdict in found["verdicts"] if verdict["truth"] is True]
    for verdict in spoke:
        if verdict["effect"] in ("stop", "route"):
            out.print(f"{verdict['rule']} comes first, nothing is ranked: {verdict['text']}", style="bold")
    _heading("line of therapy")
    out.print("  " + _line(found["line_of_therapy"]), markup=False)
    _heading("options, by what the rules say (equal places are not told apart)")
    out.print(recommendation_table(found["standings"]))
    _heading("rules that spoke")
    out.print(verdict_table(spoke))
    for conflict in found["conflicts"]:
        sides = f"{', '.join(conflict['supports'])} for, {', '.join(conflict['against'])} against"
        out.print(f"  both sides: {conflict['title']}: {sides}", markup=False)
    _changes(found["would_change"], everything=everything)
    _survival(found["survival"])
    _heading("scores")
    for score in found["scores"]:
        for line in score_lines(score) if everything else [score_line(score)]:
            out.print(f"  {line}", markup=False)
    if everything:
        _heading("rules that cannot speak yet")
        out.print(verdict_table([verdict for verdict in found["verdicts"] if verdict["truth"] is None]))
    _heading("questions that could change this")
    for question in found["questions"]:
        out.print(f"  ? {question['text']}  ({few(question['asked_by'])})", markup=False)
    _used(found["knowledge"])
    out.print(USE, style="dim")


def recommendation_table(recommendations: Sequence[Json]) -> Table:
    """Place, technique, rules for and against, rules still open."""
    table = plain_table("")
    table.add_column("technique", overflow="fold", min_width=24)
    for name in ("for", "against", "before it"):
        table.add_column(name, overflow="fold")
    table.add_column("open", justify="right")
    for one in recommendations:
        place = str(one["rank"]) if one["rank"] else "x"
        title = one["title"]
        if one["status"] in ("excluded_by_rule", "refer_elsewhere"):
            title += f" ({one['status'].replace('_', ' ')})"
        supports = ", ".join((*one["prefer"], *(f"({rule})" for rule in one["consider"])))
        against = ", ".join((*(f"not: {rule}" for rule in one["exclude"]), *one["warn"]))
        if one["status"] == "refer_elsewhere":
            against = "; ".join(one["reasons"])
        table.add_row(
            place, Text(title), supports, Text(against), ", ".join(one["require"]), str(len(one["open"]))
        )
    return table


def _line(lines: Sequence[Json]) -> str:
    words = {True: "yes", False: "no", None: "not known"}
    said = [
        f"{one['line']}: {words[one['truth']]}" + (f" ({', '.join(one['rules'])})" if one["rules"] else "")
        for one in lines
    ]
    return "; ".join(said)


def _changes(changes: Sequence[Json], *, everything: bool) -> None:
    shown = changes if everything else changes[:_NEAR]
    if not shown:
        return
    _heading("what would change a rule")
    for one in shown:
        becomes = {True: "true", False: "false", None: "open"}[one["becomes"]]
        unit = "" if one["unit"] == "1" else f" {one['unit']}"
        value = one["value"]
        is_now = f"{value[0]:g} to {value[1]:g}" if isinstance(value, list | tuple) else f"{value:g}"
        out.print(
            f"  {one['rule']} ({one['effect']}) becomes {becomes}: {one['fact']} is {is_now}{unit}, "
            f"{one['distance']:g}{unit} from {one['threshold']:g}",
            markup=False,
        )


def _survival(found: Json) -> None:
    """What is said about the time that is left, and where sources point apart."""
    if not found["rows"]:
        return
    _heading("time that is left")
    for row in found["rows"]:
        told = how_read(row["status"]) if row["basis"] == "published" else row["basis"]
        said = row["text"]
        if row["low"] is not None:
            span = f"{row['low']:g}" if row["low"] == row["high"] else f"{row['low']:g} to {row['high']:g}"
            said = f"{span} % alive at {row['at_months']:g} months"
        out.print(f"  {row['model']}: {said}  [{told}]", markup=False)
    for text in found["disagreements"]:
        out.print(f"  ! {text}", markup=False)


def _used(used: Json) -> None:
    day = f", as of {used['as_of']}" if used["as_of"] else ""
    out.print(f"knowledge {used['release']} ({used['version'].split('+')[-1][:12]}){day}", style="dim")
    if used["local"]:
        signed = used["signed_by"] or "nobody"
        out.print(f"with the overrides of {used['local']}, signed by {signed}:", markup=False)
        for text in used["overrides"]:
            out.print(f"  {text}", markup=False)
    if not used["signed_by"]:
        out.print(f"{NO_CLINICIAN} with these rules", style="dim")
    for warning in used["warnings"]:
        out.print(f"  ! {warning}", markup=False)


def _heading(text: str) -> None:
    out.print(text, style="bold")
