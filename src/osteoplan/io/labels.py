"""A label map and the names of its numbers.

Read are NIfTI, NRRD and MetaImage with a scheme or a table of names, 3D Slicer's segmentations and DICOM SEG,
which hold names of their own, a folder with one mask for each structure, and one such mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import Array, Indices
from osteoplan.errors import BadInput
from osteoplan.io.case_file import LabelsFile
from osteoplan.io.dicom.child import one_child
from osteoplan.io.foreign import ForeignMask
from osteoplan.io.grid import on_grid_of
from osteoplan.io.images import is_dicom, is_image, lists_segments, read_image, stem
from osteoplan.io.label_names import read_names
from osteoplan.io.masks import whole_numbers
from osteoplan.io.nifti import names_within
from osteoplan.knowledge.structures import canonical, canonical_names, is_known, kind_of, scheme
from osteoplan.knowledge.values import number
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["ReadLabels", "read_labels", "take_labels"]

BY_DEFAULT = "totalsegmentator"
Part = tuple[str, int, ForeignMask]  # name, number, where


@dataclass(frozen=True, eq=False)
class ReadLabels:
    """A label map on the CT's grid.

    Attributes:
        labels: the map and the canonical name of each number.
        scheme: by which its numbers were named; None where the names came with it.
        notes: what was noticed.
    """

    labels: LabelMap
    scheme: str | None
    notes: tuple[str, ...]


def read_labels(folder: Path, file: LabelsFile, ct: Volume) -> ReadLabels:
    """The labels that a case names.

    Raises:
        BadInput: unreadable, or without names.
        GeometryMismatch: another grid or frame than the CT's.
    """
    path = folder / file.file
    if not file.names and not file.scheme and not is_dicom(path):
        raise BadInput(f"{path}: labels need 'names: FILE.csv' or 'scheme: totalsegmentator' in case.yaml")
    names = folder / file.names if file.names else None
    return take_labels(path, ct, scheme_name=file.scheme, names=names)


def take_labels(
    path: Path, ct: Volume, *, scheme_name: str | None = None, names: Path | None = None
) -> ReadLabels:
    """Labels from whatever holds them, on the CT's grid, with canonical names.

    Args:
        path: a label map, a DICOM SEG, a folder of masks, or one mask that is called like its structure.
        ct: the scan.
        scheme_name: how a label map's numbers are named, where that is known.
        names: a table of names, which wins.

    Raises:
        BadInput: unreadable, no label map, or nobody says what its numbers are.
        GeometryMismatch: another grid or frame than the CT's.
    """
    read = _read(path, ct, scheme_name, names)
    if not read.labels.present():
        raise BadInput(
            f"{path.name}: no voxel of it has a number with a name, so no structure is labelled; "
            "check file, --scheme and --names"
        )
    return read


def _read(path: Path, ct: Volume, scheme_name: str | None, names: Path | None) -> ReadLabels:
    if path.is_dir() and (files := sorted(file for file in path.iterdir() if is_image(file))):
        with one_child():
            return _assembled(_masks(files, ct), ct)
    if path.is_dir() and (below := next(filter(is_image, sorted(path.rglob("*"))), None)):
        raise BadInput(f"{path}: holds no masks itself; give the folder that does: {below.parent}")
    if is_dicom(path):
        from osteoplan.io.dicom.seg import every_segment

        return _assembled(_segments(every_segment(path, ct)), ct)
    if names is None and scheme_name is None and lists_segments(path):
        from osteoplan.io.itk import every_nrrd_segment

        return _assembled(_segments(every_nrrd_segment(path, ct)), ct)
    volume, notes = _on_grid(path, ct)
    numbers = whole_numbers(volume.array, what=f"the label map {path.name}")
    _require_drawn(volume.array, path)
    table: Mapping[str, int]
    by: str | None
    if names is not None:
        table, by = canonical_names(read_names(names)), None
    elif scheme_name is not None:
        table, by = _of_scheme(scheme_name, path), scheme_name
        _require_one_name(table, names_within(path), numbers, by, path)
    elif within := names_within(path):
        table, by = canonical_names(within), None
        notes += (f"{path.name}: its header names its numbers; these names were taken",)
    elif numbers in ((1,), (255,)):  # a mask, and no number of a scheme
        table, by = {_structure_of(path): numbers[0]}, None
        notes += (f"{path.name} was read as {next(iter(table))}, by its name",)
    else:
        table, by = scheme(BY_DEFAULT), BY_DEFAULT
        notes += (
            f"nobody said how {path.name} is numbered: read as TotalSegmentator v2; else give --scheme or "
            "--names",
        )
    labels = LabelMap(volume, table)
    if by is not None:
        _require_scheme_fits(labels, ct, by, path)
    without = [n for n in numbers if n not in table.values()]
    if without:
        shown = ", ".join(map(str, without[:8])) + (" ..." if len(without) > 8 else "")
        notes += (f"{path.name}: {len(without)} numbers have no name and are left out ({shown})",)
    return ReadLabels(labels, by, notes)


def _segments(drawn: Iterable[tuple[Any, ForeignMask]]) -> Iterator[Part]:
    for one, laid in drawn:
        yield one.label or f"segment_{one.number}", one.number, laid


def _masks(files: Iterable[Path], ct: Volume) -> Iterator[Part]:
    """One structure a file, called by the file's name."""
    for n, file in enumerate(files, start=1):
        volume, notes = _on_grid(file, ct)
        if len(numbers := whole_numbers(volume.array, what=file.name)) > 1:
            raise BadInput(
                f"{file.name} holds {len(numbers)} numbers: a folder of masks has one structure in each "
                "file; give a label map alone, with --labels FILE"
            )
        yield stem(file), n, ForeignMask(volume.with_array(volume.array > 0, "mask"), notes)


