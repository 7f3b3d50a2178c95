"""Trajectories: every needle path and screw corridor into a lesion's bone, or why "none fits" and where.

result = ways(Path("case"))
write_ways(result, Path("case/ways"))
"""

from __future__ import annotations

import datetime
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import osteoplan
from osteoplan.errors import NotAvailable, UnknownName
from osteoplan.io.markups import write_markups
from osteoplan.io.way_json import ways_document
from osteoplan.io.yaml import write_text
from osteoplan.knowledge.approaches import Approach, approaches_of
from osteoplan.knowledge.corridors import Template, load_template, templates
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.guidance import Guidance, guidance
from osteoplan.knowledge.load import version as knowledge_version
from osteoplan.knowledge.sites import side_of
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.device import Device
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.result import Reading
from osteoplan.model.trajectory import Position, Trajectory, WaysResult
from osteoplan.provenance import Stamp
from osteoplan.report.ways.page import render_ways
from osteoplan.trajectory.corridors.find import corridors
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.needles.search import NeedleSearch, needle_ways, once_each
from osteoplan.trajectory.placement_error import budgeted
from osteoplan.trajectory.probes.plan import CoverPlan
from osteoplan.trajectory.reach import followed
from osteoplan.trajectory.surroundings import Surroundings, distance_maps, surroundings
from osteoplan.workflow.inventory import guidances_at, inventory_for, position_of
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.read import input_digests, read
from osteoplan.workflow.settings import PlanSettings

__all__ = ["WaysSettings", "WaysWritten", "guidances_of", "tasks_of", "ways", "ways_in", "write_ways"]


@dataclass(frozen=True)
class WaysSettings:
    """What can be turned.

    Attributes:
        lesion: id of the lesion; None takes the case's target.
        position: of the patient; None takes the case's, and without that each approach's own first one.
        needle: id of the needle that paths are measured with; None takes the thinnest on the shelf.
        guidance: ids, in order of preference; none takes those of the centre.
        seed: of the strayed devices; as many as a plan has draws by default.
    """

    lesion: str | None = None
    position: Position | None = None
    needle: str | None = None
    guidance: tuple[str, ...] = ()
    seed: int = 1

    @property
    def ensemble(self) -> Ensemble:
        """The hands that err; the same as those of a plan of the same seed."""
        return PlanSettings(seed=self.seed).ensemble


@dataclass(frozen=True)
class WaysWritten:
    """Files of a result."""

    page: Path
    document: Path
    markups: Path | None


def ways(
    folder: Path | str, settings: WaysSettings | None = None, *, progress: Progress = quiet
) -> WaysResult:
    """Look for every trajectory into the lesion of a case folder.

    Raises:
        BadInput: anything in the folder that cannot be used, an unknown needle, guidance or position.
        Cancelled: ``progress`` returned False.
    """
    folder, settings = Path(folder), settings or WaysSettings()
    _require_known(settings)
    reading = read(folder, lesion=settings.lesion, progress=progress)
    anatomy = reading.anatomy
    found, rejected = ways_in(anatomy, reading.case, settings, progress=progress)
    return WaysResult(
        case=reading.case,
        anatomy=anatomy,
        ways=found,
        rejected=rejected,
        stamp=_stamp(folder, settings),
        devices=devices(),
        warnings=(*_warnings(reading, settings, found), *reading.case.warnings, *anatomy.warnings),
        credits=reading.case.credits,
    )


def ways_in(
    anatomy: Anatomy, case: Case, settings: WaysSettings, *, progress: Progress = quiet
) -> tuple[tuple[Trajectory, ...], Mapping[str, Mapping[str, int]]]:
    """Trajectories into one bone, and for each approach how many paths fell to which limit."""
    stage(progress, "measuring distances to everything around", 0.25, 0.35)
    around = surroundings(anatomy)
    distance_maps(around)
    guided = guidances_of(case, settings)
    found: list[Trajectory] = []
    rejected: dict[str, Mapping[str, int]] = {}
    tasks = tasks_of(around, case, settings)
    for n, task in enumerate(tasks):
        stage(progress, f"needle paths: {task.approach.title}", 0.35 + 0.3 * n / len(tasks), 0.65)
        search: NeedleSearch = needle_ways(around, task, settings.ensemble)
        found += search.ways
        rejected[f"{task.approach.id}_{task.side}".rstrip("_")] = {
            "tried": search.tried, **{name: count for name, count in search.rejected.items() if count},
        }  # fmt: skip
    found = list(once_each(found, needle_rules(case.centre.limits.get("ways", {}))))
    stage(progress, "screw corridors", 0.65, 0.85)
    screws = tuple(inventory_for(case, "percutaneous_screws").devices.values())
    straight = followed(
        corridors(around, _templates(case), screws=screws, through=around.target), guided,
        position=settings.position or position_of(case), isocentre_mm=anatomy.isocentre_mm,
    )  # fmt: skip
    stage(progress, "straying devices", 0.85, 0.95)
    found += budgeted(around, straight, guided, settings.ensemble)
    return tuple(found), rejected


