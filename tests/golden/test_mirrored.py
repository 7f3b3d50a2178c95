"""A real scan mirrored left to right: every word of laterality on every page, sheet and document swaps."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import osteoplan
from osteoplan.errors import NotAvailable
from osteoplan.io.nifti import read_nifti, write_nifti
from osteoplan.io.way_json import ways_document
from osteoplan.io.yaml import write_yaml
from osteoplan.model.volume import Volume
from osteoplan.report.ways.page import render_ways
from osteoplan.techniques.vertebroplasty import Vertebroplasty
from osteoplan.workflow import options, simulate
from osteoplan.workflow.sheet import sheet
from osteoplan.workflow.ways import ways

LABELLED = ("vertebrae", "rib", "lung", "aorta")
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
PAIRS = (("left", "right"), ("LEFT", "RIGHT"), ("Left", "Right"), ("LAO", "RAO"))
SIDED = re.compile(r"left|right|LEFT|RIGHT|Left|Right|LAO|RAO|° [LR]\b|\b[LR] #")
# words that look like a side and are none
IDIOMS = re.compile(
    r"lef?t (out|to the rules|on the table)|is left|lines?_left|therapy left|right angles|left-right|W # L #|"
    r"bone left around|shopping_left|left_out|left over|solved right|"
    r"(tumour|option|options|techniques|ways|one|time|nothing|months are|what is) left"
)


def swapped(text: str) -> str:
    """The text with its sides exchanged, in words and in the letters of angles and places."""
    for one, other in PAIRS:
        text = text.replace(one, "\0").replace(other, one).replace("\0", other)
    return re.sub(r"(?<=° )[LR]\b|\b[LR](?= #)", lambda m: {"L": "R", "R": "L"}[m[0]], text)


def said(texts: Iterator[str] | list[str]) -> set[str]:
    """What is said of a side, without the numbers: the hands that stray are not mirrored."""
    clauses = (
        re.sub(r"[-−]?\d+(\.\d+)?", "#", part).strip() for t in texts for part in re.split(r"; | \| ", t)
    )
    return {clause for clause in clauses if SIDED.search(IDIOMS.sub("", clause))}


def strings(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield from (str(key), *strings(value))
    elif isinstance(document, list | tuple):
        for value in document:
            yield from strings(value)
    elif isinstance(document, str):
        yield document


def shown(page: str) -> list[str]:
    """What a person reads of a page, piece by piece; pictures' words too."""
    bare = re.sub(r"<style.*?</style>|<script.*?</script>", "", page, flags=re.DOTALL)
    spoken = re.findall(r'(?:alt|title|aria-label)="([^"]*)"', bare)
    return [html.unescape(" ".join(t.split())) for t in (*re.split(r"<[^>]+>", bare), *spoken) if t.strip()]


def crop(data: Path) -> tuple[Volume, Volume, dict[str, int]]:
    """T12 with the skin behind it, every second voxel in plane."""
    folder = data / "chest_spine"
    with (folder / "structures.csv").open() as table:
        names = {row["structure"]: int(row["id"]) for row in csv.DictReader(table)}
    ct, labels = read_nifti(folder / "cxr.nii.gz", "HU"), read_nifti(folder / "mask.nii.gz", "label")
    low, high = (f(np.argwhere(labels.array == names["vertebrae_T12"]), axis=0) for f in (np.min, np.max))
    # index 1 runs forward on this scan: the skin behind lies at its beginning
    cut = (
        slice(int(low[0]) - 100, int(high[0]) + 100, 2), slice(0, int(high[1]) + 60, 2),
        slice(int(low[2]) - 12, int(high[2]) + 12),
    )  # fmt: skip
    affine = ct.affine.copy()
    affine[:3, 3] = ct.positions_mm(np.array([side.start for side in cut]))
    affine[:3, :2] *= 2.0
    kept = {name: id for name, id in names.items() if name.startswith(LABELLED)}
    return (
        *(replace(v, array=np.ascontiguousarray(v.array[cut]), affine=affine) for v in (ct, labels)),
        kept,
    )  # type: ignore[return-value]