def _assembled(parts: Iterable[Part], ct: Volume) -> ReadLabels:
    """One label map of masks that may overlap: known structures win, then the smaller.

    So a bone stays whole within a 'spine' over all of it and around a 'lesion' in it.

    Raises:
        BadInput: two masks are called like one structure.
    """
    found: list[tuple[str, int, Indices]] = []
    notes: list[str] = []
    for name, value, laid in parts:
        found.append((name, value, np.flatnonzero(laid.mask.array)))
        notes += laid.notes
    names: dict[str, int] = {}
    known = {name for name, _, _ in found if is_known(canonical(name))}
    for name, value, _ in found:
        if name in names and name in known:
            raise BadInput(
                f"numbers {names[name]} and {value} are both called {name}: give each structure one name"
            )
        names[name if name not in names else f"{name}_{value}"] = value
    flat = np.zeros(ct.array.size, dtype=np.uint16)
    called = {value: name for name, value in names.items()}
    sizes = {value: places.size for _, value, places in found}
    for name, value, places in sorted(found, key=lambda part: (part[0] in known, -part[2].size)):
        for other, shared in zip(*np.unique(flat[places], return_counts=True), strict=True):
            if other:
                why = "the smaller" if places.size <= sizes[other] else "the known one"
                notes.append(f"{name} and {called[other]} share {shared} voxels: they count as {name}, {why}")
        flat[places] = value
    left = np.bincount(flat, minlength=1)
    gone = [name for name, value, places in found if places.size and (value >= left.size or not left[value])]
    notes += [f"nothing is left of {name} beneath the others" for name in gone]
    volume = Volume(flat.reshape(ct.shape), ct.affine, "label", ct.frame)
    return ReadLabels(LabelMap(volume, canonical_names(names)), None, tuple(notes))


def _on_grid(path: Path, ct: Volume) -> tuple[Volume, tuple[str, ...]]:
    found = read_image(path, "label", frame=ct.frame)
    volume, notes = on_grid_of(ct, found.volume, what=f"the label map {path.name}")
    if not np.issubdtype(volume.array.dtype, np.integer):
        whole_numbers(volume.array, what=f"the label map {path.name}")
        volume = volume.with_array(np.rint(volume.array).astype(np.int32))
    return volume, (*found.notes, *notes)


