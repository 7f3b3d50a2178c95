"""Commands that make and look at a case: init, check, simulate-lesion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from osteoplan.cli.root import DONE, INCOMPLETE, Coordinates, Force, Json, app, numbers, spot, triple
from osteoplan.errors import BadInput
from osteoplan.io.places import require_writable

__all__ = ["check", "init", "simulate_lesion"]


@app.command
def init(
    case: Path,
    *,
    ct: Path,
    series: str | None = None,
    straighten: bool = False,
    labels: Path | None = None,
    scheme: str | None = None,
    names: Path | None = None,
    seed: Coordinates = None,
    lesion: Path | None = None,
    part: str | None = None,
    ellipsoid: Coordinates = None,
    threshold: bool = False,
    bone: str | None = None,
    side: Literal["left", "right", "midline"] | None = None,
    matrix: Literal["lytic", "mixed", "blastic"] | None = None,
    mr: tuple[Path, ...] = (),
    register: bool = False,
    dose: Path | None = None,
    calibration: Literal["internal", "phantom", "fixed", "density"] | None = None,
    kvp: float | None = None,
    phantom: str | None = None,
    rods: Coordinates = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """Make a case folder from a CT (DICOM folder or zip, NIfTI, NRRD, MHA), a label map and a lesion.

    Names of persons, dates and other header fields stay behind: voxels, positions and an allow-list of facts
    about the scan are written.  Without a label map, point at the bone with --seed.

    Example: osteoplan init case1 --ct DICOM/ --seed 12,-140,-512 --bone vertebra_T12 --side midline
    --ellipsoid 12,-140,-512,22,18,17

    Parameters
    ----------
    case
        folder to make
    ct
        DICOM folder or zip, or an image file in HU (mg/cm3 with --calibration density)
    series
        which CT series of a DICOM folder; 'osteoplan check FOLDER' lists them
    straighten
        resample a scan with gantry tilt instead of refusing it
    labels
        label map on the CT's grid (NIfTI, NRRD) or a DICOM SEG
    scheme
        how the label map is numbered (totalsegmentator unless --names is given)
    names
        CSV of 'number,name' rows, wins over --scheme
    seed
        a point in the bone, which is segmented from it: x,y,z or lps:x,y,z [LPS mm], ras:x,y,z (3D Slicer),
        or ijk:i,j,k (voxel indices of the CT from 0); a click on a picture of check.html gives it
    lesion
        mask on the CT's grid, RTSTRUCT or DICOM SEG
    part
        contour or segment of the lesion's file
    ellipsoid
        lesion as x,y,z,a,b,c: centre (like --seed, e.g. ijk:40,60,12,20,20,20) and three diameters [mm]
    threshold
        keep only what differs from the bone around it inside the ellipsoid
    bone
        the bone of the lesion, e.g. vertebra_T12, hemipelvis_left, femur_right
    side
        left, right or midline
    matrix
        lytic, mixed or blastic
    mr
        MR or another series of the same patient; may be given several times
    register
        match these rigidly to the CT where they are in another frame of reference
    dose
        RTDOSE of an earlier radiotherapy
    calibration
        internal (tissues of this scan, the default), phantom, fixed (a prior: uncalibrated), density
    kvp
        tube voltage [kV], where the scan does not record it; it helps the calibration by tissues, and stands
        in for it (fixed) where the scan shows none
    phantom
        mindways, qrm or intable, with --calibration phantom
    rods
        centres of the phantom's rods as x,y,z,x,y,z,... where they are not found
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.workflow.prepare import Ellipsoid, NewCase, NewLesion, init_case

    source: Path | Ellipsoid | None = lesion
    if ellipsoid is not None:
        if lesion is not None:
            raise BadInput("give --lesion or --ellipsoid, not both")
        centre, (a, b, c) = spot(ellipsoid, "--ellipsoid", more=3)
        source = Ellipsoid(centre, (a, b, c), threshold)
    elif threshold:
        raise BadInput("--threshold works inside an ellipsoid: give --ellipsoid x,y,z,a,b,c")
    drawn = None
    if source is not None:
        if bone is None or side is None:
            raise BadInput("a lesion needs --bone (e.g. vertebra_T12) and --side (left, right or midline)")
        drawn = NewLesion(source, bone, side, part, matrix)
    for useless, option, needed in (
        (labels is None and scheme is not None, "--scheme", "--labels"),
        (labels is None and names is not None, "--names", "--labels"),
        (lesion is None and part is not None, "--part", "--lesion"),
        (register and not mr, "--register", "--mr"),
    ):
        if useless:
            raise BadInput(f"{option} says how {needed} is read: give {needed} too, or leave {option} out")
    if seed is not None and bone is None:
        raise BadInput("--seed needs --bone: which bone is grown from the point")
    new = NewCase(
        ct=ct, series=series, straighten=straighten, labels=labels, scheme=scheme, names=names,
        seed=(bone, spot(seed, "--seed")[0]) if seed is not None and bone is not None else None,
        lesion=drawn, others=mr, register=register, dose=dose,
        calibration=_calibration(calibration, kvp, phantom, rods),
    )  # fmt: skip
    with watching() as progress:
        made = init_case(case, new, force=force, progress=progress)
    lesions = [one.id for one in made.case.lesions] if made.case else []
    if json:
        print_json({"case": str(case), "lesions": lesions, "notes": list(made.notes)})
        return DONE
    for note in made.notes:
        out.print(f"note: {note}", markup=False)
    drawable = labels is not None or seed is not None
    then = f"osteoplan {'simulate-lesion' if drawable and not lesions else 'check'} {case}"
    out.print(f"{case / 'case.yaml'} written; next: {then}", markup=False)
    return DONE


