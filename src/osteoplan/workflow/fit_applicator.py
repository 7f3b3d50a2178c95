"""A centre's own probes fitted to its own zones, and how far each fit carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.applicators import Applicator, ZoneRow, applicator_of, load_applicators
from osteoplan.thermal.charted import Charted, FittedProbe, charted, fit_probe
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["ProbeFit", "fit_applicators"]


@dataclass(frozen=True)
class ProbeFit:
    """What came of one probe of a file.

    Attributes:
        fitted: None where nothing could be fitted or compared.
        not_used: row -> why no model can be held against it.
        why_not: why the probe has no fit; empty where it has one.
    """

    device: str
    name: str
    fitted: FittedProbe | None
    not_used: Mapping[str, str]
    why_not: str = ""


def fit_applicators(
    path: Path, device: str | None = None, *, progress: Progress = quiet
) -> tuple[ProbeFit, ...]:
    """Fit every probe that a file of zones names, or one of them.

    Raises:
        BadInput: anything wrong with the file.
        UnknownName: it has no zone of that probe.
    """
    table = load_applicators(path)
    ids = tuple(dict.fromkeys(row.device for row in table.rows.values()))
    chosen = ids if device is None else (named("probe", device, {id: id for id in ids}, str(path)),)
    found = []
    for n, id in enumerate(chosen):
        stage(progress, f"fitting {id}", n / len(chosen), (n + 1) / len(chosen))
        try:
            applicator = applicator_of(id, table.devices)
        except BadInput as why:
            found.append(ProbeFit(id, table.devices[id].name, None, {}, str(why)))
            continue
        usable, not_used = _usable(applicator, [row for row in table.rows.values() if row.device == id])
        fitted, why_not = None, "no row can be held against a model"
        if usable:
            fitted, why_not = fit_probe(applicator, usable), ""
        found.append(ProbeFit(id, applicator.name, fitted, not_used, why_not))
    return tuple(found)


def _usable(applicator: Applicator, rows: Iterable[ZoneRow]) -> tuple[list[Charted], dict[str, str]]:
    usable, not_used = [], {}
    for row in rows:
        try:
            usable.append(charted(row, applicator))
        except BadInput as why:
            not_used[row.id] = str(why)
    return usable, not_used
