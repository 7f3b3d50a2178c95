"""A DICOM SEG as a label map: every drawn segment once; the later one wins an overlap, and that is said."""

from osteoplan.io.dicom.image import read_series
from osteoplan.io.dicom.seg import read_segment, segments
from osteoplan.io.labels import seg_labels


def test_overlapping_segments_become_one_map_and_the_overlap_is_told(data):
    ct = read_series(data / "dicom_seg" / "ct-3slice").volume
    path = data / "dicom_seg" / "partial_overlaps.dcm"
    labels, names, notes = seg_labels(path, ct)
    assert len(names) == len(segments(path)) == 5
    assert any("overlaps an earlier one" in note for note in notes)
    last = max(names.values())
    assert ((labels.array == last) == read_segment(path, last, ct).mask.array).all()
