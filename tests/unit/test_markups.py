"""Lines for 3D Slicer: what is written is read back at the same place, and looks as Slicer's schema asks."""

import json

import jsonschema
import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io.markups import SCHEMA, markups_document, read_markups, write_markups
from osteoplan.model.trajectory import Trajectory

NEEDLE = Trajectory(
    id="transpedicular_left_1", name="through the left pedicle, 1", kind="needle", approach="transpedicular",
    status="fits", side="left", entry_mm=(31.25, 148.123456, -512.5), target_mm=(4.2, 71.0, -505.0625),
    device="cannula_13g", diameter_mm=2.41, unchecked=("nerve roots",),
)  # fmt: skip
NONE = Trajectory(
    id="superior_ramus_left", name="left superior ramus", kind="corridor", approach="superior_ramus",
    status="none", reasons=("no straight corridor: 2.1 mm wide at the narrowest",),
    entry_mm=(90.0, -20.0, 3.0), target_mm=(8.0, -55.0, -12.0),
)  # fmt: skip
NOWHERE = Trajectory(id="x", name="x", kind="needle", approach="x", status="none", reasons=("no skin",))

# The parts of Slicer's published schema 1.0.3 that a line touches, in our own words.
NUMBERS = {"type": "array", "items": {"type": "number"}}
POINT = {
    "required": ["label", "position", "positionStatus"],
    "properties": {
        "id": {"type": "string"},
        "label": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "associatedNodeID": {"type": "string"},
        "position": {**NUMBERS, "minItems": 3, "maxItems": 3},
        "orientation": {**NUMBERS, "minItems": 9, "maxItems": 9},
        "selected": {"type": "boolean"},
        "locked": {"type": "boolean"},
        "visibility": {"type": "boolean"},
        "positionStatus": {"const": "defined"},
    },
    "additionalProperties": False,
}
COLOUR = {
    "type": "array", "minItems": 3, "maxItems": 3, "items": {"type": "number", "minimum": 0, "maximum": 1},
}  # fmt: skip
SLICER = {
    "type": "object",
    "required": ["@schema", "markups"],
    "properties": {
        "@schema": {"const": SCHEMA},
        "markups": {
            "type": "array",
            "items": {
                "required": ["type", "coordinateSystem", "controlPoints"],
                "properties": {
                    "type": {"const": "Line"},
                    "coordinateSystem": {"const": "LPS"},
                    "coordinateUnits": {"const": "mm"},
                    "locked": {"type": "boolean"},
                    "fixedNumberOfControlPoints": {"type": "boolean"},
                    "labelFormat": {"type": "string"},
                    "controlPoints": {"type": "array", "minItems": 2, "maxItems": 2, "items": POINT},
                    "display": {
                        "properties": {
                            "color": COLOUR, "selectedColor": COLOUR, "visibility": {"type": "boolean"},
                            "pointLabelsVisibility": {"type": "boolean"},
                        }
                    },
                },
            },
        },
    },
}  # fmt: skip


def test_lines_come_back_within_a_hundredth_of_a_millimetre(tmp_path):
    written = write_markups([NEEDLE, NONE, NOWHERE], tmp_path / "ways.mrk.json")
    lines = read_markups(tmp_path / "ways.mrk.json")
    assert written == len(lines) == 2
    for way, line in zip([NEEDLE, NONE], lines, strict=True):
        assert line.name == way.id
        np.testing.assert_allclose(line.start_mm, way.entry_mm, atol=0.01)
        np.testing.assert_allclose(line.end_mm, way.target_mm, atol=0.01)


def test_the_file_has_the_shape_that_slicer_publishes():
    document = markups_document([NEEDLE, NONE])
    jsonschema.validate(json.loads(json.dumps(document)), SLICER)


def test_entry_and_tip_are_labelled_and_radius_and_use_are_said():
    entry, tip = markups_document([NEEDLE])["markups"][0]["controlPoints"]
    assert entry["label"].startswith("entry")
    assert tip["label"].startswith("tip")
    assert "radius 1.205 mm" in entry["description"]
    assert "unchecked against nerve roots" in tip["description"]
    assert "Research use only" in tip["description"]


def test_a_way_that_does_not_fit_says_so():
    assert "does NOT fit" in markups_document([NONE])["markups"][0]["controlPoints"][0]["description"]


def test_a_line_saved_in_ras_is_turned_to_lps(tmp_path):
    document = markups_document([NEEDLE])
    line = document["markups"][0]
    line["coordinateSystem"] = "RAS"
    for point in line["controlPoints"]:
        x, y, z = point["position"]
        point["position"] = [-x, -y, z]
    (tmp_path / "ras.mrk.json").write_text(json.dumps(document))
    (found,) = read_markups(tmp_path / "ras.mrk.json")
    np.testing.assert_allclose(found.start_mm, NEEDLE.entry_mm)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a markups file"),
        ("{}", "not a markups file"),
        (json.dumps({"markups": [{"type": "Line", "name": "a", "controlPoints": []}]}), "0 placed points"),
        (
            json.dumps({"markups": [{"type": "Line", "coordinateUnits": "um", "controlPoints": []}]}),
            "not in mm",
        ),
    ],
)
def test_a_file_that_is_no_line_is_refused_in_one_line(tmp_path, text, words):
    (tmp_path / "bad.mrk.json").write_text(text)
    with pytest.raises(BadInput, match=words):
        read_markups(tmp_path / "bad.mrk.json")


def test_nothing_is_written_where_no_way_has_a_place(tmp_path):
    with pytest.raises(BadInput, match="no way has an entry"):
        write_markups([NOWHERE], tmp_path / "none.mrk.json")
    assert not list(tmp_path.iterdir())
