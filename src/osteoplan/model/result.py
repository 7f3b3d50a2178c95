"""Everything that one run of ``plan`` found, as one noun: the report draws it, ``io`` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.comparison import Comparison
from osteoplan.model.evidence import Citation, Question, ScoreResult, Verdict
from osteoplan.model.field import Field
from osteoplan.model.findings import Findings
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option
from osteoplan.provenance import Stamp

__all__ = ["PlanResult"]


@dataclass(frozen=True, eq=False)
class PlanResult:
    """A planned case.

    Attributes:
        id: digest of canonical inputs, steps and settings; never of results.
        now: outcomes of the bone before treatment (strength_N, strength_ratio_to_intact, ...).
        intact: outcomes of the bone without the lesion.
        fields: state -> fields; states are ``intact``, ``now`` and the ids of options.
        citations: every source used, in order of first use.
    """

    id: str
    case: Case
    anatomy: Anatomy
    findings: Findings
    scores: tuple[ScoreResult, ...]
    verdicts: tuple[Verdict, ...]
    intact: tuple[Estimate, ...]
    now: tuple[Estimate, ...]
    options: tuple[Option, ...]
    fields: Mapping[str, tuple[Field, ...]]
    comparison: Comparison
    questions: tuple[Question, ...]
    citations: tuple[Citation, ...]
    warnings: tuple[str, ...]
    stamp: Stamp
    credits: tuple[str, ...] = field(default=())
