"""Strength by yielding, beside the linear one: the bone without and with its lesion, in every load case."""

from __future__ import annotations

from osteoplan.errors import NotAvailable
from osteoplan.mechanics.yielding import LevelStrength, strength
from osteoplan.model.result import Yielding, YieldingResult
from osteoplan.workflow.load_case_runner import LoadCaseRunner
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["until_it_yields"]


def until_it_yields(
    runner: LoadCaseRunner, level: str, *, progress: Progress = quiet, span: tuple[float, float] = (0.0, 1.0)
) -> YieldingResult:
    """Every load case, intact and now, until the bone yields.

    A load case whose density laws have no strength law beside them is left out with a warning.

    Raises:
        BadInput: an unknown level.
        NotAvailable: L3, for which no source gives the energy that it needs.
    """
    rows, warnings = [], []
    share = (span[1] - span[0]) / len(runner.cases)
    for n, case in enumerate(runner.cases):
        on_step = stage(
            progress,
            f"{case.doing} until it yields ({level})",
            span[0] + n * share,
            span[0] + (n + 1) * share,
        )
        specimen = runner.specimen(case)
        try:
            intact, now = (
                strength(specimen, state, level=level, on_step=on_step) for state in ("intact", "now")
            )
        except NotAvailable as why:
            if level == "L3":
                raise
            warnings.append(str(why))
            continue
        rows.append(_row(case.title, intact, now))
        warnings += [
            f"{case.title}, {state}: {said}"
            for state, one in (("intact", intact), ("now", now))
            for said in one.warnings
        ]
    return YieldingResult(level, tuple(rows), tuple(warnings))


def _row(title: str, intact: LevelStrength, now: LevelStrength) -> Yielding:
    ratio = None
    if intact.estimate is not None and now.estimate is not None:
        ratio = 100.0 * now.estimate.value / intact.estimate.value
    how = now.how if intact.how == now.how else f"now {now.how}; intact {intact.how}"
    return Yielding(
        title, intact.estimate, now.estimate, ratio, how, now.laws,
        tuple((point.displacement_mm, point.force_N) for point in now.path.points),
        {"intact": intact.diagnostics, "now": now.diagnostics},
    )  # fmt: skip
