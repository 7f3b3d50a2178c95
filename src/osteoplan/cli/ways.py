"""The command that looks for ways in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from osteoplan.cli.root import DONE, INCOMPLETE, USE, Json, app
from osteoplan.io.places import require_writable

__all__ = ["ways"]


@app.command
def ways(
    case: Path,
    *,
    out: Path | None = None,
    lesion: str | None = None,
    position: Literal["prone", "supine", "lateral_left_down", "lateral_right_down"] | None = None,
    needle: str | None = None,
    guidance: tuple[str, ...] = (),
    probes: Literal["rfa", "mwa", "cryo", "laser"] | None = None,
    margin: float | None = None,
    at_most: int = 4,
    seed: int = 1,
    json: Json = False,
) -> int:
    """Needle paths and screw corridors into the lesion's bone, or "none fits" and where it is too narrow.

    Writes ways.html with pictures, ways.json, and ways.mrk.json for 3D Slicer.  Exit status 3: nothing fits.

    Example: osteoplan ways case1 --position prone

    Parameters
    ----------
    case
        case folder
    out
        folder for the files (default CASE/ways)
    lesion
        id of the lesion (default: the target)
    position
        how the patient lies (default: procedure.position of the case)
    needle
        id of the needle that paths are measured with (default: the thinnest on the shelf)
    guidance
        freehand_ct, cbct_navigation, robot ...; may be given several times, the preferred one first
    probes
        also choose and place ablation probes of this kind: geometry only, zones not measured in bone
    margin
        how far beyond the lesion they reach [mm] (default: by goals.intent)
    at_most
        how many probes there are
    seed
        of the strayed devices
    """
    from osteoplan.cli.console import out as console
    from osteoplan.cli.console import print_json, watching
    from osteoplan.cli.way_tables import cover_table, rejection_lines, way_table
    from osteoplan.io.way_json import ways_document
    from osteoplan.workflow.probes import ProbeSettings
    from osteoplan.workflow.probes import probes as probes_of
    from osteoplan.workflow.ways import WaysSettings, write_ways
    from osteoplan.workflow.ways import ways as ways_of

    settings = WaysSettings(lesion, position, needle, guidance, seed)
    require_writable(out or case / "ways")
    with watching() as progress:
        result = ways_of(case, settings, progress=progress)
        cover = None
        if probes is not None:
            asked = ProbeSettings(probes, margin, at_most)
            cover = probes_of(result, asked, settings, progress=progress)
        written = write_ways(result, out or case / "ways", cover=cover, progress=progress)
    status = DONE if any(way.ok for way in result.ways) else INCOMPLETE
    document = ways_document(result, cover)
    if json:
        print_json(document)
        return status
    console.print(f"{document['case']} · {document['bone']} · {USE}", markup=False)
    console.print(way_table(document["ways"]))
    if cover is not None:
        console.print(cover_table(document["cover"]))
        for line in document["cover"]["cautions"]:
            console.print(f"caution: {line}", markup=False)
    for line in rejection_lines(document["rejected"]):
        console.print(line, markup=False, style="dim")
    for line in document["warnings"]:
        console.print(f"warning: {line}", markup=False)
    console.print(f"wrote {written.page}, {written.document.name}", markup=False)
    return status
