"""Load cases (``data/loads``): how a bone is held and loaded, what counts as failure, how large loads are.

A site names its load cases; the first ranks.  A magnitude is a formula over the patient's weight and height,
with its source; without the weight it is unknown, and no ratio of strength to load is told.  Thresholds that
others published are shown beside a result and decide nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydantic import Field, model_validator

from osteoplan.errors import UnknownName, named
from osteoplan.knowledge.expression import evaluated, names_in
from osteoplan.knowledge.load import Cited, KnownRow, NumberRow, Strict, document, documents, raw
from osteoplan.knowledge.materials import modulus_law
from osteoplan.knowledge.values import known
from osteoplan.model.case import Patient
from osteoplan.model.evidence import Known, ReviewStatus, worst

__all__ = [
    "Amount", "Criterion", "LoadCase", "LoadThreshold", "Magnitude", "load_case", "load_cases", "ratio_of",
]  # fmt: skip

STANDARD_GRAVITY = 9.80665  # m/s2, by definition
MEASURED = ("body_weight_N", "weight_kg", "height_cm")
LoadUnit = Literal["N", "N mm"]


class Criterion(Strict):
    """When the bone counts as failed.

    Attributes:
        id: of the outcome, e.g. ``strength_N``.
        kind: ``height``: strain times K H, H the gauge length; ``tissue``: the load at which
            ``volume_fraction`` of the elements that count are strained beyond ``strain`` (effective strain);
            ``strain_limit``: the load at which ``failing_mm3`` of them have a principal strain beyond
            ``strain`` in tension or beyond ``compression``; only those at least as dense as ``dense`` count.
        strain, compression, volume_fraction, failing_mm3, dense: ``file.key`` of a material number, or a key
            of the case's own numbers.
        relative: its newtons compare states of one bone; none is held against a load of life.
        told_as: ``drive``: the load that the machine brings; ``companion``: the force that goes with it.
    """

    id: str
    kind: Literal["height", "tissue", "strain_limit"]
    strain: str
    compression: str = ""
    volume_fraction: str = ""
    failing_mm3: str = ""
    dense: str = ""
    relative: bool = False
    told_as: Literal["drive", "companion"] = "drive"

    @model_validator(mode="after")
    def _complete(self) -> Criterion:
        if (self.kind == "tissue") != bool(self.volume_fraction):
            raise ValueError("a tissue criterion needs a volume_fraction, no other has one")
        needed = (self.compression, self.failing_mm3, self.dense)
        if not (all(needed) if self.kind == "strain_limit" else not any(needed)):
            raise ValueError(
                "compression, failing_mm3 and dense belong to a strain_limit criterion, all three"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every number that it reads."""
        read = (self.strain, self.compression, self.volume_fraction, self.failing_mm3, self.dense)
        return tuple(name for name in read if name)


@dataclass(frozen=True)
class Amount:
    """A load of one patient, with its range where the source gives one."""

    value: float
    low: float | None
    high: float | None


class Magnitude(Cited):
    """How large the load is in life.

    Attributes:
        value, low, high: formulas over ``weight_kg``, ``height_cm`` and ``body_weight_N``.
        bones: bones that it was found for, as a case names them; empty: every bone of the load case.
    """

    id: str
    title: str
    value: str
    low: str = ""
    high: str = ""
    unit: LoadUnit
    bones: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _reads_what_is_measured(self) -> Magnitude:
        for text in (self.value, self.low, self.high):
            unknown = set(names_in(text)) - set(MEASURED) if text else set()
            if unknown:
                raise ValueError(f"'{text}' reads {', '.join(sorted(unknown))}; known: {', '.join(MEASURED)}")
        return self

    def of(self, patient: Patient) -> Amount | None:
        """The load of a patient; None where weight or height is needed and unknown."""
        weight = patient.weight_kg
        known = {
            "weight_kg": weight, "height_cm": patient.height_cm,
            "body_weight_N": None if weight is None else weight * STANDARD_GRAVITY,
        }  # fmt: skip
        value = evaluated(self.value, known)
        if value is None:
            return None
        low, high = (evaluated(text, known) if text else None for text in (self.low, self.high))
        return Amount(value, low, high)

    def applies(self, bone: str) -> bool:
        """Whether it was found for that bone."""
        return not self.bones or bone in self.bones


class LoadThreshold(Cited):
    """A limit that others published for their own models: shown, never used to decide."""

    outcome: str
    title: str
    value: float
    unit: str


class MeasuredRow(Cited):
    """What others measured, beside what ``osteoplan verify`` computes of a bone like theirs."""

    title: str
    published: float
    ours: float | None = None
    unit: str
    of: str


class Laws(Cited):
    """Density-modulus laws of the case: the first is central, draws choose among all."""

    use: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Laws:
        for law in self.use:
            modulus_law(law)
        return self


