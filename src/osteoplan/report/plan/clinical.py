"""What monographs, near thresholds and models of survival say, in words; what folds away on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from osteoplan.model.evidence import NO_CLINICIAN, NearThreshold, how_read
from osteoplan.model.findings import Label
from osteoplan.model.outcome import none_or_all
from osteoplan.model.result import PlanResult
from osteoplan.model.technique import Complication, Contraindication, FollowUp, Statement
from osteoplan.report.words import name_of, plain

__all__ = [
    "knowledge_words", "near_words", "open_words", "statement_words",
    "survival_words",
]  # fmt: skip


def near_words(change: NearThreshold, labels: Mapping[str, Label]) -> str:
    """A near threshold, and what the rule would say beyond it."""
    label = labels[change.fact].label
    value = change.value
    now = f"{plain(value[0])} to {plain(value[1])}" if isinstance(value, tuple) else plain(value)
    unit = "" if change.unit == "1" else f" {change.unit}"
    becomes = {True: "would be true", False: "would no longer be true", None: "would be open"}[change.becomes]
    return (
        f"{change.rule} ({change.effect}) {becomes}: {label} is {now}{unit}, "
        f"{plain(change.distance)}{unit} from {plain(change.threshold)}"
    )


def survival_words(result: PlanResult) -> tuple[str, ...]:
    """One line for each source; those that point apart last."""
    lines = []
    for row in result.explanation.survival.rows:
        told = how_read(row.status) if row.basis == "published" else row.basis
        said = row.text
        if row.low is not None and row.high is not None and row.at_months is not None:
            span = f"{row.low:g}" if row.low == row.high else f"{row.low:g} to {row.high:g}"
            said = f"{span} % alive at {row.at_months:g} months"
        lines.append(f"{row.model}: {said} ({told})")
    return (*lines, *result.explanation.survival.disagreements)


def knowledge_words(result: PlanResult) -> tuple[str, ...]:
    """Whose rules these are."""
    used = result.explanation.knowledge
    day = f", as of {used.as_of}" if used.as_of else ""
    lines = [f"knowledge {used.release} ({used.version.split('+')[-1][:12]}){day}"]
    if used.local:
        lines.append(f"with the overrides of {used.local}, signed by {used.signed_by or 'nobody'}")
    if not used.signed_by:
        lines.append(f"{NO_CLINICIAN} with these rules")
    lines += [f"centre, {key}: {words}" for key, words in result.wordings.centre]
    return (*lines, *used.overrides, *used.warnings)


def statement_words(row: Statement) -> str:
    """A sentence of a monograph."""
    match row:
        case Complication(value=float() | int()):
            few = none_or_all(row.value, row.unit, row.n, row.of)
            if few:
                return f"{row.text}: {few}"
            span = "" if row.low is None or row.high is None else f" ({plain(row.low)} to {plain(row.high)})"
            of = "" if row.n is None else f", n = {row.n}"
            return f"{row.text}: {plain(row.value, row.unit)}{span}{of}"
        case Contraindication():
            return f"{row.kind}: {row.text}" + (f" [{row.rule}]" if row.rule else "")
        case FollowUp():
            return f"{row.at}: {row.text}"
    return row.text


def open_words(facts: Sequence[str], labels: Mapping[str, Label]) -> str:
    """Which unknown facts would tell whether the statement holds here."""
    words = [labels[fact].label if fact in labels else name_of(fact) for fact in facts]
    return "if: " + ", ".join(words) if words else "may hold"
