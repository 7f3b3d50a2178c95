"""One series as a volume: sorted by geometry, in HU, with what was found about its acquisition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.arrays import F64, Array
from osteoplan.errors import BadInput, OnStep, UnknownName
from osteoplan.io.dicom.acquisitions import joined
from osteoplan.io.dicom.archive import files_at
from osteoplan.io.dicom.child import in_child
from osteoplan.io.dicom.decode import Decoder
from osteoplan.io.dicom.header import Slice
from osteoplan.io.dicom.limits import Limits, limits
from osteoplan.io.dicom.scan import INDEX, Scan, scan
from osteoplan.io.dicom.series import SeriesCandidate, SeriesFound, candidates, others, singly, summary
from osteoplan.io.dicom.steps import rescale_problem
from osteoplan.io.dicom.straight import straightened
from osteoplan.model.acquisition import Acquisition
from osteoplan.model.volume import Meaning, Volume

__all__ = ["DicomImage", "read_series"]


@dataclass(frozen=True, eq=False)
class DicomImage:
    """An image read from DICOM.

    Attributes:
        volume: HU for CT, "MR" for MR; int16 where the rescale is whole numbers, else float32.
        acquisition: what is known of how it was taken; nothing that names a person.
        notes: what was repaired, left out or is unusual, in sentences.
    """

    volume: Volume
    acquisition: Acquisition
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Parsed:
    """What comes back from the child: (k, j, i) values, and the affine, which may lean."""

    values: Array
    affine: F64
    tilt_deg: float
    acquisition: Acquisition
    notes: tuple[str, ...]


def read_series(
    path: Path, *, series: str | None = None, straighten: bool = False, on_step: OnStep | None = None
) -> DicomImage:
    """Read one series from a folder, a zip archive or a multi-frame file.

    Args:
        path: what the user points at.
        series: pseudonym of the series (or its beginning); None takes the only usable CT.
        straighten: resample a stack that leans (gantry tilt) onto a straight grid.
        on_step: told ``(files done, share)``; returns False to stop.

    Returns:
        Slices in the order of their places along the normal, so that the grid is right-handed.

    Raises:
        BadInput: no usable series, several of them, or one that is refused; the sentence tells which and why.
        UnknownName: no series of that pseudonym.
        Cancelled: ``on_step`` returned False.
    """
    bound = limits()
    parsed = in_child(
        _parse, Path(path), series, straighten, bound,
        memory_MB=bound.child_memory_MB, seconds=bound.child_time_s, on_step=on_step,
    )  # fmt: skip
    acquisition, notes = parsed.acquisition, parsed.notes
    values, affine = parsed.values.transpose(2, 1, 0), parsed.affine
    if parsed.tilt_deg:
        outside = int(bound.outside_scan_HU) if acquisition.modality == "CT" else 0
        values, affine = straightened(values, affine, outside)
        repair = (
            f"a gantry tilt of {parsed.tilt_deg:.1f} degrees was straightened: each slice was moved within "
            f"its plane by linear interpolation, and {outside} was written where the grid exceeds the scan"
        )
        notes = (*notes, repair)
        acquisition = replace(acquisition, repaired=(*acquisition.repaired, repair))
    meaning: Meaning = "HU" if acquisition.modality == "CT" else "MR"
    frame = acquisition.frame or f"frame-of-{acquisition.series}"
    return DicomImage(Volume(values, affine, meaning, frame), acquisition, notes)


# --- in the child --------------------------------------------------------------------------------------


def _parse(
    path: Path, series: str | None, straighten: bool, bound: Limits, on_step: OnStep | None = None
) -> _Parsed:
    files = files_at(path, bound)
    seen = scan(files, on_step)
    every = candidates(seen, files)
    chosen = _chosen(path, every, others(seen), series)
    stack, found = chosen.stack, chosen.found
    if found.verdict in ("refused", "aside") or (stack.tilt_deg and not straighten):
        raise BadInput(f"{path}: series {summary(found)} is not used: {found.reason}")
    kept = [chosen.slices[n] for n in stack.order]
    decoder = Decoder(files, seen.pixels)
    values = _values(kept, decoder, on_step)
    decoder.close()
    notes = [*_notes(chosen, every, bound), *_left_out(chosen, every, seen)]
    if found.modality == "CT" and (problem := rescale_problem(kept, values, bound)):
        raise BadInput(f"{path}: series {summary(found)} is not used: {problem}")
    repaired = chosen.repairs
    acquisition = replace(_acquisition(kept, found.frame), repaired=repaired)
    first = kept[0].thickness_mm
    if first is not None and all(s.thickness_mm == first for s in kept) and 0 < first < 1e3:
        acquisition = replace(acquisition, slice_thickness_mm=first)
    return _Parsed(values, stack.affine, stack.tilt_deg, acquisition, (*repaired, *notes))


def _chosen(
    path: Path, every: list[SeriesCandidate], rest: list[SeriesFound], series: str | None
) -> SeriesCandidate:
    """The series that is meant; never a guess between two."""
    if series is not None:
        matching = [c for c in every if c.found.series.startswith(series) and c.found.verdict != "aside"]
        if len(matching) == 1:
            return matching[0]
        known = [c.found.series for c in every if c.found.verdict != "aside"]
        raise UnknownName("series", series, known, str(path))
    for verdict in ("usable", "repairable"):
        fitting = [c for c in every if c.found.verdict == verdict and c.found.modality == "CT"]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            listed = "; ".join(summary(c.found) for c in fitting)
            raise BadInput(f"{path}: {len(fitting)} CT series could be meant; choose with --series: {listed}")
    refused = [c for c in every if c.found.modality == "CT" and c.found.verdict == "refused"]
    if refused:
        told = "; ".join(f"{summary(c.found)}: {c.found.reason}" for c in refused[:5])
        raise BadInput(f"{path}: no CT series can be used: {told}")
    there = [c.found for c in every] + rest
    told = "; ".join(
        f"{f.files} file(s) of {f.modality or 'no modality'}, {f.reason or f.verdict}" for f in there[:5]
    )
    raise BadInput(f"{path}: no CT series is there ({told or 'no images at all'}); give the folder of the CT")


def _values(kept: Sequence[Slice], decoder: Decoder, on_step: OnStep | None) -> Array:
    """(k, rows, columns) values; int16 as long as every slice fits, float32 from the first that does not."""
    rows, columns, _ = kept[0].header.shape
    whole = all(x.is_integer() for s in kept for x in s.rescale)
    values: Array = np.empty((len(kept), rows, columns), np.int16 if whole else np.float32)
    for k, one in enumerate(kept):
        slope, intercept = one.rescale
        stored = decoder.stored(one)
        if values.dtype == np.int16:
            scaled = stored.astype(np.int64 if stored.itemsize > 2 else np.int32) * int(slope) + int(
                intercept
            )
            if scaled.min() < -32768 or scaled.max() > 32767:
                values = values.astype(np.float32)
            values[k] = scaled
        else:
            values[k] = stored * np.float64(slope) + intercept
        if on_step is not None and k % 25 == 0:
            on_step(k + 1, (k + 1) / len(kept))
    return values


def _acquisition(kept: Sequence[Slice], frame: str) -> Acquisition:
    """The facts in which all slices agree."""

    def agreed(name: str) -> Any:
        values = {_fact(one, name) for one in kept}
        return values.pop() if len(values) == 1 else None

    head = kept[0].header
    words = {name: agreed(name) for name in _AGREED}
    return Acquisition(modality=head.modality, frame=frame, study=head.study, series=head.series, **words)


def _fact(one: Slice, name: str) -> Any:
    return getattr(one if hasattr(one, name) else one.header, name)


def _left_out(chosen: SeriesCandidate, every: list[SeriesCandidate], seen: Scan) -> list[str]:
    """A note where the stack may be a slice short at its end: within it a gap is refused."""
    damaged = seen.rest["DICOM with a damaged header"]
    lost = [one for one in seen.asides if one.series in ("", chosen.found.series) and one.reason != INDEX]
    damaged += len(lost)
    said = []
    if damaged:
        said.append(f"{damaged} file(s) beside the scan are damaged or cut off")
    count, strays = len(chosen.stack.order), 0
    for other in every:
        if other is chosen or other.found.frame != chosen.found.frame:
            continue
        for one in other.slices:
            if one.position_mm is not None:
                i, j, k, _ = np.linalg.solve(chosen.stack.affine, [*one.position_mm, 1.0])
                strays += max(abs(i), abs(j), min(abs(k + 1), abs(k - count))) < 0.1
    if strays:
        said.append(f"{strays} slice(s) that would continue the scan lie in another series")
    return [f"{one}: if they belong to it, its end is missing" for one in said]


_AGREED = ("kvp", "kernel", "contrast", "position", "manufacturer", "model")


def _notes(chosen: SeriesCandidate, every: list[SeriesCandidate], bound: Limits) -> list[str]:
    slices, notes = chosen.slices, []
    words = {"kvp": "tube voltage", "kernel": "kernel", "contrast": "contrast", "model": "scanner"}
    for name, word in words.items():
        if len({_fact(s, name) for s in slices}) > 1:
            notes.append(f"the slices disagree about the {word}, which is therefore unknown")
    notes += joined(singly(slices, chosen.stack), bound)
    if any(s.header.lossy for s in slices):
        notes.append("the images were compressed with loss: small differences in HU are not to be trusted")
    if not slices[0].header.frame:
        notes.append(
            "the series names no frame of reference: nothing drawn on it can be matched by its frame"
        )
    paddings = {s.header.padding for s in slices} - {None}
    if paddings and chosen.found.modality == "CT":
        marks = {p * s.rescale[0] + s.rescale[1] for s in slices if (p := s.header.padding) is not None}
        notes.append(
            "the header marks " + ", ".join(f"{m:.0f}" for m in sorted(marks)) + " HU as padding, not air"
        )
    thickness, height = slices[0].thickness_mm, (chosen.found.spacing_mm or (0, 0, 0))[2]
    if thickness and 0 < thickness < height * (1 - bound.unscanned_gap_pct / 100):
        notes.append(
            f"the slices are {thickness:.2f} mm thick but {height:.2f} mm apart: "
            "what lies between was not scanned"
        )
    for other in every:
        if other is not chosen and other.found.series == chosen.found.series:
            notes.append(f"{other.found.files} files of the same series were set aside: {other.found.reason}")
    return notes