class LoadCase(Strict):
    """One way to hold and load a bone.

    Attributes:
        title: what its outcomes are *for*.
        bones: kinds of bone, e.g. ``vertebra``, ``hemipelvis``, ``femur``.
        held, loaded, direction: in words, for every report.
        doing: what is done to the bone, as a word of progress.
        load_unit: of the load that the machine brings: a force, or a moment (unit motion 1 rad).
        in_plan: also run by ``plan``; the primary case always is.
        rank_by: id of the outcome whose share of intact ranks.
        cap_modulus: ``file.key`` of the modulus of the caps; empty: cement.
        anchored: draws are made true by solving a few samples again (``mechanics.uncertainty.correction``).
        spacing_mm: cubes are never finer than this.
        display_load: load at which strain is shown, the same for all states.
        ratio_resolution_pct: percentage points of the share below which two options are not told apart.
        numbers: what its builder needs; reached by ``known``.
        notes: told with every outcome; ``warnings``: with every result.
    """

    id: str
    title: str
    date: datetime.date
    bones: tuple[str, ...] = Field(min_length=1)
    held: str
    loaded: str
    direction: str
    doing: str
    load_unit: LoadUnit = "N"
    in_plan: bool = False
    rank_by: str
    cap_modulus: str = ""
    anchored: bool = True
    laws: Laws
    spacing_mm: NumberRow | None = None
    criteria: tuple[Criterion, ...] = ()
    magnitudes: tuple[Magnitude, ...] = ()
    thresholds: tuple[LoadThreshold, ...] = ()
    measured: tuple[MeasuredRow, ...] = ()
    display_load: NumberRow
    ratio_resolution_pct: NumberRow
    numbers: dict[str, KnownRow] = {}
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _numbers_are_known(self) -> LoadCase:
        for criterion in self.criteria:
            for name in criterion.names:
                self.known(name)
        told = {criterion.id for criterion in self.criteria} | {self.stiffness}
        shown = {threshold.outcome for threshold in self.thresholds} - {"strength_to_load"}
        for name in (self.rank_by, *shown):
            if name not in told:
                raise ValueError(f"'{name}' is no outcome of this case; it has {', '.join(sorted(told))}")
        return self

    @property
    def stiffness(self) -> str:
        """Id of the outcome that tells the stiffness."""
        return "stiffness_N_per_mm" if self.load_unit == "N" else "stiffness_Nmm_per_deg"

    @property
    def ratio(self) -> str:
        """Id of the share of intact that ranks."""
        return ratio_of(self.rank_by, "intact")

    @property
    def shares(self) -> tuple[str, ...]:
        """Ids of the outcomes told as shares of intact, the one that ranks first.

        Through soft discs a stiffness is theirs: no share of it is told.
        """
        stiffness = () if self.cap_modulus else (self.stiffness,)
        return tuple(dict.fromkeys((self.rank_by, *stiffness)))

    @property
    def of_tissue(self) -> frozenset[str]:
        """Ids of the strengths that a criterion on the bone's own strain gives."""
        return frozenset(criterion.id for criterion in self.criteria if criterion.kind != "height")

    def known(self, name: str) -> Known:
        """A number with its source: ``file.key`` of the materials, or one of this case's own.

        Raises:
            UnknownName: there is none.
        """
        if "." in name:
            return known(name)
        where = f"knowledge/data/loads/{self.id}.yaml"
        return named("number", name, self.numbers, where).known(f"'{name}' in {where}")

    @property
    def status(self) -> ReviewStatus:
        """The least certain of everything that a result of this case rests on."""
        stated = [self.known(name) for c in self.criteria for name in c.names]
        return worst(
            self.laws.status, *(modulus_law(law).status for law in self.laws.use),
            *(known.status for known in stated), *(row.status for row in self.numbers.values()),
        )  # fmt: skip


def ratio_of(outcome: str, state: str) -> str:
    """Id of the share that an outcome is of a state: ``strength_ratio_to_intact`` of ``strength_N``."""
    return f"{outcome.partition('_')[0]}_ratio_to_{state}"


def load_case(id: str) -> LoadCase:
    """The load case of that id.

    Raises:
        UnknownName: there is none.
    """
    known = [name.removeprefix("loads/").removesuffix(".yaml") for name in raw() if name.startswith("loads/")]
    if id not in known:
        raise UnknownName("load case", id, known, "knowledge/data/loads")
    return document(f"loads/{id}.yaml", LoadCase)


@cache
def load_cases() -> Mapping[str, LoadCase]:
    """Every load case by id; a file is called as the case in it."""
    found = documents("loads", LoadCase)
    for name, case in found.items():
        if name != case.id:
            raise UnknownName("load case", case.id, [name], "the name of its file")
    return found
