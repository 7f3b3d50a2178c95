"""Corridors of a real pelvis (3 mm, coarse) and of real vertebrae, beside the published sizes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from osteoplan.anatomy.derive import derived_structures
from osteoplan.anatomy.frames import bone_frames
from osteoplan.anatomy.implants import find_implants
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.corridors import template
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.structures import kind_of, scheme
from osteoplan.model.anatomy import Structure
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from osteoplan.trajectory.corridors.find import corridors
from osteoplan.trajectory.surroundings import Surroundings, distance_maps
from tests.corridor_made import Nobody, screw

pytestmark = [pytest.mark.data, pytest.mark.slow]
PELVIC = {
    "hip_left": "hemipelvis_left", "hip_right": "hemipelvis_right", "sacrum": "sacrum",
    "femur_left": "femur_left", "femur_right": "femur_right",
}  # fmt: skip
THIN = (screw(3.5), screw(4.5), screw(5.5), screw(6.5))


def scene(ct: Volume, labels: LabelMap, bones: dict[str, str], target: str) -> Surroundings:
    """The neighbourhood of labelled bones, built by hand: no lesion."""
    named = labels.present()
    near = {label: labels.near(label, 8.0) for label in named if kind_of(label) == "bone"}
    frames = {label: bone_frames(bone, near[label], context=near) for label, bone in bones.items()}
    given = tuple(
        Structure(name, cast(Any, kind_of(name)), labels.mask(name), given=True)
        for name in named
        if kind_of(name) not in (None, "bone")
    )
    derived, _ = derived_structures(ct, labels)
    nothing = np.zeros(ct.shape, dtype=bool)
    metal = nothing.copy()
    for implant in find_implants(ct, bones=labels.any_of(near), vessels=None):
        metal |= implant.mask
    return Surroundings(
        anatomy=cast(Any, Nobody()), grid=ct, target=target, bones={name: labels.mask(name) for name in near},
        lesion=nothing, parts={}, frames=frames, structures=(*given, *derived), metal=metal,
        skin=~nothing,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pelvis(data: Path) -> Surroundings:
    ct = read_nifti(data / "pelvis_hip" / "example_ct.nii.gz", "HU")
    labels = read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label")
    return scene(ct, LabelMap(labels, scheme("totalsegmentator")), PELVIC, "hip_left")


@pytest.fixture(scope="module")
def chest(data: Path) -> Surroundings:
    ct = read_nifti(data / "chest_spine" / "T10-L2_ct.nii.gz", "HU")
    labels = read_nifti(data / "chest_spine" / "T10-L2_mask.nii.gz", "label")
    levels = ("T10", "T11", "T12", "L1")
    bones = {f"vertebrae_{level}": f"vertebra_{level}" for level in levels}
    return scene(ct, LabelMap(labels, scheme("totalsegmentator")), bones, "vertebrae_T12")


def found(around: Surroundings, names: Iterable[str], **more: Any) -> dict[str, Any]:
    return {way.id: way for way in corridors(around, [template(name) for name in names], **more)}


def test_the_corridors_of_a_real_pelvis_are_as_wide_as_published_or_explained(pelvis: Surroundings) -> None:
    ways = found(pelvis, ("superior_ramus_antegrade", "lc2", "transsacral_s1", "transsacral_s2"))
    width = {name: way.measures["width_mm"] for name, way in ways.items()}
    print(" ".join(f"{name} {mm:.1f}" for name, mm in width.items()))
    for side in ("left", "right"):
        # Chen 2009: 5.6 to 10.8 mm; this scan is at the narrow end, and 3 mm voxels tell a width too small
        assert 5.2 < width[f"superior_ramus_antegrade_{side}"] < 10.8
        assert ways[f"superior_ramus_antegrade_{side}"].measures["length_mm"] > 100
        assert width[f"lc2_{side}"] > 9.0  # called wide, no number was found
        assert 100 < ways[f"lc2_{side}"].measures["length_mm"] < 160  # 100 to 140 from memory
    assert 8.1 < width["transsacral_s1"] < 18.1  # mean and one sd
    # S2: published 13.8 +- 2.4, found 9.3 between the foramina of a 3 mm label, where a width is known to
    # 1.8 mm only; within 2 sd, and told as none, because no 6.5 mm screw keeps its margins there
    assert 7.0 < width["transsacral_s2"] < 16.2
    assert all(any("coarse" in reason for reason in way.reasons) for way in ways.values())


def test_both_sides_of_one_pelvis_are_alike(pelvis: Surroundings) -> None:
    ways = found(pelvis, ("lc2", "iliosacral_s1", "superior_ramus_retrograde"))
    for name in ("lc2", "iliosacral_s1", "superior_ramus_retrograde"):
        left, right = (ways[f"{name}_{side}"].measures["width_mm"] for side in ("left", "right"))
        assert abs(left - right) < 2.5


def test_the_real_nail_blocks_every_corridor_of_its_femoral_neck(pelvis: Surroundings) -> None:
    zones = ("femoral_neck_lower", "femoral_neck_upper_front", "femoral_neck_upper_back")
    ways = found(pelvis, zones)
    for zone in zones:
        left, right = ways[f"{zone}_left"], ways[f"{zone}_right"]
        assert left.status == "none"
        assert "metal" in left.reasons[0]
        assert right.status == "fits"
        assert right.measures["width_mm"] > 10


def test_what_the_scan_does_not_show_is_the_reason(pelvis: Surroundings) -> None:
    ways = found(pelvis, ("posterior_column", "ischium"))
    assert {way.status for way in ways.values()} == {"not_judged"}
    assert all("tuberosity" in way.reasons[0] for way in ways.values())


def test_a_screw_that_fits_has_bone_around_it_in_the_slow_check(pelvis: Surroundings) -> None:
    """No voxel outside the bone has its centre within 0.5 mm of the screw's surface, the ends left out."""
    way = found(pelvis, ("lc2",))["lc2_right"]
    entry, target = np.array(way.entry_mm), np.array(way.target_mm)
    along = (target - entry) / np.linalg.norm(target - entry)
    outside = pelvis.grid.positions_mm(np.argwhere(~pelvis.bones["hip_right"]))
    t = (outside - entry) @ along
    rho = np.linalg.norm(outside - entry - t[:, None] * along, axis=1)
    skip = way.measures["end_skip_mm"]
    between = (t > skip) & (t < way.measures["length_mm"] - skip)
    assert way.diameter_mm is not None
    assert rho[between].min() - way.diameter_mm / 2 >= 0.5


