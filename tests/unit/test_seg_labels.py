"""A DICOM SEG as a label map: every drawn segment once; the smaller one wins an overlap, and that is said."""

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.io.dicom.image import read_series
from osteoplan.io.dicom.seg import read_segment, segments
from osteoplan.io.labels import take_labels
from tests.foreign_made import ball, make_seg, scan


def test_overlapping_segments_become_one_map_and_the_overlap_is_told(data):
    ct = read_series(data / "dicom_seg" / "ct-3slice").volume
    path = data / "dicom_seg" / "partial_overlaps.dcm"
    read = take_labels(path, ct)
    assert len(read.labels.values) == len(segments(path)) == 5
    assert any("the smaller" in note for note in read.notes)
    masks = {n: read_segment(path, n, ct).mask.array for n in read.labels.values.values()}
    smallest = min(masks, key=lambda n: masks[n].sum())
    assert ((read.labels.volume.array == smallest) == masks[smallest]).all()


@pytest.mark.parametrize("grid", ["axial", "oblique", "oblique left-handed"])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_a_segment_over_all_and_one_within_leave_the_named_bones_whole(grid, order, kind, tmp_path):
    ct = scan(grid)
    bones = {"vertebrae_T11": ball(ct, (8, 9, 2), 4.5), "vertebrae_T12": ball(ct, (9, 11, 6), 4.5)}
    assert not (bones["vertebrae_T11"] & bones["vertebrae_T12"]).any()
    within = {"Lesion": ball(ct, (9, 11, 6), 2.6), "Spine": bones["vertebrae_T11"] | bones["vertebrae_T12"]}
    masks = dict(list({**bones, **within}.items())[::order])
    path = make_seg(tmp_path / "seg.dcm", ct, masks, kind=kind)
    read = take_labels(path, ct)
    for name, mask in bones.items():
        assert np.array_equal(read.labels.volume.array == read.labels.values[name], mask)
    assert any("they count as vertebrae_T12, the known one" in note for note in read.notes)
    assert "nothing is left of Spine beneath the others" in read.notes
    assert "nothing is left of Lesion beneath the others" in read.notes


def test_two_segments_called_like_one_bone_are_refused(tmp_path):
    ct = scan()

    def same(seg):
        for item in seg.SegmentSequence:
            item.SegmentLabel = "vertebrae_T12"

    masks = {"a": ball(ct, (8, 9, 2), 4), "b": ball(ct, (9, 11, 6), 4)}
    path = make_seg(tmp_path / "seg.dcm", ct, masks, change=same)
    with pytest.raises(BadInput, match="numbers 1 and 2 are both called vertebrae_T12"):
        take_labels(path, ct)
