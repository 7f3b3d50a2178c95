"""What the verbs return, and the result that they make together: frozen, with all that a page prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osteoplan.model.anatomy import Anatomy
from osteoplan.model.boundary_summary import BoundarySummary
from osteoplan.model.case import Case, Fact, Lesion
from osteoplan.model.certainty import Rigidity, Tornado
from osteoplan.model.choice import Choice
from osteoplan.model.comparison import Comparison
from osteoplan.model.device import Device
from osteoplan.model.evidence import (
    Citation,
    KnowledgeUsed,
    NearThreshold,
    Presumed,
    Question,
    Recommendation,
    ScoreResult,
    Survival,
    Verdict,
)
from osteoplan.model.field import Field
from osteoplan.model.findings import Findings, Label
from osteoplan.model.heat import HeatRecord
from osteoplan.model.outcome import Estimate, Outcome
from osteoplan.model.outcome_table import OutcomeTable
from osteoplan.model.plan import Option
from osteoplan.model.preference import PreferenceResult
from osteoplan.model.technique import TechniqueCard
from osteoplan.model.value import ValueResult
from osteoplan.provenance import Stamp

__all__ = [
    "Explanation", "PlanResult", "Reading", "Simulations", "StrengthResult", "Wordings", "Yielding",
    "YieldingResult",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reading:
    """A case with the anatomy and findings of one lesion.

    Attributes:
        seen: digest of the images and of how they were read; empty where nothing is kept.
    """

    case: Case
    lesion: Lesion
    anatomy: Anatomy
    findings: Findings
    seen: str = ""


@dataclass(frozen=True)
class Explanation:
    """What the clinical brain says of one patient.

    Attributes:
        facts: what the rules read: given, measured and settled facts, and totals of scores as ranges.
        recommendations: every technique of the comparison set, and what the rules make of it.
        presumed: facts derived from what was given, and those taken for granted.
        near_thresholds: numbers near a threshold, nearest first.
        checklist: what is confirmed before anything is done, whatever the tiers say.
        survival: what models and people say about the time that is left.
        knowledge: whose rules spoke.
        sources: of the scores and rules, in order of first use; a centre's own among them.
    """

    facts: Mapping[str, Fact | tuple[float, float]]
    scores: tuple[ScoreResult, ...]
    verdicts: tuple[Verdict, ...]
    questions: tuple[Question, ...]
    recommendations: tuple[Recommendation, ...]
    presumed: tuple[Presumed, ...]
    near_thresholds: tuple[NearThreshold, ...]
    checklist: tuple[Question, ...]
    survival: Survival
    knowledge: KnowledgeUsed
    sources: tuple[Citation, ...] = ()


@dataclass(frozen=True, eq=False)
class Simulations:
    """What the physics said: strength intact and now, options with outcomes, fields by state.

    Attributes:
        intact, now: outcomes of the bone without the lesion, and before treatment.
        fields: by state: ``intact``, ``now`` and the ids of options.
        ranked_by: outcome id that ranks, "" where nothing was simulated; resolution_pct: differences of it
            below that are not told apart.
        numerics: of the solve before treatment: mesh, how it is held, solver, laws.
        boundary_summaries: where each load case that was run holds and loads the bone.
        heat: by id of option, each delivery of heat or cold.
    """

    intact: tuple[Estimate, ...]
    now: tuple[Estimate, ...]
    options: tuple[Option, ...]
    fields: Mapping[str, tuple[Field, ...]]
    warnings: tuple[str, ...]
    ranked_by: str = ""
    resolution_pct: float = 0.0
    numerics: Mapping[str, Any] = field(default_factory=dict)
    boundary_summaries: tuple[BoundarySummary, ...] = ()
    heat: Mapping[str, tuple[HeatRecord, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wordings:
    """The knowledge that a page prints, as it was on the day of the plan.

    Attributes:
        site: the kind of bone; it tells which findings matter at a glance.
        labels: of facts; outcomes: titles, units, how they are printed.
        cards: monographs of the techniques in the plan, read for this patient.
        devices: device files of the steps by id, for names and true diameters.
        centre: what the centre stated, key by key; empty where it stated nothing.
        probe_stamps: by device, what stands wherever a probe is told: *generic applicator*, *unverified*.
    """

    site: str
    labels: Mapping[str, Label]
    outcomes: Mapping[str, Outcome]
    cards: Mapping[str, TechniqueCard]
    devices: Mapping[str, Device]
    centre: tuple[tuple[str, str], ...] = ()
    probe_stamps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PlanResult:
    """A planned case: what read, explain, simulate and compare returned, and the words of that day.

    Attributes:
        id: digest of canonical inputs, steps and settings; never of results.
        simulations: with the options ranked first, the comparators last.
        citations: every source used, in order of first use.
        tornadoes: what each input alone makes of the answers; rigidity: sections of the bone as a beam.
        published, aims: of every technique of the comparison, simulated or not, by its id.
        choice: what is left to choose from; None where nobody put it together.
        preference: what matters to the patient over it, or under all weights; None likewise.
        value: what it is worth to a patient like this one; None likewise.
        outcome_table: what can be compared between them, and what lasts; None likewise.
    """

    id: str
    stamp: Stamp
    reading: Reading
    explanation: Explanation
    simulations: Simulations
    comparison: Comparison
    wordings: Wordings
    citations: tuple[Citation, ...]
    warnings: tuple[str, ...]
    tornadoes: tuple[Tornado, ...] = ()
    rigidity: tuple[Rigidity, ...] = ()
    published: Mapping[str, tuple[Estimate, ...]] = field(default_factory=dict)
    aims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    choice: Choice | None = None
    preference: PreferenceResult | None = None
    value: ValueResult | None = None
    outcome_table: OutcomeTable | None = None

    @property
    def credits(self) -> tuple[str, ...]:
        """Sentences that must be printed wherever the images appear."""
        return self.reading.case.credits


@dataclass(frozen=True)
class Yielding:
    """One load case until the bone yields, in the central sample, without and with its lesion.

    Attributes:
        target: title of the load case.
        intact, now: None where the strength is not known.
        ratio_pct: the second strength as a share of the first [%]; None where one of them is not known.
        how: when the strengths were read off, or why they are not known.
        laws: of modulus and strength, by id.
        path: (displacement, force) of the bone as it is.
    """

    target: str
    intact: Estimate | None
    now: Estimate | None
    ratio_pct: float | None
    how: str
    laws: Mapping[str, str]
    path: tuple[tuple[float, float], ...]
    diagnostics: Mapping[str, Mapping[str, float | int | str]]


@dataclass(frozen=True)
class YieldingResult:
    """Strength by yielding, beside the linear one; a load case without a strength law has a warning."""

    level: str
    rows: tuple[Yielding, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class StrengthResult:
    """Strength before treatment.

    Attributes:
        intact, now: outcomes of the bone without and with its lesion, of every load case.
        intact_basis: how the bone without the lesion came about, in words.
        boundary_summaries: how the bone is held and loaded in each case.
        diagnostics: of the solve before treatment.
        yielding: None where only the linear solution was asked for.
        files: what was written.
    """

    intact: tuple[Estimate, ...]
    now: tuple[Estimate, ...]
    intact_basis: str
    boundary_summaries: tuple[BoundarySummary, ...]
    diagnostics: Mapping[str, Any]
    tornadoes: tuple[Tornado, ...]
    rigidity: tuple[Rigidity, ...]
    yielding: YieldingResult | None
    files: tuple[Path, ...]
    warnings: tuple[str, ...]