def _require_drawn(array: Array, path: Path) -> None:
    """Refuse a label map that was interpolated and rounded: numbers then stand only between others.

    Looked at in the middle of what is labelled.  Eight label maps of four programs hold no such number; with
    linear interpolation, shifted or zoomed, those of three labels and more hold twenty at the least.
    """
    some = np.argwhere(array[::2, ::2, ::2]) * 2
    if not some.size:
        return
    low = np.maximum(some.mean(axis=0).astype(int) - 80, 0)
    part = array[tuple(slice(a, a + 160) for a in low)].astype(np.int32)
    between, inside = np.zeros(part.shape, dtype=bool), np.ones(part.shape, dtype=bool)
    for axis in range(3):
        along, bare, same = (np.moveaxis(one, axis, 0) for one in (part, between, inside))
        before, here, after = along[:-2], along[1:-1], along[2:]
        bare[1:-1] |= (np.minimum(before, after) < here) & (here < np.maximum(before, after))
        same[1:-1] &= (before == here) & (here == after)
        same[[0, -1]] = False
    counts, bare_counts, same_counts = (
        np.bincount(part[where].ravel(), minlength=int(part.max()) + 1)[1:]
        for where in (np.ones_like(inside), between, inside)
    )
    odd = (counts >= 8) & (same_counts == 0) & (bare_counts >= 0.8 * counts)
    if odd.sum() >= number("images.labels_between"):
        raise BadInput(
            f"the label map {path.name}: {int(odd.sum())} numbers stand only between others, so it was "
            "interpolated and rounded: resample it with the nearest neighbour"
        )


def _of_scheme(name: str, path: Path) -> Mapping[str, int]:
    if name == "plain":
        raise BadInput(f"{path}: scheme plain has no names of its own; add 'names: FILE.csv' to case.yaml")
    return scheme(name)


def _require_one_name(
    table: Mapping[str, int], within: Mapping[str, int], numbers: Iterable[int], by: str, path: Path
) -> None:
    """Refuse a scheme that the file's own header contradicts."""
    scheme_says, header_says = ({n: name for name, n in one.items()} for one in (table, within))
    for n in numbers:
        told, named = header_says.get(n), scheme_says.get(n)
        if told and named and canonical(told) != named:
            raise BadInput(
                f"{path.name}: its header calls {n} {told}, the scheme {by} calls it {named}: "
                "leave --scheme out, or give --names FILE.csv"
            )


def _structure_of(path: Path) -> str:
    """The structure that a single mask is called after."""
    name = canonical(stem(path))
    if is_known(name):
        return name
    raise BadInput(
        f"{path.name}: holds one number, and nobody says which structure it is; call the file like it "
        "(vertebrae_T12.nii.gz), or give --names FILE.csv with its number and name"
    )


def _require_scheme_fits(labels: LabelMap, ct: Volume, by: str, path: Path) -> None:
    """Refuse numbers that would name lungs in bone and bone in soft tissue, where another scheme fits.

    Raises:
        BadInput: the scheme that fits is named.
    """
    if by not in NUMBERED or ct.meaning != "HU":
        return
    odd = _misfits(labels, ct)
    if len(odd) < 2:
        return
    others = {
        name: len(_misfits(LabelMap(labels.volume, scheme(name)), ct)) for name in NUMBERED if name != by
    }
    least = min(others.values())
    fit = [name for name, misfits in others.items() if misfits == least]
    if 3 * least <= len(odd):
        give = f"give --scheme {fit[0]}" if len(fit) == 1 else "ask who made it, give that one with --scheme"
        raise BadInput(
            f"{path.name}: numbered as {by} its parts do not fit the scan ({'; '.join(odd[:3])}), as "
            f"{' and as '.join(fit)} they do: {give}, or --names FILE.csv"
        )


def _misfits(labels: LabelMap, ct: Volume) -> list[str]:
    """Structures that read as what they cannot be, in words."""
    air, bone = number("images.aerated_HU"), number("images.bone_min_HU")
    soft = number("images.soft_tissue_max_HU")
    odd = []
    for name in labels.present():
        box = labels.box(name)
        inside = ct.array[box][labels.volume.array[box] == labels.values[name]][::8]
        if inside.size < 8:
            continue
        middle, bright = np.percentile(inside, [50, 95])
        kind, aerated = kind_of(name), name.startswith(("lung_", "trachea"))
        if (aerated and middle > air) or (not aerated and kind != "bowel" and middle < air):
            odd.append(f"{name} reads {middle:.0f} HU")
        elif kind == "bone" and bright < bone:
            odd.append(f"{name} holds nothing brighter than {bright:.0f} HU")
        elif (
            kind in ("organ", None)
            and not name.startswith(_ENHANCING)
            and middle > soft
            and bright > 2 * soft
        ):
            odd.append(f"{name} reads {middle:.0f} HU")
    return odd


NUMBERED = ("totalsegmentator", "totalsegmentator_v1", "verse")
# organs that contrast makes as bright as bone
_ENHANCING = ("kidney_left", "kidney_right", "urinary_bladder", "gallbladder", "spleen")
