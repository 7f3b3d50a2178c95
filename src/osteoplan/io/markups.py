"""Trajectories as lines for 3D Slicer: ``.mrk.json``, one line each, positions in LPS mm.

The file follows version 1.0.3 of Slicer's Markups schema.  ``positionStatus`` is written for every point:
Slicer releases that read an absent one as *undefined* would load the line and not show it.

Source: 3D Slicer, Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osteoplan.arrays import Point
from osteoplan.errors import BadInput
from osteoplan.io.yaml import write_text
from osteoplan.model.trajectory import Trajectory

__all__ = ["SCHEMA", "USE", "MarkupLine", "markups_document", "read_markups", "write_markups"]

SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
USE = "Research use only. Not a medical device. Not for diagnosis or treatment of patients."
_SKY = [86 / 255, 180 / 255, 233 / 255]  # the colour of devices on every picture
_GREY = [0.6, 0.6, 0.6]  # of a way that does not fit
_ENDS = {"needle": ("entry", "tip"), "corridor": ("entry", "far end")}
Json = dict[str, Any]


@dataclass(frozen=True)
class MarkupLine:
    """A line as it was read: its name, its two labels, entry first, and its two ends in LPS mm."""

    name: str
    labels: tuple[str, str]
    start_mm: Point
    end_mm: Point
    description: str


def write_markups(ways: Sequence[Trajectory], path: Path) -> int:
    """Write the trajectories that have two ends; returns how many lines that are.

    Raises:
        BadInput: none of them has.
    """
    document = markups_document(ways)
    if not document["markups"]:
        raise BadInput(f"{path}: no way has an entry and a target, so there is no line to write")
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return len(document["markups"])


def markups_document(ways: Sequence[Trajectory]) -> Json:
    """One line per trajectory with two ends; those without a place are left out."""
    return {"@schema": SCHEMA, "markups": [_line(way) for way in ways if way.entry_mm and way.target_mm]}


def read_markups(path: Path) -> tuple[MarkupLine, ...]:
    """The lines of a ``.mrk.json``, in LPS mm whichever way round the file has its axes.

    Raises:
        BadInput: absent, not JSON, in another unit than mm, or a line without two defined points.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = [m for m in document["markups"] if m["type"] == "Line"]
        return tuple(_read_line(markup, path) for markup in found)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as why:
        raise BadInput(f"{path}: not a markups file of 3D Slicer ({why}); save the line again") from why


def _line(way: Trajectory) -> Json:
    assert way.entry_mm is not None
    assert way.target_mm is not None
    first, last = _ENDS[way.kind]
    return {
        "type": "Line",
        "name": way.id,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": 2,
        "controlPoints": [
            _point("1", f"{first} {way.id}", way.entry_mm, _words(way)),
            _point("2", f"{last} {way.id}", way.target_mm, _words(way)),
        ],
        "display": {
            "visibility": True,
            "color": _SKY if way.ok else _GREY,
            "selectedColor": _SKY if way.ok else _GREY,
            "propertiesLabelVisibility": True,
            "pointLabelsVisibility": True,
        },
    }


def _point(id: str, label: str, position_mm: Point, description: str) -> Json:
    return {
        "id": id,
        "label": label,
        "description": description,
        "associatedNodeID": "",
        "position": [float(x) for x in position_mm],
        "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
        "selected": True,
        "locked": True,
        "visibility": True,
        "positionStatus": "defined",
    }


def _words(way: Trajectory) -> str:
    """What the line is, how thick its device is, what must be known about it, and the intended use."""
    parts = [way.name]
    if way.diameter_mm is not None:
        parts.append(f"{way.device} radius {way.diameter_mm / 2:g} mm".strip())
    if not way.ok:
        parts.append("does NOT fit: " + "; ".join(way.reasons))
    if way.unchecked:
        parts.append("unchecked against " + ", ".join(way.unchecked))
    return ". ".join([*parts, USE])


def _read_line(markup: Json, path: Path) -> MarkupLine:
    name = str(markup.get("name", ""))
    unit = markup.get("coordinateUnits", "mm")
    if (unit[0] if isinstance(unit, list) else unit) != "mm":
        raise BadInput(f"{path}: line {name} is in {unit}, not in mm: save it in mm")
    points = [p for p in markup["controlPoints"] if p.get("positionStatus", "defined") == "defined"]
    if len(points) != 2:
        raise BadInput(f"{path}: line {name} has {len(points)} placed points, a line has 2: place both ends")
    sign = -1.0 if markup.get("coordinateSystem", "LPS") == "RAS" else 1.0
    ends: list[Point] = []
    for point in points:
        x, y, z = (float(value) for value in point["position"])
        ends.append((sign * x, sign * y, z))
    labels = str(points[0].get("label", "")), str(points[1].get("label", ""))
    return MarkupLine(name, labels, ends[0], ends[1], str(points[0].get("description", "")))