def _calibration(
    kind: str | None, kvp: float | None, phantom: str | None, rods: str | None
) -> dict[str, Any]:
    """The request of case.yaml; what does not belong to the kind is refused where it is read."""
    alone = kvp is not None and rods is None
    named = kind or ("phantom" if phantom else None if alone else "internal")
    request: dict[str, Any] = {} if named is None else {"kind": named}
    if kvp is not None:
        request["kvp"] = kvp
    if phantom is not None:
        request["phantom"] = phantom
    if rods is not None:
        count = 3 * max(1, (rods.count(",") + 1) // 3)
        at = numbers(rods, count, "--rods")
        request["rods"] = [{"at_mm": at[n : n + 3]} for n in range(0, count, 3)]
    return request


@app.command
def check(
    case: Path,
    *,
    lesion: str | None = None,
    out: Path | None = None,
    all: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Say what was read, what is missing, what is wrong, and what to do about it.

    Writes check.html with the outlines to approve and the spine to count.  A DICOM folder or zip is listed
    series by series.  Exit status 3: no plan can be made yet.

    Example: osteoplan check case1

    Parameters
    ----------
    case
        case folder, or a DICOM folder or zip
    lesion
        id of the lesion (default: the target)
    out
        folder for check.html (default: the case folder)
    all
        list every open score and fact too; check.html and --json always do
    """
    from osteoplan.cli import console
    from osteoplan.cli.tables import finding_table, need_table, needed_first, series_table
    from osteoplan.workflow.check import check_case, check_document, is_case, list_series, write_check_page

    if not is_case(case):
        with console.watching() as progress:
            listed = list_series(case, progress=progress)
        if json:
            console.print_json(listed)
        else:
            console.out.print(series_table(listed["series"]))
        return DONE
    require_writable(out or case)
    with console.watching() as progress:
        checked = check_case(case, lesion=lesion, progress=progress)
        page = write_check_page(checked, out or case, progress=progress)
    status = DONE if checked.complete else INCOMPLETE
    found = check_document(checked)
    if json:
        console.print_json(found)
        return status
    for line in found["read"]:
        console.out.print(line, markup=False)
    if found["findings"]:
        console.out.print(finding_table(found["findings"]))
    for heading in ("level", "warning"):
        for line in found["count" if heading == "level" else "warnings"]:
            console.out.print(f"{heading}: {line}", markup=False)
    needs, told = (found["needs"], ()) if all else needed_first(found["needs"], found["missing"])
    console.out.print(need_table(needs))
    for line in (f"missing: {line}" for line in found["missing"]) if all else told:
        console.out.print(line, markup=False)
    console.out.print(f"pictures to approve: {page}", markup=False)
    return status


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
    at: Literal["centre", "left", "right", "anterior", "posterior", "superior", "inferior"] | None = None,
    height: Annotated[float | None, Parameter(allow_leading_hyphen=True)] = None,
    inset: float = 0.0,
    shape: Literal["ellipsoid", "irregular", "lobulated", "permeative"] = "irregular",
    spare_cortex: bool = False,
    breach: str | None = None,
    soft_tissue: float = 0.0,
    rim: float = 0.0,
    collapse: str | None = None,
    id: str = "L1",
    seed: int = 1,
    force: Force = False,
    json: Json = False,
) -> int:
    """Put a lytic, mixed or blastic lesion into a real scan; the truth is stored beside it.

    The original image stays as it is; the case carries *simulated* from then on.  Another --id adds a lesion.

    Example: osteoplan simulate-lesion case1 --bone vertebra_T12 --matrix lytic --axes 22,18,17 --wall 0

    Parameters
    ----------
    case
        case folder with a CT and labels
    bone
        which bone, e.g. vertebra_T12 or femur_left
    matrix
        lytic, mixed or blastic
    axes
        full axes [mm] left-right, front-back, up-down
    side
        declared side of the lesion
    wall
        distance to a vertebra's posterior wall [mm]; 0 touches it
    centre
        centre as x,y,z [LPS mm], ras:x,y,z or ijk:i,j,k, instead of --wall and --at
    at
        place in any bone: its depth, or its surface towards a side
    height
        with --at: coordinate along the bone's superior axis [mm]
    inset
        with --at: how far below the surface [mm]
    shape
        ellipsoid, irregular, lobulated or permeative
    spare_cortex
        keep an outer shell
    breach
        window through the cortex as toward,length,width [mm] or toward,length,angle,deg
    soft_tissue
        how far the lesion stands out of the bone [mm]
    rim
        width of a sclerotic rim [mm]
    collapse
        loss of a vertebra's height [%], or pct,wedge
    id
        id of the lesion in case.yaml
    seed
        of shape and noise
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.workflow.simulate_lesion import LesionRecipe, simulate_lesion_in

    recipe = LesionRecipe(
        id=id, bone=bone, side=side, matrix=matrix, axes_mm=triple(axes, "--axes"), wall_mm=wall,
        centre_mm=None if centre is None else spot(centre, "--centre")[0], at=at, height_mm=height,
        inset_mm=inset, shape=shape, cortex="spared" if spare_cortex else "as_reached",
        breach=None if breach is None else _breach(breach, soft_tissue),
        soft_tissue_mm=0.0 if breach is not None else soft_tissue, rim_mm=rim,
        collapse=None if collapse is None else _collapse(collapse), seed=seed,
    )  # fmt: skip
    require_writable(case)
    with watching() as progress:
        truth = simulate_lesion_in(case, recipe, force=force, progress=progress)
    if json:
        print_json(truth)
    else:
        volume = f"{truth['volume_mL']:.2f} mL"
        out.print(f"{truth['matrix']} lesion {id} of {volume} simulated in {bone}", markup=False)
        out.print(f"truth: {case / truth['file']}; next: osteoplan plan {case}", markup=False)
    return DONE


def _breach(text: str, soft_tissue_mm: float) -> Any:
    """``anterior,30,12`` (length and width in mm) or ``anterior,40,120,deg``."""
    from osteoplan.anatomy.simulate import Breach

    toward, *rest = (part.strip() for part in text.split(","))
    if rest[2:] == ["deg"]:
        length, angle = numbers(",".join(rest[:2]), 2, "--breach")
        return Breach(toward, length, circumference_deg=angle, soft_tissue_mm=soft_tissue_mm)  # type: ignore[arg-type]
    length, width = numbers(",".join(rest), 2, "--breach TOWARD,")
    return Breach(toward, length, width_mm=width, soft_tissue_mm=soft_tissue_mm)  # type: ignore[arg-type]


def _collapse(text: str) -> Any:
    """``25`` or ``25,wedge``."""
    from osteoplan.anatomy.simulate import Collapse

    share, _, kind = text.partition(",")
    (pct,) = numbers(share, 1, "--collapse")
    return Collapse(pct, kind or "crush")  # type: ignore[arg-type]
