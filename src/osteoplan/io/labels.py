"""A label map and the names of its numbers: NIfTI or NRRD with a scheme or a CSV file, or a DICOM SEG."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from osteoplan.errors import BadInput
from osteoplan.io.case_file import LabelsFile
from osteoplan.io.images import is_dicom, read_image
from osteoplan.knowledge.structures import canonical_names, scheme
from osteoplan.model.volume import Volume

__all__ = ["read_labels", "seg_labels", "write_names"]

Labels = tuple[Volume, Mapping[str, int], tuple[str, ...]]


def read_labels(folder: Path, file: LabelsFile, ct: Volume) -> Labels:
    """Label map on the CT's grid, structure name -> value, and notes.

    Raises:
        BadInput: unreadable, or without names.
        GeometryMismatch: another grid or frame than the CT's.
    """
    path = folder / file.file
    if is_dicom(path):
        return seg_labels(path, ct)
    found = read_image(path, "label", frame=ct.frame)
    labels, notes = found.volume, found.notes
    ct.require_same_grid(labels, what=f"the label map {file.file}")
    if not np.issubdtype(labels.array.dtype, np.integer):
        labels = labels.with_array(np.rint(labels.array).astype(np.int16))
    if file.names:
        return labels, canonical_names(_names(folder / file.names)), notes
    if file.scheme == "plain":
        raise BadInput(f"{path}: scheme plain has no names of its own; add 'names: FILE.csv' to case.yaml")
    if file.scheme:
        return labels, scheme(file.scheme), notes
    raise BadInput(f"{path}: labels need 'names: FILE.csv' or 'scheme: totalsegmentator' in case.yaml")


def seg_labels(path: Path, ct: Volume) -> Labels:
    """All segments of a DICOM SEG as one label map; the later one wins an overlap, and that is said."""
    from osteoplan.io.dicom.seg import every_segment

    array = np.zeros(ct.shape, dtype=np.uint16)
    names: dict[str, int] = {}
    notes: list[str] = []
    for found, placed in every_segment(path, ct):
        name = found.label or f"segment_{found.number}"
        mask = placed.mask.array
        if (array[mask] != 0).any():
            notes.append(f"segment {name} overlaps an earlier one and wins there")
        array[mask] = found.number
        names[name if name not in names else f"{name}_{found.number}"] = found.number
        notes += placed.notes
    return ct.with_array(array, "label"), canonical_names(names), tuple(notes)


def write_names(names: Mapping[str, int], path: Path) -> None:
    """Names as a CSV file with columns id and structure."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "structure"])
        writer.writerows(sorted((number, name) for name, number in names.items()))


def _names(path: Path) -> dict[str, int]:
    """Names in a CSV file: columns ``id`` and ``structure`` (or ``name``), or plain ``number,name`` rows."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file; it should list label numbers and names")
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [[cell.strip() for cell in row] for row in csv.reader(handle) if row]
    head = [cell.lower() for cell in rows[0]] if rows else []
    number = head.index("id") if "id" in head else 0
    title = next((head.index(word) for word in ("structure", "name") if word in head), 1)
    wide = [row for row in rows if len(row) > max(number, title)]
    names = {row[title]: int(row[number]) for row in wide if row[number].isdigit() and row[title]}
    if not names:
        raise BadInput(
            f"{path}: no label numbers and names found; give 'number,name' rows or columns id,structure"
        )
    return names