def case_of(folder: Path, data: Path, side: str) -> Path:
    """A case with a lesion on that side; on the right it is the left one's mirror image."""
    ct, labels, names = crop(data)
    bone = labels.array == names["vertebrae_T12"]
    place = labels.positions_mm(np.argwhere(bone)).mean(axis=0) + np.array([7.0, -14.0, -2.0])
    at = ct.positions_mm(np.moveaxis(np.indices(ct.shape), 0, -1))
    lesion = ct.with_array(((np.linalg.norm(at - place, axis=-1) < 9.0) & bone).astype(np.uint8), "mask")
    folder.mkdir()
    for name, volume in (("ct", ct), ("labels", labels), ("lesion", lesion)):
        turned = replace(volume, affine=MIRROR @ volume.affine) if side == "right" else volume
        write_nifti(turned, folder / f"{name}.nii.gz")
    with (folder / "structures.csv").open("w") as table:
        rows = ((swapped(name) if side == "right" else name, id) for name, id in names.items())
        csv.writer(table).writerows([("structure", "id"), *rows])
    write_yaml(
        folder / "case.yaml",
        {
            "id": "mirror",
            "images": {
                "ct": "ct.nii.gz", "labels": {"file": "labels.nii.gz", "names": "structures.csv"},
                "calibration": {"kind": "fixed", "kvp": 120},
            },
            "procedure": {"position": "prone", "scan_position": "supine"},
            "facts": {"primary": "breast", "primary_known": True},
            "lesions": [
                {
                    "id": "L1", "bone": "vertebra_T12", "side": side, "level_confirmed": True, "target": True,
                    "mask": "lesion.nii.gz", "matrix": "lytic", "simulated": True,
                }
            ],
        },
    )  # fmt: skip
    return folder


class OneSide(Vertebroplasty):
    """Plans from the lesion's own side, so that the first of a list is not the left one by its place."""

    def propose(self, setting, findings):
        side = setting.anatomy.lesion.side
        return tuple(one for one in super().propose(setting, findings) if one.id.endswith(side))


def require_true(told: list[dict[str, Any]], page: str) -> None:
    """Words of each way against its own ends: which of them just fit hangs on the lattices of the search."""
    fitting = [way for way in told if way["status"] == "fits"]
    assert {way["side"] for way in fitting} == {"left", "right"}
    for way in fitting:
        entry, target = way["skin_mm"] or way["entry_mm"], way["target_mm"]
        assert way["side"] in way["name"]
        assert way["name"] in html.unescape(page)
        if abs(entry[0] - target[0]) > 5.0:
            assert way["angles"]["words"].partition("° ")[2][0] == ("L" if entry[0] > target[0] else "R")
        if way["kind"] == "needle":
            other = {"left": "right", "right": "left"}[way["side"]]
            assert (entry[0] > target[0]) == (way["side"] == "left"), way["id"]
            near = [
                gap["structure"] for gap in way["clearances"] if gap["structure"].endswith(("left", "right"))
            ]
            assert near
            assert not any(name.endswith(other) and name.startswith("pleur") for name in near)


@pytest.mark.slow
def test_every_word_of_laterality_swaps_on_a_mirrored_scan(data: Path, tmp_path: Path, monkeypatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise NotAvailable("words alone are asked here")

    monkeypatch.setattr(options, "techniques", lambda: {"vertebroplasty": OneSide()})
    monkeypatch.setattr(simulate, "strength", none)
    found = {}
    for side in ("left", "right"):
        folder = case_of(tmp_path / side, data, side)
        plan = osteoplan.plan(folder, osteoplan.PlanSettings(draws=2))
        osteoplan.write(plan, folder, out=folder / "plan")
        made, trajectories = sheet(folder / "plan" / "plan.json", f"vertebroplasty_{side}"), ways(folder)
        require_true(ways_document(trajectories)["ways"], render_ways(trajectories))
        found[side] = {
            "plan.json": said(strings(json.loads((folder / "plan" / "plan.json").read_text()))),
            "report.html": said(shown((folder / "plan" / "report.html").read_text())),
            "sheet": said(strings(made.says)),
        }
    for name, left in found["left"].items():
        right = {swapped(clause) for clause in found["right"][name]}
        assert left, f"{name} says nothing of a side"
        assert left == right, (name, sorted(left ^ right))
