"""Options: every technique proposes; hard limits and rules say what becomes of each proposal."""

from __future__ import annotations

from collections.abc import Sequence

from osteoplan.knowledge.evidence import published_outcomes
from osteoplan.model.evidence import Verdict
from osteoplan.model.plan import Option, OptionStatus, Plan, Reason
from osteoplan.pathway.rules import blocking, excluded
from osteoplan.techniques.protocol import Shelf, Technique
from osteoplan.techniques.registry import techniques
from osteoplan.workflow.read import Reading

__all__ = ["options"]


def options(reading: Reading, shelf: Shelf, verdicts: Sequence[Verdict]) -> tuple[Option, ...]:
    """All options of a case: percutaneous plans first, then the comparators.

    A plan that breaks a hard limit stays listed as *infeasible*; one that a rule removes as
    *excluded_by_rule*.  Comparators always stay.
    """
    found = []
    for technique in techniques().values():
        for plan in technique.propose(reading.anatomy, reading.findings, shelf):
            found.append(_option(technique, plan, reading, shelf, verdicts))
    return tuple(sorted(found, key=lambda option: option.kind == "comparator"))


def _option(
    technique: Technique, plan: Plan, reading: Reading, shelf: Shelf, verdicts: Sequence[Verdict]
) -> Option:
    site = str(reading.findings.value("region") or "")
    published = published_outcomes(technique.id, site)
    if technique.kind == "comparator":
        return Option(plan, "comparator", "comparator", outcomes=published)
    status, reasons = _status(technique, plan, reading, shelf, verdicts)
    return Option(plan, "plan", status, reasons, outcomes=published)


def _status(
    technique: Technique, plan: Plan, reading: Reading, shelf: Shelf, verdicts: Sequence[Verdict]
) -> tuple[OptionStatus, tuple[Reason, ...]]:
    """Hard limits first (they are about this path), then the rules (they are about this patient)."""
    broken = technique.violations(plan, reading.anatomy, shelf)
    if broken:
        return "infeasible", tuple(Reason(violation.text, violation.limit) for violation in broken)
    texts = {verdict.rule: verdict.text for verdict in verdicts}
    ids = [verdict.rule for verdict in blocking(verdicts)]
    ids += [rule for rule in excluded(verdicts, technique.id, plan.uses) if rule not in ids]
    if ids:
        return "excluded_by_rule", tuple(Reason(texts[rule], rule) for rule in ids)
    return "ranked", ()
