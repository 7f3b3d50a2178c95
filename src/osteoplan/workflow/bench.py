"""One bone on its testing machine: every load case that is asked for, in any state.

Each mesh is built once; every solve is kept by the digest of what went into it.  The first load case that the
scan allows ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import osteoplan
from osteoplan.errors import NotAvailable, UnknownName
from osteoplan.knowledge.load import version as knowledge_version
from osteoplan.mechanics.demand import strength_to_load
from osteoplan.mechanics.hierarchies import Hierarchies
from osteoplan.mechanics.specimen import Specimen, load
from osteoplan.mechanics.supports import supports
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Patient
from osteoplan.model.effects import Effects
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.supports import Supports
from osteoplan.provenance import digest
from osteoplan.workflow.cache import Cache, Simulated
from osteoplan.workflow.load_cases import NOT_SIMULATED, LoadCase, load_cases
from osteoplan.workflow.progress import Progress, stage
from osteoplan.workflow.settings import PlanSettings

__all__ = ["Bench"]

Span = tuple[float, float]
Which = Literal["planned", "all"]


class Bench:
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
        self, anatomy: Anatomy, settings: PlanSettings, cache: Cache, *, patient: Patient | None = None,
        which: Which | str = "planned",
    ) -> None:  # fmt: skip
        self.anatomy, self.settings, self.cache = anatomy, settings, cache
        self.patient = patient or Patient()
        self._specimens: dict[str, Specimen] = {}
        self._hierarchies = Hierarchies()
        self.cases, self.warnings = self._possible(which)
        self.case = self.cases[0]
        self._key = digest(
            osteoplan.__version__, knowledge_version(), settings.draws, settings.seed, anatomy.image.array,
            anatomy.image_intact.array, anatomy.image.affine, anatomy.calibration, anatomy.bone_mask,
            dict(anatomy.parts), anatomy.lesion_mask, anatomy.frame, _supports(anatomy),
        )  # fmt: skip

    def load(
        self, image: Literal["intact", "now"], progress: Progress, what: str, span: Span, *,
        fields: tuple[Field, ...] = (), fill_worlds: tuple[Field, ...] = (), effects: Effects | None = None,
    ) -> Simulated:  # fmt: skip
        """Load the bone in one state, in every load case; outcomes and fields in their order."""
        effects = effects or Effects()
        start, end = span
        share = (end - start) / len(self.cases)
        done = []
        for n, case in enumerate(self.cases):
            title = what if n == 0 else f"{what} ({case.case.title})"
            part = (start + n * share, start + (n + 1) * share)
            done.append(self._one(case, image, progress, title, part, fields, fill_worlds, effects))
        return _together(self.cases, done)

    def specimen(self, case: LoadCase) -> Specimen:
        """The bone as that load case holds and loads it."""
        return self._specimens[case.case.id]

    def supports(self) -> tuple[Supports, ...]:
        """How the bone is held and loaded in every load case."""
        return tuple(supports(self.specimen(case), self.patient) for case in self.cases)

    def _possible(self, which: Which | str) -> tuple[tuple[LoadCase, ...], tuple[str, ...]]:
        """(load cases that this scan allows, why others were left out)."""
        possible: list[LoadCase] = []
        left_out: list[str] = []
        for case in _wanted(self.anatomy, self.settings.spacing_mm, which):
            if which == "planned" and possible and not case.case.in_plan:
                continue
            try:
                self._specimens[case.case.id] = case.build(self.anatomy, case.mechanics)
            except NotAvailable as why:
                left_out.append(str(why))
            else:
                possible.append(case)
        if not possible:
            raise NotAvailable("; ".join(dict.fromkeys(left_out)))
        return tuple(possible), tuple(dict.fromkeys(left_out))

    def shares(self, state: Simulated, base: Simulated, of: Literal["intact", "now"]) -> tuple[Estimate, ...]:
        """What ranks in each load case, as per cent of intact or of untreated, paired."""
        found = []
        for case in self.cases:
            ours, theirs = (_outcome(one, case.outcome, case.case.title) for one in (state, base))
            share = ours.ratio_to(theirs, case.ratio.replace("_to_intact", f"_to_{of}"))
            whole = f"per cent of intact: {self.anatomy.intact_basis}"
            found.append(replace(share, because=(whole, *share.because)) if of == "intact" else share)
        return tuple(found)

    def to_load(self, state: Simulated) -> tuple[Estimate, ...]:
        """Strength over every load that is known for this bone and patient."""
        return tuple(
            ratio
            for case in self.cases
            for ratio in strength_to_load(
                state.outcomes, case.case, self.anatomy.bone, self.patient,
                calibrated=self.anatomy.calibration.calibrated, seed=self.settings.seed,
            )
        )  # fmt: skip

    def _one(
        self, case: LoadCase, image: Literal["intact", "now"], progress: Progress, what: str, span: Span,
        fields: tuple[Field, ...], fill_worlds: tuple[Field, ...], effects: Effects,
    ) -> Simulated:  # fmt: skip
        solids = [(f.quantity, f.volume.array, f.volume.affine) for f in (*fields, *fill_worlds)]
        key = digest(case.case.id, case.mechanics, self._key, image, solids, effects)
        kept = self.cache.load(key)
        if kept is not None:
            stage(progress, f"{what} (kept from before)", *span)
            return kept
        on_step = stage(progress, what, *span)
        got = load(
            self.specimen(case), image=image, fields=fields, fill_worlds=fill_worlds, effects=effects,
            seed=self.settings.seed, n_draws=self.settings.draws, hierarchies=self._hierarchies,
            on_step=on_step,
        )  # fmt: skip
        result = Simulated(got.outcomes, got.fields, got.diagnostics, got.warnings)
        self.cache.store(key, result)
        return result


def _wanted(anatomy: Anatomy, spacing_mm: float, which: str) -> tuple[LoadCase, ...]:
    """Load cases of a bone, or the one of that id."""
    cases = load_cases(anatomy, spacing_mm)
    if not cases:
        raise NotAvailable(NOT_SIMULATED.format(bone=anatomy.level))
    if which in ("planned", "all"):
        return cases
    chosen = tuple(case for case in cases if case.case.id == which)
    if not chosen:
        raise UnknownName("load case", which, [case.case.id for case in cases], f"the {anatomy.level}")
    return chosen


def _outcome(state: Simulated, id: str, target: str) -> Estimate:
    return next(one for one in state.outcomes if (one.id, one.target) == (id, target))


def _together(cases: Sequence[LoadCase], done: Sequence[Simulated]) -> Simulated:
    """All load cases as one result; diagnostics are those of the first, and each other one's by its id."""
    others = {case.case.id: dict(one.diagnostics) for case, one in zip(cases[1:], done[1:], strict=True)}
    return Simulated(
        tuple(outcome for one in done for outcome in one.outcomes),
        tuple(field for one in done for field in one.fields),
        {**done[0].diagnostics, **({"load_cases": others} if others else {})},
        tuple(dict.fromkeys(line for one in done for line in one.warnings)),
    )


def _supports(anatomy: Anatomy) -> list[Any]:
    """What a load case reads beyond the bone itself: its other frames, and what it is held by."""
    if anatomy.is_vertebra:
        return []
    near = [(one.name, one.mask) for one in anatomy.structures if one.kind in ("joint", "bone")]
    return [dict(anatomy.frames), near]