def test_all_corridors_of_one_pelvis_cost_seconds(pelvis: Surroundings) -> None:
    names = ("superior_ramus_antegrade", "superior_ramus_retrograde", "lc2", "lc2_posterior", "iliosacral_s1",
             "iliosacral_s2", "transsacral_s1", "transsacral_s2", "iliac_crest")  # fmt: skip
    distance_maps(pelvis)
    found(pelvis, names)  # bodies of the bones are distance fields, too: read once
    began = time.process_time()
    found(pelvis, names)
    assert time.process_time() - began < 10.0  # processor time of two threads; 5 s on two free cores


@pytest.mark.parametrize(
    ("level", "low", "high"), [("T10", 5.0, 9.5), ("T11", 5.0, 10.0), ("T12", 5.5, 10.5), ("L1", 5.5, 11.0)]
)
def test_a_real_pedicle_is_as_wide_as_it_looks(
    chest: Surroundings, level: str, low: float, high: float
) -> None:
    one = template("pedicle").model_copy(update={"levels": (level,)})
    began = time.process_time()
    ways = corridors(chest, [one], screws=THIN)
    assert time.process_time() - began < 4.0  # both sides, first bodies included; see benchmarks/corridors.py
    assert [way.id for way in ways] == [f"pedicle_{level}_left", f"pedicle_{level}_right"]
    for way in ways:
        print(f"{way.id} {way.measures['width_mm']:.1f} mm")
        assert low < way.measures["width_mm"] < high
        assert way.status == "fits"
        assert way.measures["free_diameter_mm"] <= way.measures["width_mm"] - 2.0 + 1e-6


def test_a_real_pedicle_is_found_on_an_image_with_other_axes(data: Path) -> None:
    folder = data / "vertebra_parts"
    ct = read_nifti(folder / "sub-ct_label-22_ct.nii.gz", "HU")
    labels = read_nifti(folder / "sub-ct_seg-vert_label-22_msk.nii.gz", "label")
    values = {"vertebrae_L2": 21, "vertebrae_L3": 22, "vertebrae_L4": 23}
    around = scene(ct, LabelMap(labels, values), {"vertebrae_L3": "vertebra_L3"}, "vertebrae_L3")
    ways = corridors(around, [template("pedicle")], screws=THIN)
    assert [way.side for way in ways] == ["left", "right"]
    frame = around.frames["vertebrae_L3"]["vertebra"]
    for way, sign in zip(ways, (1.0, -1.0), strict=True):
        print(f"{way.id} {way.measures['width_mm']:.1f} mm")
        assert 6.0 < way.measures["width_mm"] < 16.0
        assert frame.local(way.entry_mm)[0] * sign > 0
        assert frame.local(way.entry_mm)[1] > 20 > 0 > frame.local(way.target_mm)[1]


def test_the_screws_of_the_package_are_looked_through(chest: Surroundings) -> None:
    ways = found(chest, ("pedicle",))
    shelf = devices()
    for way in ways.values():
        assert all(
            shelf[id].values["outer_diameter_mm"].number <= way.measures["free_diameter_mm"]
            for id in way.fits
        )
