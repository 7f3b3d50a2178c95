"""Strength before treatment, alone: every load case of the bone."""

from __future__ import annotations

from pathlib import Path

from osteoplan.model.result import StrengthResult
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.certainty import rigidity_of, tornado_of
from osteoplan.workflow.inventory import setting_of
from osteoplan.workflow.load_case_runner import LoadCaseRunner, together
from osteoplan.workflow.progress import Progress, quiet
from osteoplan.workflow.read import read
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.simulate import strength as before_treatment
from osteoplan.workflow.solved_files import write_boundaries, write_solved
from osteoplan.workflow.yielding import until_it_yields

__all__ = ["strength"]


def strength(
    folder: Path | str,
    settings: PlanSettings | None = None,
    *,
    load_case: str | None = None,
    ladder: str = "L0",
    out: Path | None = None,
    progress: Progress = quiet,
) -> StrengthResult:
    """Strength of a case folder's bone.

    Args:
        load_case: id of one load case; None runs all of this bone's.
        ladder: L0 for the linear solution alone; L1, L2 to let the bone yield too (``mechanics.yielding``).
        out: folder for VTK files, CalculiX decks and pictures of what was solved; None writes nothing.

    Raises:
        NotAvailable: this version has no load case for the bone, or its supports are not seen.
        UnknownName: the bone has no such load case.
    """
    settings = settings or PlanSettings()
    reading = read(folder, lesion=settings.lesion, progress=progress)
    patient, anatomy = reading.case.patient, reading.anatomy
    runner = LoadCaseRunner(anatomy, settings, patient=patient, which=load_case or "all")
    by_case = before_treatment(
        runner, setting_of(reading, settings), Cache(), treated=True, progress=progress,
        span=(0.2, 1.0 if out is None else 0.7),
    )  # fmt: skip
    intact, now = (together([one[state] for one in by_case], runner.cases) for state in ("intact", "now"))
    files: tuple[Path, ...] = ()
    if out is not None:
        stamps = ("the lesion is simulated",) if anatomy.lesion.simulated else ()
        files = (
            *write_solved(runner, out, progress=progress, span=(0.7, 1.0)),
            *write_boundaries(runner, out, stamps),
        )
    warnings = [*reading.case.warnings, *anatomy.warnings, *runner.warnings, *now.warnings]
    if not anatomy.calibration.calibrated:
        warnings.insert(0, "uncalibrated density: read ratios only, newtons are not absolute")
    sections, left_out = rigidity_of(anatomy, settings)
    return StrengthResult(
        intact=intact.outcomes,
        now=now.outcomes,
        intact_basis=anatomy.intact_basis,
        boundary_summaries=runner.boundary_summaries(),
        diagnostics=now.diagnostics,
        tornadoes=tuple(
            tornado_of(outcome, "now, share of intact", runner.case.ratio_resolution_pct.value)
            for outcome in now.outcomes
            if outcome.id == runner.case.ratio and outcome.target == runner.case.title
        ),
        rigidity=sections,
        yielding=None if ladder == "L0" else until_it_yields(runner, ladder, progress=progress),
        files=files,
        warnings=(*settings.supposed, *warnings, *left_out),
    )
