"""Which series lie in a folder or archive, and what each is good for; nothing is dropped in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from osteoplan.errors import OnStep
from osteoplan.io.dicom.acquisitions import interleaved
from osteoplan.io.dicom.archive import Files, files_at
from osteoplan.io.dicom.child import in_child
from osteoplan.io.dicom.geometry import Planes, Stack, stacked
from osteoplan.io.dicom.header import Slice
from osteoplan.io.dicom.limits import Limits, limits
from osteoplan.io.dicom.scan import Scan, scan

__all__ = [
    "SeriesCandidate", "SeriesFound", "Verdict", "candidates", "find_series", "others", "singly", "summary",
]  # fmt: skip

Verdict = Literal["usable", "repairable", "aside", "refused"]


@dataclass(frozen=True)
class SeriesFound:
    """One series, or the files that belong to none, and what they are good for.

    Attributes:
        series, study, frame: pseudonyms; "" where the header has none, and for files of no series.
        modality: DICOM's, e.g. ``CT``; "" for files of no series.
        files: how many.
        shape: voxels (i, j, k); None where it is no volume.
        spacing_mm: of the voxels.
        verdict: "usable" as it is; "repairable", the reason says how; "aside" is no scan; "refused" is one
            that cannot be used.
        reason: the sentence; "" where usable.
    """

    series: str
    study: str
    frame: str
    modality: str
    files: int
    shape: tuple[int, int, int] | None
    spacing_mm: tuple[float, float, float] | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, eq=False)
class SeriesCandidate:
    """An image series with its slices, how they stack, its verdict, and what is repaired unasked."""

    found: SeriesFound
    slices: tuple[Slice, ...]
    stack: Stack
    repairs: tuple[str, ...] = ()


def find_series(path: Path, *, on_step: OnStep | None = None) -> tuple[SeriesFound, ...]:
    """Every series below a folder, in a zip archive or in one file: usable ones first.

    Args:
        path: what the user points at; nothing below it is named in a sentence.
        on_step: told ``(files looked at, share)``; returns False to stop.

    Raises:
        BadInput: nothing is there, an archive or deflated file grows too far, memory or time is spent.
        Cancelled: ``on_step`` returned False.
    """
    bound = limits()
    return in_child(
        _find, Path(path), bound,
        memory_MB=bound.child_memory_MB, seconds=bound.child_time_s, on_step=on_step,
    )  # fmt: skip


def summary(found: SeriesFound) -> str:
    """One line about a series: pseudonym, modality, shape, spacing, files."""
    size = "x".join(map(str, found.shape)) if found.shape else "no volume"
    spacing = " at " + " x ".join(f"{s:.2f}" for s in found.spacing_mm) + " mm" if found.spacing_mm else ""
    facts = f"{found.modality or '?'}, {size}{spacing}, {found.files} files"
    return f"{found.series or 'without a series'} ({facts})"


# --- in the child --------------------------------------------------------------------------------------


def _find(path: Path, bound: Limits, on_step: OnStep | None = None) -> tuple[SeriesFound, ...]:
    files = files_at(path, bound)
    seen = scan(files, on_step)
    images = [candidate.found for candidate in candidates(seen, files)]
    rank = ("usable", "repairable", "refused", "aside")
    everything = images + others(seen)
    return tuple(
        sorted(everything, key=lambda f: (rank.index(f.verdict), f.modality != "CT", -f.files, f.series))
    )


def candidates(seen: Scan, files: Files) -> list[SeriesCandidate]:
    """The image series of a scan; scouts of a series stand by themselves."""
    groups: dict[tuple[str, str, str], list[Slice]] = {}
    for one in seen.slices:
        groups.setdefault((one.header.series, one.header.modality, one.header.kind), []).append(one)
    return [_judged(tuple(group), seen, files) for group in groups.values()]


def _judged(slices: tuple[Slice, ...], seen: Scan, files: Files) -> SeriesCandidate:
    head = slices[0].header
    empty = Stack((), (), np.eye(4), 0.0, "")
    aside = {
        "localizer": "a scout (localizer), not a scan",
        "projection": "a projection or rendering made from a scan (such as a MIP), not the scan itself",
    }.get(head.kind)
    if aside:
        return SeriesCandidate(_found(slices, empty, "aside", aside), slices, empty)
    problem = _problem(slices, seen, files.limits)
    stack = empty if problem else stacked(_planes(slices), files.limits)
    problem = problem or interleaved(singly(slices, stack), files.limits) or stack.problem
    if problem:
        lean = f"; also, the gantry was tilted by {stack.tilt_deg:.1f} degrees" if stack.tilt_deg else ""
        return SeriesCandidate(_found(slices, stack, "refused", problem + lean), slices, stack)
    same, repairs = _same_places(slices, stack, seen, files), _frames_repair(slices)
    if not same:
        reason = (
            f"{len(stack.copies)} positions hold slices that differ (several phases, echoes or "
            "reconstructions in one series): export one of them as a series of its own"
        )
        return SeriesCandidate(_found(slices, stack, "refused", reason), slices, stack)
    if stack.copies:
        extra = sum(len(place) - 1 for place in stack.copies)
        repairs.append(f"{extra} slices are there twice, pixel for pixel: one of each is taken")
    tilt = (
        f"the gantry was tilted by {stack.tilt_deg:.1f} degrees, so the slices make a leaning stack: "
        "give --straighten to have it resampled onto a straight grid, or export an untilted series"
    )
    reasons = repairs + ([tilt] if stack.tilt_deg else [])
    verdict: Verdict = "repairable" if reasons else "usable"
    return SeriesCandidate(_found(slices, stack, verdict, "; ".join(reasons)), slices, stack, tuple(repairs))


def singly(slices: Sequence[Slice], stack: Stack) -> list[Slice]:
    """The slices in the order of their places, without those that share a place."""
    shared = {n for place in stack.copies for n in place}
    return [slices[n] for n in stack.order if n not in shared]


def _found(slices: Sequence[Slice], stack: Stack, verdict: Verdict, reason: str) -> SeriesFound:
    head = slices[0].header
    shape = spacing = None
    if stack.order and not stack.problem:
        shape = (head.shape[1], head.shape[0], len(stack.order))
        edges = np.linalg.norm(stack.affine[:3, :3], axis=0)
        height = edges[2] * np.cos(np.radians(stack.tilt_deg))  # between the planes, not along the lean
        spacing = (float(edges[0]), float(edges[1]), float(height))
    files = len({s.header.file for s in slices})
    frame = head.frame if len({s.header.frame for s in slices}) == 1 else ""
    return SeriesFound(head.series, head.study, frame, head.modality, files, shape, spacing, verdict, reason)


def _planes(slices: Sequence[Slice]) -> Planes:
    return Planes(
        np.array([s.position_mm for s in slices], np.float64),
        np.array([s.cosines for s in slices], np.float64),
        np.array([s.spacing_mm for s in slices], np.float64),
    )


def _problem(slices: Sequence[Slice], seen: Scan, bound: Limits) -> str:
    """What is wrong with the slices before their places are looked at."""
    numbers = sorted({s.header.file for s in slices})
    for n, file in enumerate(numbers):
        if seen.pixels[file].problem:
            return (
                f"file {n + 1} of {len(numbers)} {seen.pixels[file].problem}: copy or export the series again"
            )
    placeless = sum(s.position_mm is None or s.cosines is None or s.spacing_mm is None for s in slices)
    if placeless:
        return (
            f"{placeless} of {len(slices)} slices have no position, orientation or pixel spacing, "
            "so they are no volume: give the series of the scan itself"
        )
    sizes = {s.header.shape[:2] for s in slices}
    if len(sizes) > 1:
        return f"the slices have {len(sizes)} different sizes: export each as a series of its own"
    rows, columns = next(iter(sizes))
    if rows * columns * len(slices) > bound.series_voxels_max:
        return (
            f"it has more than {bound.series_voxels_max:.0f} voxels, which is no examination: give one series"
        )
    frames = {s.header.frame for s in slices}
    if 1 < len(frames) < len(slices):
        return f"the slices are on {len(frames)} frames of reference: export each as a series of its own"
    return _value_problem(slices)


def _value_problem(slices: Sequence[Slice]) -> str:
    """Why the stored values do not become HU.  Bits and sign may differ: each slice is read by its own."""
    scales = [x for s in slices for x in (s.slope, s.intercept) if x is not None]
    # 16 bits times 16 bits fit where values are scaled
    if not (np.abs(scales) < 2**15).all() or any(s.slope == 0 for s in slices):
        return "the rescale slope or intercept is not a usable number: export the series again"
    if slices[0].header.modality != "CT":
        return ""
    if any(s.slope is None or s.intercept is None for s in slices):
        return (
            "the CT has no rescale slope and intercept, so its values are not known to be HU: export it again"
        )
    if any(s.unit != "HU" for s in slices):
        return (
            "the CT says that its values are not HU (rescale type): give the reconstruction in HU, "
            "not a spectral or material map"
        )
    return ""


def _frames_repair(slices: Sequence[Slice]) -> list[str]:
    if len({s.header.frame for s in slices}) == 1:
        return []
    return [
        "every slice names a frame of reference of its own (an anonymiser's mistake): they are taken as one, "
        "and nothing drawn on this series can be matched by its frame"
    ]


def _same_places(slices: Sequence[Slice], stack: Stack, seen: Scan, files: Files) -> bool:
    """Whether slices that share a place are the same, value for value."""
    from osteoplan.io.dicom.decode import Decoder

    decoder = Decoder(files, seen.pixels)
    for place in stack.copies:
        values = set()
        for n in place:
            pixels = decoder.stored(slices[n])
            values.add((hashlib.sha256(pixels.tobytes()).digest(), slices[n].slope, slices[n].intercept))
        if len(values) > 1:
            return False
    return True


def others(seen: Scan) -> list[SeriesFound]:
    """What is no image series: one entry for each series, and one for each kind of file without one."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for aside in seen.asides:
        key = (aside.series, aside.study, aside.modality, aside.reason)
        counts[key] = counts.get(key, 0) + 1
    found = [SeriesFound(s, t, "", m, n, None, None, "aside", why) for (s, t, m, why), n in counts.items()]
    for reason, n in seen.rest.items():
        verdict: Verdict = "refused" if "damaged" in reason else "aside"
        found.append(SeriesFound("", "", "", "", n, None, None, verdict, reason))
    return found
