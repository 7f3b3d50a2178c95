"""A DICOM SEG as a label map: every drawn segment once; the smaller one wins an overlap, and that is said."""

from osteoplan.io.dicom.image import read_series
from osteoplan.io.dicom.seg import read_segment, segments
from osteoplan.io.labels import take_labels


def test_overlapping_segments_become_one_map_and_the_overlap_is_told(data):
    ct = read_series(data / "dicom_seg" / "ct-3slice").volume
    path = data / "dicom_seg" / "partial_overlaps.dcm"
    read = take_labels(path, ct)
    assert len(read.labels.values) == len(segments(path)) == 5
    assert any("the smaller" in note for note in read.notes)
    masks = {n: read_segment(path, n, ct).mask.array for n in read.labels.values.values()}
    smallest = min(masks, key=lambda n: masks[n].sum())
    assert ((read.labels.volume.array == smallest) == masks[smallest]).all()
