"""The main job: read, options, simulate, compare, explain, in a row, into one ``PlanResult``.

result = plan(Path("case"))
write(result, Path("case"), out=Path("case/plan"))
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import osteoplan
from osteoplan.decide.candidates import candidates
from osteoplan.decide.compare import compare as side_by_side
from osteoplan.decide.outcomes import outcome_table, published_on
from osteoplan.decide.preference import preference_of
from osteoplan.decide.value.cases import utility_of
from osteoplan.decide.value.patient import value_of
from osteoplan.errors import AlreadyExists
from osteoplan.io.plan_json import plan_document, read_plan, write_plan
from osteoplan.io.yaml import write_text
from osteoplan.knowledge.load import version as knowledge_version
from osteoplan.knowledge.techniques import aims
from osteoplan.model.comparison import Comparison
from osteoplan.model.evidence import Citation
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option
from osteoplan.model.result import Explanation, PlanResult, Reading, Simulations, Wordings
from osteoplan.pathway.rules import blocking
from osteoplan.provenance import Stamp, digest
from osteoplan.report.plan.drawings import draw, drawn_from
from osteoplan.report.plan.nouns import Drawings
from osteoplan.report.plan.page import html
from osteoplan.report.plan.paper import paper
from osteoplan.report.plan.technical import shared
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.certainty import rigidity_of, tornadoes
from osteoplan.workflow.choose import choose
from osteoplan.workflow.explain import cited, explain
from osteoplan.workflow.export import PAGES
from osteoplan.workflow.inventory import setting_of
from osteoplan.workflow.options import facts_of, options
from osteoplan.workflow.patient import page_name, patient_page, why_no_page
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.read import input_digests, read
from osteoplan.workflow.settings import PlanSettings
from osteoplan.workflow.simulate import simulate
from osteoplan.workflow.unsimulated import with_reasons
from osteoplan.workflow.wordings import wordings

__all__ = ["Written", "compare", "existing", "plan", "stamp", "write"]

REFERENCE = "best_supportive_care"
RANKED_BY = "strength_ratio_to_intact"  # where nothing was simulated: the head of an empty column


@dataclass(frozen=True)
class Written:
    """Files of a plan."""

    plan: Path
    report: Path


def plan(
    folder: Path | str,
    settings: PlanSettings | None = None,
    *,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> PlanResult:
    """Plan a case folder.

    Raises:
        BadInput: anything in the folder that cannot be used.
        Cancelled: ``progress`` returned False.
    """
    folder = Path(folder)
    settings = settings or PlanSettings()
    cache = cache or Cache()
    made = stamp(folder, settings)
    reading = read(folder, lesion=settings.lesion, cache=cache, progress=progress)
    explained = explain(reading)
    # a profile that is none is refused before anything is simulated
    utility_of(explained.facts, reading.case.centre)
    stage(progress, "looking for ways in", 0.15, 0.2)
    setting = setting_of(reading, settings)
    proposed = options(reading, explained, setting, cache=cache, progress=progress)
    simulated = simulate(reading, proposed, settings, setting=setting, cache=cache, progress=progress)
    explained = with_reasons(explained, simulated.options, reading.anatomy.bone)
    stage(progress, "comparing", 0.9, 0.92)
    comparison = compare(simulated, explained)
    facts = facts_of(reading, explained)
    published = {one.technique: published_on(one.technique, facts) for one in explained.recommendations}
    found = candidates(explained.recommendations, simulated.options, comparison.ranking, published)
    answers = reading.case.preferences[-1] if reading.case.preferences else None
    liked = preference_of(found, answers, settings.ensemble)
    choice = choose(reading, explained, found, comparison, liked, settings.ensemble, simulated.resolution_pct)
    worth = value_of(found, explained.facts, explained.survival, reading.case.centre, settings.value_ensemble)
    sections, left_out = cache.once(
        lambda: rigidity_of(reading.anatomy, settings), "rigidity", setting.identity, settings.document()
    )
    words = wordings(reading, explained, proposed)
    return PlanResult(
        id=_identity(made, proposed),
        stamp=made,
        reading=reading,
        explanation=explained,
        simulations=replace(simulated, options=_in_order(simulated.options, comparison.ranking)),
        comparison=comparison,
        wordings=words,
        citations=_citations(reading, simulated, explained, words, published, worth.sources),
        warnings=(
            *settings.supposed,
            *_warnings(reading, simulated),
            *left_out,
            *explained.knowledge.warnings,
        ),
        tornadoes=tornadoes(simulated.now, simulated.options, comparison, simulated.resolution_pct),
        rigidity=sections,
        published=published,
        aims=aims(),
        choice=choice,
        preference=liked,
        value=worth,
        outcome_table=outcome_table(found, explained.survival),
    )


def compare(simulated: Simulations, explained: Explanation | None = None) -> Comparison:
    """Options side by side, by what this bone's load case can tell, and only beyond what it resolves.

    Args:
        explained: what the rules say: a true stop or route rule that leaves no plan empties the ranking.
    """
    left = any(option.status == "ranked" for option in simulated.options)
    return side_by_side(
        simulated.options, reference=REFERENCE, ranked_by=simulated.ranked_by or RANKED_BY,
        resolution=simulated.resolution_pct,
        blocking=() if explained is None or left else blocking(explained.verdicts),
    )  # fmt: skip


def stamp(folder: Path, settings: PlanSettings) -> Stamp:
    """What a plan of this folder with these settings would be made from."""
    return Stamp(
        program=osteoplan.__version__,
        knowledge=knowledge_version(),
        inputs=input_digests(folder),
        settings=settings.document(),
        seed=settings.seed,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def existing(out: Path, folder: Path, settings: PlanSettings, *, force: bool) -> dict[str, Any] | None:
    """The plan that is already in ``out``, if it was made from the same inputs and settings.

    Raises:
        AlreadyExists: another plan is there, and ``force`` was not given.
    """
    path = out / "plan.json"
    if not path.exists():
        return None
    if force:
        return None
    document = read_plan(path)
    same = document["stamp"]["identity"] == stamp(folder, settings).identity
    if same and (out / "report.html").exists():
        return document
    raise AlreadyExists(
        f"{path} holds a plan made from other inputs or settings; choose another --out, or --force"
    )


def write(
    result: PlanResult,
    folder: Path | str,
    *,
    out: Path | str,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> Written:
    """Write ``plan.json``, ``report.html``, its pages for paper and ``patient.html``: all, or none.

    Args:
        cache: keeps the pictures; by default the user's own.
    """
    stage(progress, "drawing the report", 0.92, 0.99)
    out = Path(out)
    drawings = _drawn(result, cache or Cache())
    sections = shared(result)  # on the screen and on paper: drawn once
    page, pages = html(result, drawings, sections), paper(result, drawings, sections)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".plan-", dir=out) as beside:
        document = plan_document(result, case_folder=os.path.relpath(folder, out))
        write_plan(document, Path(beside) / "plan.json")
        write_text(Path(beside) / "report.html", page)
        write_text(Path(beside) / PAGES, json.dumps(pages, ensure_ascii=False))
        names = ["plan.json", "report.html", PAGES]
        (out / page_name("en")).unlink(missing_ok=True)  # of an earlier plan; after a stop there is none
        if not why_no_page(document):
            write_text(Path(beside) / page_name("en"), patient_page(document))
            names.append(page_name("en"))
        for name in names:
            shutil.move(Path(beside) / name, out / name)
    return Written(out / "plan.json", out / "report.html")


def _drawn(result: PlanResult, cache: Cache) -> Drawings:
    """The pictures; kept where what the images told was kept, for they are drawn from those."""
    seen = result.reading.seen
    if not seen:
        return draw(result)
    parts = (seen, result.stamp.settings, *drawn_from(result))
    return cache.once(lambda: draw(result), "drawings", *parts)


def _identity(made: Stamp, found: Sequence[Option]) -> str:
    """Digest of canonical inputs, steps and settings; never of results."""
    return digest(made.inputs, made.settings, made.seed, [option.plan.steps for option in found])


def _citations(
    reading: Reading,
    simulated: Simulations,
    explained: Explanation,
    words: Wordings,
    published: Mapping[str, Sequence[Estimate]],
    more: Sequence[str],
) -> tuple[Citation, ...]:
    """Every source behind the report, once."""
    options = [outcome for option in simulated.options for outcome in option.outcomes]
    options += [outcome for found in published.values() for outcome in found]
    keys = [
        *[key for o in (*simulated.intact, *simulated.now, *options) for key in o.because if " " not in key],
        *reading.anatomy.calibration.cite,
        *[key for case in simulated.boundary_summaries for load in case.loads for key in load.cite],
        *[key for card in words.cards.values() for one in card.statements for key in one.cite],
        *more,
    ]
    known = {source.key: source for source in explained.sources}
    return cited([*known, *keys], known)


def _in_order(found: Sequence[Option], ranking: Sequence[str]) -> tuple[Option, ...]:
    """Ranked plans first, in rank; then the other plans; then the comparators."""
    place = {id: n for n, id in enumerate(ranking)}
    last = len(place)
    return tuple(sorted(found, key=lambda o: (o.kind == "comparator", place.get(o.id, last))))


def _warnings(reading: Reading, simulated: Simulations) -> tuple[str, ...]:
    """What every reader must know, most important first."""
    found = []
    if reading.case.phantom:
        found.append("the images are a generated phantom, not a patient")
    if reading.anatomy.is_vertebra and not reading.lesion.level_confirmed:
        found.append(f"level {reading.anatomy.level} is NOT confirmed: nobody has counted it")
    if reading.lesion.simulated:
        found.append("the lesion is simulated: it was put into a real scan and is nobody's disease")
    if not reading.anatomy.calibration.calibrated:
        found.append("uncalibrated density: read ratios only, newtons are not absolute")
    return tuple(
        dict.fromkeys([*found, *reading.case.warnings, *reading.anatomy.warnings, *simulated.warnings])
    )
