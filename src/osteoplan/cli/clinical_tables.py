"""What the clinical brain says, on a terminal of 100 columns: the most important first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from osteoplan.cli.console import out, plain_table
from osteoplan.cli.root import USE
from osteoplan.cli.tables import score_line, score_lines, verdict_table
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import NO_CLINICIAN, few, how_read, tier_words

__all__ = ["print_pathway", "recommendation_table"]

Json = dict[str, Any]
_NEAR = 5  # thresholds that a person reads; --everything prints all


def print_pathway(found: Json, *, everything: bool) -> None:
    """What comes first, options by tier, rules that spoke, near thresholds, scores, questions."""
    spoke = [verdict for verdict in found["verdicts"] if verdict["truth"] is True]
    for verdict in found["verdicts"]:
        if verdict["first"] and verdict["supposed"]:
            out.print(f"{verdict['rule']} first: {verdict['first']}", style="bold")
    _heading("options, by what the rules say (equal tiers are equal)")
    presumed = {one["fact"]: one["because"] for one in found["presumed"]}
    out.print(recommendation_table(found["standings"], presumed, everything=everything))
    if everything:
        _heading("rules that spoke")
        out.print(verdict_table(spoke))
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
        out.print(f"  ? {question['text']}  (moves {few(question['changes'])})", markup=False)
    if found["checklist"]:
        _heading("confirm before anything is done")
        out.print(
            "  " + "; ".join(vocabulary()[one["fact"]].label for one in found["checklist"]), markup=False
        )
    _used(found["knowledge"])
    out.print(USE, style="dim")


def recommendation_table(
    recommendations: Sequence[Json], presumed: Mapping[str, str], *, everything: bool
) -> Table:
    """Tier, technique, and why: conditions, what it waits for or presumes, the rules for and against it."""
    table = plain_table("tier", "technique")
    for name in ("why", "rules"):
        table.add_column(name, overflow="fold")
    for one in recommendations:
        if one["tier"] is None and not everything and one["technique"] != "best_supportive_care":
            continue  # no rule could support it
        title = one["title"] + (" (refer elsewhere)" if one["status"] == "refer_elsewhere" else "")
        why = [one["first"]] if one["first"] else list(one["because"])
        if leans := dict.fromkeys(presumed[fact] for fact in one["presumed"]):
            why.append(f"presumed: {', '.join(leans)}")
        rules = [*one["prefer"], *one["consider"], *(f"not: {rule}" for rule in one["exclude"])]
        table.add_row(
            tier_words(one["tier"], one["family"]),
            Text(title),
            Text("; ".join(why)),
            ", ".join([*rules, *one["caution"]]),
        )
    return table


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
