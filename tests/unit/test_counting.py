"""The counting aid on the real chest and pelvis, and on label maps that were altered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteoplan.anatomy.counting import ORDER, count_levels
from osteoplan.io.nifti import read_nifti
from osteoplan.knowledge.structures import scheme
from osteoplan.model.labels import LabelMap


@pytest.fixture(scope="module")
def chest(data: Path) -> LabelMap:
    """The chest's spine and ribs, every second voxel in plane: counting needs no more."""
    volume = read_nifti(data / "chest_spine" / "mask.nii.gz", "label")
    affine = volume.affine.copy()
    affine[:3, :2] *= 2.0
    names = scheme("totalsegmentator")
    bones = [n for name, n in names.items() if name.startswith(("vertebrae_", "rib_"))]
    array = volume.array[::2, ::2]
    array = np.where(np.isin(array, bones), array, 0).astype(np.uint8)
    return LabelMap(replace(volume, array=array, affine=affine), names)


@pytest.fixture(scope="module")
def pelvis(data: Path) -> LabelMap:
    volume = read_nifti(data / "pelvis_hip" / "example_seg_fast_force_split.nii.gz", "label")
    return LabelMap(volume, scheme("totalsegmentator"))


def relabelled(labels: LabelMap, changes: dict[str, str]) -> LabelMap:
    """Structures under other names; those renamed to "" are gone."""
    values = {name: n for name, n in labels.values.items() if name not in changes}
    values |= {new: labels.values[old] for old, new in changes.items() if new}
    return LabelMap(labels.volume, values)


def shifted(labels: LabelMap, by: int) -> LabelMap:
    """Every vertebra named that many levels lower, without T13 and L6."""
    usual = [level for level in ORDER if level not in ("T13", "L6")]
    there = [level for level in usual if labels.has(f"vertebrae_{level}")]
    return relabelled(labels, {f"vertebrae_{lv}": f"vertebrae_{usual[usual.index(lv) + by]}" for lv in there})


def test_the_chests_ribs_confirm_its_levels(chest: LabelMap) -> None:
    count = count_levels(chest)
    assert count.consistent is True, count.sentences
    assert count.anchors == ("first rib",)
    assert [row.level for row in count.rows][:4] == ["C5", "C6", "C7", "T1"]
    for n in range(1, 13):
        row = count.row(f"T{n}")
        assert row is not None
        assert row.ribs == (n, n)
        assert row.whole
    lowest = count.row("L3")
    assert lowest is not None
    assert not lowest.whole
    assert lowest.ribs == ()
    assert any("cut by the scan's edge" in s and "L2" in s for s in count.sentences)
    heights = [row.z_mm for row in count.rows]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize("by", [1, -1])
def test_vertebrae_numbered_one_off_are_told_by_the_ribs(chest: LabelMap, by: int) -> None:
    count = count_levels(shifted(chest, by))
    assert count.consistent is False
    assert any(f"numbered 1 too {'lower' if by > 0 else 'higher'}" in s for s in count.sentences), (
        count.sentences
    )
    wrong = "a rib is labelled L1: 13 rib-bearing" if by > 0 else "a rib is labelled C7: a cervical rib"
    assert any(wrong in s for s in count.sentences)
    assert count.row("T1") is None or by < 0 or count.row("T1").ribs == ()  # type: ignore[union-attr]


def test_a_rib_that_is_gone_is_told_with_its_side(chest: LabelMap) -> None:
    one = count_levels(relabelled(chest, {"rib_left_6": ""}))
    assert any("T6 meets no left rib" in s for s in one.sentences)
    lowest = count_levels(relabelled(chest, {"rib_left_12": "", "rib_right_12": ""}))
    assert lowest.consistent is False
    assert any("T12 meets no rib: a lower number of ribs" in s for s in lowest.sentences)


def test_a_thirteenth_thoracic_vertebra_is_told(chest: LabelMap) -> None:
    count = count_levels(relabelled(chest, {"vertebrae_L1": "vertebrae_T13", "vertebrae_L2": "vertebrae_L1"}))
    assert count.consistent is False
    assert any("labelled T13: a variant" in s for s in count.sentences)


def test_a_jumped_number_and_an_unlabelled_bone_are_told_apart(chest: LabelMap) -> None:
    gone = count_levels(relabelled(chest, {"vertebrae_T8": ""}))
    assert any("T8 is missing between T7 and T9" in s and "has no label" in s for s in gone.sentences)
    jump = {f"vertebrae_{a}": f"vertebrae_{b}" for a, b in (("L1", "L2"), ("L2", "L3"), ("L3", "L4"))}
    count = count_levels(relabelled(chest, jump))
    assert any(
        "L1 is missing between T12 and L2" in s and "a number was jumped" in s for s in count.sentences
    )


def test_two_names_exchanged_and_one_name_for_two_bones_are_told(chest: LabelMap) -> None:
    swapped = count_levels(
        relabelled(chest, {"vertebrae_T5": "vertebrae_T6", "vertebrae_T6": "vertebrae_T5"})
    )
    assert any("T5 is labelled below T6" in s for s in swapped.sentences)
    array = chest.volume.array.copy()
    array[array == chest.values["vertebrae_T9"]] = chest.values["vertebrae_T6"]
    twice = count_levels(LabelMap(chest.volume.with_array(array), chest.values))
    assert any("label T6 holds 2 separate bones" in s for s in twice.sentences)


def test_the_pelvis_is_counted_from_the_sacrum_alone(pelvis: LabelMap) -> None:
    count = count_levels(pelvis)
    assert count.anchors == ("sacrum",)
    assert count.consistent is True, count.sentences
    assert [row.level for row in count.rows] == ["T11", "T12", "L1", "L2", "L3", "L4", "L5"]


def test_without_the_sacrum_nothing_can_be_counted_from(pelvis: LabelMap) -> None:
    count = count_levels(relabelled(pelvis, {"sacrum": "", "vertebrae_S1": ""}))
    assert count.anchors == ()
    assert count.consistent is None
    assert any("levels cannot be counted here" in s for s in count.sentences)


def test_four_or_six_lumbar_vertebrae_are_told(pelvis: LabelMap) -> None:
    names = [f"vertebrae_{lv}" for lv in ("T11", "T12", "L1", "L2", "L3", "L4", "L5")]
    six = count_levels(relabelled(pelvis, dict(zip(names, [*names[1:], "vertebrae_L6"], strict=True))))
    assert six.consistent is False
    assert any("on the sacrum is labelled L6: 4 or 6 lumbar" in s for s in six.sentences)
    four = count_levels(relabelled(pelvis, dict(zip(names, ["vertebrae_T10", *names[:-1]], strict=True))))
    assert any("on the sacrum is labelled L4" in s for s in four.sentences)


def test_without_labels_the_aid_says_what_to_do(pelvis: LabelMap) -> None:
    nothing = count_levels(None)
    assert nothing.consistent is None
    assert nothing.rows == ()
    assert "count by eye" in nothing.sentences[0]
    no_spine = count_levels(LabelMap(pelvis.volume, {"hip_left": pelvis.values["hip_left"]}))
    assert "no vertebra is labelled" in no_spine.sentences[0]
