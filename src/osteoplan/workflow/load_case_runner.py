"""One bone on its testing machine: every load case that is asked for, each a room of the loop.

Each mesh is built once.  The first load case that the scan allows ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from osteoplan.errors import NotAvailable, OnStep, UnknownName
from osteoplan.knowledge.loads import LoadCase, ratio_of
from osteoplan.mechanics.boundary_summary import boundary_summary
from osteoplan.mechanics.cases.registry import BUILDERS, NOT_SIMULATED, load_cases
from osteoplan.mechanics.demand import strength_to_load
from osteoplan.mechanics.load import load, settings_of
from osteoplan.mechanics.memory import Hierarchies, available_bytes, needed_bytes
from osteoplan.mechanics.outcomes import worst_first
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import State
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.boundary_summary import BoundarySummary
from osteoplan.model.case import Patient
from osteoplan.model.effects import Effects
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.rooms import AFTER_ALL
from osteoplan.workflow.settings import PlanSettings

__all__ = ["LoadCaseRoom", "LoadCaseRunner", "together"]

Which = Literal["planned", "all"]


@dataclass(frozen=True, eq=False)
class LoadCaseRoom:
    """One load case, in one state of the bone, compared with the states before it.

    Attributes:
        doing: what is done to the bone; a second load case is named.
        image: the bone without its lesion, or as it is now.
        before: answers of this load case that shares are taken of, by ``intact`` and ``now``.
        pictured: its strain is kept for the pages; one load case of a bone is enough.
        reads: solids, and cement as the fields tell it.
    """

    doing: str
    specimen: Specimen
    hierarchies: Hierarchies
    patient: Patient
    image: State
    before: Mapping[str, Simulated] = field(default_factory=dict)
    pictured: bool = True
    reads: frozenset[str] = frozenset({"solids"})
    fields_read: frozenset[str] = frozenset({"cement_fraction"})

    @property
    def id(self) -> str:
        """Room and load case."""
        return f"mechanics {self.specimen.case.id}"

    @property
    def settings(self) -> object:
        """Settings of the mesh and the solver, the state, what it is compared with, who carries the load."""
        who = (self.patient.weight_kg, self.patient.height_cm)  # all that a load of life is sized by
        return self.specimen.settings, self.image, sorted(self.before), who

    def first_step(self, effects: Effects) -> int:
        """After all steps: what they leave carries the load."""
        return AFTER_ALL

    def run(
        self, setting: Setting, effects: Effects, fields: tuple[Field, ...], on_step: OnStep
    ) -> Simulated:
        """Load the bone; shares of the states before, then strength over the loads of life."""
        found = load(
            self.specimen, image=self.image, ensemble=setting.ensemble, fields=fields, effects=effects,
            hierarchies=self.hierarchies, on_step=on_step,
        )  # fmt: skip
        shares = [
            self._share(found, of, base, id, setting.anatomy)
            for of, base in self.before.items()
            for id in self.specimen.case.shares
        ]
        to_load = strength_to_load(
            found.outcomes, self.specimen.case, setting.anatomy.bone, self.patient,
            calibrated=setting.anatomy.calibration.calibrated, ensemble=setting.ensemble,
        )  # fmt: skip
        fields = found.fields if self.pictured else ()
        return replace(found, outcomes=(*found.outcomes, *shares, *to_load), fields=fields)

    def _share(self, found: Simulated, of: str, base: Simulated, id: str, anatomy: Anatomy) -> Estimate:
        """An outcome as per cent of a state before, paired."""
        ours, theirs = (_outcome(one, id, self.specimen.case.title) for one in (found, base))
        share = ours.ratio_to(theirs, ratio_of(id, of))
        whole = f"per cent of intact: {anatomy.intact_basis}"
        return replace(share, because=(whole, *share.because)) if of == "intact" else share


class LoadCaseRunner:
    """A bone with the load cases that it is put through.

    Attributes:
        cases: those whose supports and loads the scan shows; the first ranks.
        warnings: why others of this bone's load cases were left out.

    Args:
        which: ``planned``: the first load case that is possible, and those marked for plans; ``all``; or the
            id of one.

    Raises:
        NotAvailable: this bone has no load case, or the scan shows the supports of none.
        UnknownName: the bone has no load case of that id.
    """

    def __init__(
        self, anatomy: Anatomy, settings: PlanSettings, *, patient: Patient | None = None,
        which: Which | str = "planned",
    ) -> None:  # fmt: skip
        self.anatomy, self.settings = anatomy, settings
        self.patient = patient or Patient()
        self._specimens: dict[str, Specimen] = {}
        self.cases, self.warnings = self._possible(which)
        self.case = self.cases[0]

    def rooms(
        self, image: State, before: Sequence[Mapping[str, Simulated]] = (), *, treated: bool = False
    ) -> tuple[LoadCaseRoom, ...]:
        """The load cases as rooms for one state.

        Args:
            before: for each load case, answers to take shares of.
            treated: the state is one after treatment, in the scenario that the settings ask for.
        """
        scenario = self.settings.scenario if treated else "none"
        hierarchies = Hierarchies()
        found: list[LoadCaseRoom] = []
        for case, base in zip(self.cases, before or [{}] * len(self.cases), strict=True):
            specimen = self.specimen(case)
            if scenario != specimen.settings.scenario:
                specimen = replace(specimen, settings=replace(specimen.settings, scenario=scenario))
            doing = f"{case.doing} ({case.title})" if found else case.doing
            found.append(LoadCaseRoom(doing, specimen, hierarchies, self.patient, image, base, not found))
        return tuple(found)

    def at_once(self) -> int:
        """How many states may be solved side by side in the memory that is free; 0 where nobody tells."""
        free = available_bytes()
        most = max(needed_bytes(one.unknowns, one.grid.array.size) for one in self._specimens.values())
        return 0 if free is None else max(1, int(free // most))

    def specimen(self, case: LoadCase) -> Specimen:
        """The bone as that load case holds and loads it."""
        return self._specimens[case.id]

    def boundary_summaries(self) -> tuple[BoundarySummary, ...]:
        """How the bone is held and loaded in every load case."""
        return tuple(boundary_summary(self.specimen(case), self.patient) for case in self.cases)

    def _possible(self, which: Which | str) -> tuple[tuple[LoadCase, ...], tuple[str, ...]]:
        """(load cases that this scan allows, why others were left out)."""
        possible: list[LoadCase] = []
        left_out: list[str] = []
        for case in _wanted(self.anatomy, which):
            if which == "planned" and possible and not case.in_plan:
                continue
            asked = replace(
                settings_of(case, self.settings.spacing_mm),
                existing_metal=self.settings.existing_metal, bond=self.settings.bond,
            )  # fmt: skip
            try:
                self._specimens[case.id] = BUILDERS[case.id](self.anatomy, asked)
            except NotAvailable as why:
                left_out.append(str(why))
            else:
                possible.append(case)
        if not possible:
            raise NotAvailable("; ".join(dict.fromkeys(left_out)))
        return tuple(possible), tuple(dict.fromkeys(left_out))


def together(done: Sequence[Simulated], cases: Sequence[LoadCase]) -> Simulated:
    """All load cases as one result; diagnostics are those of the first, and each other one's by its id."""
    others = {case.id: dict(one.diagnostics) for case, one in zip(cases[1:], done[1:], strict=True)}
    return Simulated(
        worst_first([outcome for one in done for outcome in one.outcomes]),
        tuple(field for one in done for field in one.fields),
        {**done[0].diagnostics, **({"load_cases": others} if others else {})},
        tuple(dict.fromkeys(line for one in done for line in one.warnings)),
    )


def _wanted(anatomy: Anatomy, which: str) -> tuple[LoadCase, ...]:
    """Load cases of a bone, or the one of that id."""
    cases = load_cases(anatomy)
    if not cases:
        raise NotAvailable(NOT_SIMULATED.format(bone=anatomy.level))
    if which in ("planned", "all"):
        return cases
    chosen = tuple(case for case in cases if case.id == which)
    if not chosen:
        raise UnknownName("load case", which, [case.id for case in cases], f"the {anatomy.level}")
    return chosen


def _outcome(state: Simulated, id: str, target: str) -> Estimate:
    return next(one for one in state.outcomes if (one.id, one.target) == (id, target))
