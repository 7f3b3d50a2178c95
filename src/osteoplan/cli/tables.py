"""Tables that fit a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from osteoplan.cli.console import plain_table
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.model.choice import ABOVE_WORDS
from osteoplan.model.evidence import how_read, tier_words
from osteoplan.model.plan import BREACH, OFF_SCAN, OPTION_WORDS
from osteoplan.report.words import clause

__all__ = [
    "choice_lines", "finding_table", "interval", "need_table", "needed_first", "option_table", "score_line",
    "score_lines", "series_table", "verdict_table", "verification_table",
]  # fmt: skip

Json = dict[str, Any]
_WHY = 44


def interval(outcome: Json | None, digits: int = 0) -> str:
    """``64 (55-72)``; the value alone where no interval is known."""
    if outcome is None:
        return "no comparable evidence"
    value = f"{outcome['value']:.{digits}f}"
    if outcome["low"] is None or outcome["high"] is None:
        return value
    return f"{value} ({outcome['low']:.{digits}f}-{outcome['high']:.{digits}f})"


def option_table(plan: Json) -> Table:
    """Techniques by tier with their ways beneath, per cent of intact, and why; two lines a row at most."""
    ranked_by = plan["comparison"]["ranked_by"]
    table = plain_table("tier")
    table.add_column("option", no_wrap=True)
    table.add_column(f"{outcomes()[ranked_by].short_title}, %", justify="right", no_wrap=True)
    table.add_column("why, or what speaks against", overflow="fold")
    said = {one["technique"]: one for one in plan["standings"]}
    own: dict[str, list[Json]] = {id: [] for id in said}
    for option in plan["options"]:
        own.setdefault(option["technique"], []).append(option)
    for id, options in own.items():
        one = said.get(id)
        ways = [option for option in options if option["kind"] == "plan"]
        if one and (one["tier"] in (1, 2, 3, 5) or ways or one["family"] == "support"):
            bone = "" if ways else _bone(options[:1], ranked_by)
            table.add_row(
                tier_words(one["tier"], one["family"]),
                Text(clause(one["title"], 42)),
                bone,
                _cut("; ".join(one["because"])),
            )
        for way in ways if one else options:
            title = way["short_title"].removeprefix(one["title"]).strip(" ,") if one else way["short_title"]
            bone = "-" if way["status"] == "infeasible" else _bone([way], ranked_by)
            table.add_row("", Text(f"  {title}"), bone, _cut(_against(way)))
    return table


def choice_lines(plan: Json) -> Iterator[str]:
    """What stands first and by what, where sources point apart, and what would change it."""
    choice = plan["choice"]
    if choice is None or not choice["first"]:
        return
    title = {one["technique"]: one["title"] for one in plan["standings"]}
    first = "; ".join(title[id] for id in choice["first"])
    yield f"stands first: {first}" + (" (nothing tells them apart)" if len(choice["first"]) > 1 else "")
    for told in choice["above"]:
        if told["better"] in choice["first"]:
            words = ABOVE_WORDS[told["by"]]
            yield f"  above {title[told['worse']]} {words}: {told['because']}"
    for said in choice["disagreements"]:
        yield f"disagreement: {said}"
    for asked in choice["next_questions"]:
        lost = [f"{title[id]} no longer" for id in asked["lost"]]
        then = "; ".join([*(title[id] for id in asked["then"]), *lost]) or "another order"
        yield f"would change this: {asked['text']} In {100.0 * asked['share']:.0f} % of answers: {then}"


def _bone(options: Sequence[Json], ranked_by: str) -> str:
    """Per cent of intact of the first; empty where nothing was simulated."""
    known = [one for option in options for one in option["outcomes"] if one["id"] == ranked_by]
    return interval(known[0]) if known else ""


def _against(option: Json) -> str:
    """Why it cannot be done; else a breach that is likely, else the first of its warnings."""
    texts = [reason["text"] for reason in option["reasons"]]
    if option["status"] in ("ranked", "comparator"):
        breaches = [one for one in option["clearances"] if one["id"] == "breach_probability"]
        worst = max(breaches, key=lambda one: float(one["value"]), default=None)
        if worst and worst["value"] > BREACH:
            name = worst["for"].partition(",")[0]
            of = "" if name == "any" else f" of the {name}"
            texts.append(f"breach{of} in {100 * worst['value']:.0f} %")
        return "; ".join([*texts, *option["warnings"]][:1])
    off_scan = texts and all(one["rule"] == OFF_SCAN for one in option["reasons"])
    return ("" if off_scan else f"{OPTION_WORDS[option['status']]}: ") + "; ".join(texts)


def _cut(text: str) -> Text:
    """As much of a sentence as two lines of the last column hold."""
    return Text(clause(text, _WHY, at="\n"))


def need_table(needs: Sequence[Json]) -> Table:
    """What each result needs: state, and what to do."""
    table = plain_table()
    for name in ("for", "needed", "state", "what to do"):
        table.add_column(name, overflow="fold", no_wrap=name == "state")
    for need in needs:
        table.add_row(Text(need["purpose"]), Text(need["what"]), need["state"], Text(need["todo"]))
    return table


def needed_first(needs: Sequence[Json], missing: Sequence[str]) -> tuple[list[Json], tuple[str, ...]]:
    """What a plan needs, and one line on the scores and facts that are open, the most telling first."""
    ranges = [need for need in needs if need["purpose"].startswith("score:") and need["state"] == "missing"]
    first = [need for need in needs if need not in ranges]
    scores, facts = len(ranges), [line.partition(":")[0] for line in missing]
    if not scores and not facts:
        return first, ()
    told = f"open: {scores} scores are ranges, {len(facts)} facts are unknown"
    named = f" (first {', '.join(facts[:3])})" if facts else ""
    return first, (f"{told}{named}: a plan is made without them; --all lists them, check.html too",)


def series_table(series: Sequence[Json]) -> Table:
    """Series of a DICOM folder: what they are, and what would become of them."""
    table = plain_table()
    for name in ("series", "kind", "files", "voxels", "spacing mm", "verdict", "why"):
        table.add_column(name, overflow="fold", no_wrap=name in ("series", "verdict"))
    for one in series:
        voxels = " x ".join(map(str, one["shape"])) if one["shape"] else "-"
        spacing = " x ".join(f"{edge:.2f}" for edge in one["spacing_mm"]) if one["spacing_mm"] else "-"
        table.add_row(
            one["series"],
            one["modality"],
            str(one["files"]),
            voxels,
            spacing,
            one["verdict"],
            Text(one["reason"]),
        )
    return table


def finding_table(findings: Sequence[Json]) -> Table:
    """Findings: name, value, unit, source."""
    table = plain_table("finding", "value", "unit", "source")
    for finding in findings:
        value = finding["value"]
        shown = f"{value:.3g}" if isinstance(value, float) else str(value)
        if value is False and finding["because"].startswith("none seen"):
            shown = finding["because"].partition(":")[0]
        table.add_row(finding["name"], shown, finding["unit"], finding["source"])
    return table


def score_line(score: Json) -> str:
    """A score in one line: what it says, what it misses."""
    open_ = score["missing"] and len(score["band_text"]) > 2  # says nothing yet
    said = "open" if open_ else " or ".join(score["band_text"]) or "nothing for certain"
    low, high = score["total"]
    total = f"{low}" if low == high else f"{low} to {high}"
    told = f"{total} of {score['maximum']}" if score["kind"] == "sum" else said
    words = f": {said}" if score["kind"] == "sum" and score["band_text"] and not open_ else ""
    missing = f"; missing {', '.join(score['missing'])}" if score["missing"] else ""
    return f"{score['name']}: {told}{words}{missing}  [{how_read(score['status'])}]"


def score_lines(score: Json) -> list[str]:
    """A score in plain lines."""
    low, high = score["total"]
    total = str(low) if low == high else f"{low} to {high}"
    which = " or ".join(score["band"]) or "none for certain"
    head = f"{total} of {score['maximum']}" if score["kind"] == "sum" else which
    lines = [f"{score['name']}: {head}  [{how_read(score['status'])}]"]
    lines += [f"  {text}" for text in score["band_text"]]
    if score["missing"]:
        lines.append("  missing: " + ", ".join(score["missing"]))
    told = [f"{item.replace('_', ' ')} {source}" for item, source in score["item_sources"].items()]
    if told:
        lines.append("  from: " + ", ".join(told))
    lines += [f"  sources disagree: {text}" for text in score["conflicts"]]
    return lines + [f"  {note}" for note in score["notes"]]


def verdict_table(verdicts: Sequence[Json]) -> Table:
    """Verdicts: rule, truth, effect, text or what to ask, how its source was read."""
    table = plain_table("rule", "truth", "effect", "says, or asks", "source", fold=["says, or asks"])
    for verdict in verdicts:
        truth = {True: "true", False: "false", None: "unknown"}[verdict["truth"]]
        says = "asks: " + ", ".join(verdict["ask"]) if verdict["truth"] is None else verdict["text"]
        read = how_read(verdict["status"], verdict.get("tag", ""))
        table.add_row(verdict["rule"], truth, verdict["effect"], Text(says), read)
    return table


_VERDICT = {True: "ok", False: "FAILS", None: "not run"}


def verification_table(cases: Sequence[Json]) -> Table:
    """Verification cases: expected against computed."""
    numbers = ("expected", "got", "tolerance")
    table = plain_table("id", "case", *numbers, "", fold=["case"], right=numbers)
    for case in cases:
        told = case["tolerance"] is None
        verdict = "told" if told and case["got"] is not None else _VERDICT[case["ok"]]
        got = case["reason"] if case["got"] is None else f"{case['got']:.6g}"
        table.add_row(
            case["id"],
            case["title"],
            f"{case['expected']:.6g}",
            got,
            "-" if told else f"{case['tolerance']:.2g}",
            verdict,
        )
        if case["note"]:
            table.add_row("", Text(case["note"], style="dim"), "", "", "", "")
    return table
