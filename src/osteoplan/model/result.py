"""Everything that one run of ``plan`` found, as one noun: the report draws it, ``io`` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case, Fact
from osteoplan.model.certainty import Tornado
from osteoplan.model.comparison import Comparison
from osteoplan.model.evidence import (
    Change,
    Citation,
    Conflict,
    KnowledgeUsed,
    Question,
    ScoreResult,
    Standing,
    Verdict,
)
from osteoplan.model.field import Field
from osteoplan.model.findings import Findings
from osteoplan.model.outcome import Estimate, Outcome
from osteoplan.model.plan import Option
from osteoplan.model.rigidity import Rigidity
from osteoplan.model.supports import Supports
from osteoplan.model.survival import Survival
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
        standings: every technique of the comparison set, and what the rules make of it.
        conflicts: techniques on which rules point opposite ways.
        changes: numbers near a threshold, nearest first.
        line: first, second and third line of therapy -> whether a rule for it is true, and which.
        survival: what models and people say about the time that is left.
        knowledge: whose rules spoke.
        facts: what the rules read: findings, totals of scores as ranges, and what follows from them.
        citations: every source used, in order of first use.
        outcomes: what the outcomes of this plan are, by id: titles, units, how they are printed.
        tornadoes: what each input alone makes of the answers; rigidity: sections of the bone as a beam.
        numerics: how the strength before treatment was computed (mesh, supports, laws, solver).
        supports: where each load case that was run holds and loads the bone.
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
    standings: tuple[Standing, ...]
    conflicts: tuple[Conflict, ...]
    changes: tuple[Change, ...]
    line: Mapping[str, tuple[bool | None, tuple[str, ...]]]
    survival: Survival
    knowledge: KnowledgeUsed
    facts: Mapping[str, Fact | tuple[float, float]]
    citations: tuple[Citation, ...]
    warnings: tuple[str, ...]
    stamp: Stamp
    outcomes: Mapping[str, Outcome]
    credits: tuple[str, ...] = field(default=())
    tornadoes: tuple[Tornado, ...] = ()
    rigidity: tuple[Rigidity, ...] = ()
    numerics: Mapping[str, Any] = field(default_factory=dict)
    supports: tuple[Supports, ...] = ()