def tasks_of(around: Surroundings, case: Case, settings: WaysSettings) -> tuple[NeedleTask, ...]:
    """One search for each approach of a needle and each side."""
    bone, guided = around.anatomy.bone, guidances_of(case, settings)
    own = side_of(bone)
    rules, needle = needle_rules(case.centre.limits.get("ways", {})), _needle(case, settings)
    return tuple(
        NeedleTask(
            approach, side, _position(approach, case, settings), needle, guided, rules,
            around.anatomy.isocentre_mm,
        )
        for approach in approaches_of(bone)
        if approach.needle is not None
        for side in ((own,) if own else ("left", "right"))
    )  # fmt: skip


def guidances_of(case: Case, settings: WaysSettings) -> tuple[Guidance, ...]:
    """Guidances that are at hand, in order of preference.

    Raises:
        UnknownName: a guidance that is not known.
        NotAvailable: the centre stated its guidance, and none of it guides a needle here.
    """
    if settings.guidance:
        return tuple(guidance(id) for id in settings.guidance)
    at_hand = tuple(guidance(id) for id in guidances_at(case.centre))
    if not at_hand:
        raise NotAvailable(
            "this centre states no CT, cone-beam CT or fluoroscopy under guidance: no needle is guided"
        )
    return at_hand


def write_ways(
    result: WaysResult, out: Path | str, *, cover: CoverPlan | None = None, progress: Progress = quiet
) -> WaysWritten:
    """Write ``ways.html``, ``ways.json`` and, where one has a place, ``ways.mrk.json``: all or none."""
    stage(progress, "drawing the page of ways", 0.95, 1.0)
    out = Path(out)
    page = render_ways(result)
    out.mkdir(parents=True, exist_ok=True)
    placed = any(way.entry_mm and way.target_mm for way in result.ways)
    with tempfile.TemporaryDirectory(prefix=".ways-", dir=out) as beside:
        folder = Path(beside)
        write_text(folder / "ways.html", page)
        document = json.dumps(ways_document(result, cover), indent=1, ensure_ascii=False, allow_nan=False)
        write_text(folder / "ways.json", document + "\n")
        if placed:
            write_markups(result.ways, folder / "ways.mrk.json")
        for made in sorted(folder.iterdir()):
            shutil.move(made, out / made.name)
    return WaysWritten(out / "ways.html", out / "ways.json", out / "ways.mrk.json" if placed else None)


def _require_known(settings: WaysSettings) -> None:
    """Names are checked before minutes are spent.

    Raises:
        UnknownName: a needle or guidance that nobody knows.
    """
    for id in settings.guidance:
        guidance(id)
    if settings.needle is not None and settings.needle not in devices():
        raise UnknownName("needle", settings.needle, devices())


def _position(approach: Approach, case: Case, settings: WaysSettings) -> Position:
    """How the patient lies: as asked, as the case says, or as this approach is usually done."""
    assert approach.needle is not None
    return settings.position or position_of(case) or approach.needle.positions[0]


def _needle(case: Case, settings: WaysSettings) -> Device:
    """The needle asked for, or the thinnest cannula on the shelf."""
    inventory = inventory_for(case, "vertebroplasty")
    if settings.needle is not None:
        return inventory.device(settings.needle)
    cannulas = [one for one in inventory.of_kind("needle") if "outer_diameter_mm" in one.values]
    if not cannulas:
        raise NotAvailable("no needle on the shelf: add one to devices in centre.yaml")
    return min(cannulas, key=lambda one: one.values["outer_diameter_mm"].number)


def _templates(case: Case) -> tuple[Template, ...]:
    """The package's corridors and the centre's own."""
    return (*templates().values(), *(load_template(path) for path in case.centre.corridors))


def _stamp(folder: Path, settings: WaysSettings) -> Stamp:
    return Stamp(
        program=osteoplan.__version__,
        knowledge=knowledge_version(),
        inputs=input_digests(folder),
        settings=asdict(settings),
        seed=settings.seed,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _warnings(reading: Reading, settings: WaysSettings, found: tuple[Trajectory, ...]) -> tuple[str, ...]:
    """What must be read with every trajectory of this case, most important first."""
    said = []
    procedure = reading.case.procedure
    if reading.anatomy.is_vertebra and not reading.lesion.level_confirmed:
        said.append(f"level {reading.anatomy.level} is NOT confirmed: nobody has counted it")
    position, scanned = settings.position or procedure.get("position"), procedure.get("scan_position")
    if position is None:
        said.append("the patient's position is not given: each way names the position it was looked for in")
    if scanned is None:
        said.append("the position of the scan is not given; organs move: confirm on the procedural CT")
    elif position is not None and position != scanned:
        said.append(f"scanned {scanned}, done {position}: organs move, confirm on the procedural CT")
    if any(way.unchecked for way in found):
        said.append("some ways are unchecked against structures that nobody labelled: that is not 'safe'")
    return tuple(said)
