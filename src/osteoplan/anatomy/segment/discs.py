"""Discs of a straightened spine: where they lie along it, and how they tilt forward.

Along the spine the middle of the bodies is bright at endplates and darker in discs, and pedicles stand beside
the canal at the upper half of a body.  Both are put on one scale (local mean and spread over a vertebra's
length) and subtracted.  Discs follow each other at a vertebra's pitch, which changes little from one to the
next: the best chain is found by dynamic programming, and each disc is then placed and tilted so that it lies
between the two brightest plates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F32, F64, Mask

__all__ = ["BEHIND_MM", "LEFT_MM", "Discs", "find_discs"]

# The grid of the straightened spine about the canal, one voxel per millimetre.
LEFT_MM: F64 = np.arange(-55.0, 56.0)
BEHIND_MM: F64 = np.arange(-60.0, 66.0)
_TANGENTS: F64 = np.tan(np.radians(np.arange(-30.0, 31.0, 5.0)))
_SCALE_MM = 41  # over which brightness is judged: somewhat more than a vertebra
_CORE_MM = 9.0  # radius of the column through the bodies
_MISFIT = 0.6  # what a disc must be worth at least
_LINK = 0.8  # what another disc in the chain costs


@dataclass(frozen=True, eq=False)
class Discs:
    """Discs from below upwards.

    Attributes:
        heights: (n,) index along the spine at the body's middle.
        tilts: (n,) tangent of the forward tilt: height gained per millimetre to behind.
        pitch: median distance between neighbours [mm].
        body_mm: how far behind the canal the middle of the bodies lies; negative, in front.
    """

    heights: F64
    tilts: F64
    pitch: float
    body_mm: float


def find_discs(values: F32, pitch_mm: tuple[float, float], body_mm: float) -> Discs | None:
    """Discs of a straightened spine (left, behind, along); None where fewer than two are seen.

    Args:
        values: HU on the grid of ``LEFT_MM`` and ``BEHIND_MM``.
        pitch_mm: smallest and largest distance between neighbouring discs.
        body_mm: where the middle of the bodies is expected behind the canal; negative, in front.
    """
    score, tilts = _score(values, body_mm)
    inside = _in_patient(values)
    if inside.sum() < pitch_mm[0]:
        return None
    heights = _chain(score - _MISFIT, inside, int(pitch_mm[0]), int(pitch_mm[1]))
    if len(heights) < 2:
        return None
    pitch = float(np.median(np.diff(heights)))
    placed = [_placed(values, height, tilts[height], pitch, body_mm) for height in heights]
    found = np.array(placed)
    return Discs(found[:, 0], found[:, 1], pitch, body_mm)


def _score(values: F32, body_mm: float) -> tuple[F64, F64]:
    """(n,) how disc-like each height is, and the tangent of the tilt at which plates are sharpest there."""
    columns, lever = _body_columns(
        ndimage.gaussian_filter(np.clip(values, -100, 700), 1.0), body_mm, _CORE_MM, 3
    )
    profiles = np.array([_sheared(columns, lever, tangent).mean(axis=0) for tangent in _TANGENTS])
    sharp = np.abs(profiles - ndimage.uniform_filter1d(profiles, 11, axis=1))
    best = ndimage.uniform_filter1d(sharp, 13, axis=1).argmax(axis=0)
    bright = ndimage.uniform_filter1d(profiles, 11, axis=1)[best, np.arange(profiles.shape[1])]
    beside = (np.abs(LEFT_MM)[:, None] >= 8) & (np.abs(LEFT_MM)[:, None] <= 18)
    pedicles = np.clip(values, 0, 400)[beside & (BEHIND_MM >= -8) & (BEHIND_MM <= 2)].mean(axis=0)
    plates = _standardised(ndimage.gaussian_filter1d(bright, 1.5))
    return plates - _standardised(ndimage.gaussian_filter1d(pedicles, 2.0)), _TANGENTS[best]


def _standardised(profile: F64) -> F64:
    """Deviation from the local mean in units of the local spread."""
    away = profile - ndimage.uniform_filter1d(profile, _SCALE_MM, mode="nearest")
    spread: F64 = np.sqrt(ndimage.uniform_filter1d(away * away, _SCALE_MM, mode="nearest"))
    standardised: F64 = away / (spread + 1e-6)
    return standardised


def _body_columns(values: F32, body_mm: float, radius_mm: float, every: int) -> tuple[F64, F64]:
    """(m, n) values of columns through the bodies, and (m,) how far each lies behind the body's middle."""
    near = np.hypot(LEFT_MM[:, None], BEHIND_MM[None] - body_mm) < radius_mm
    at = np.argwhere(near)[::every]
    return values[at[:, 0], at[:, 1]].astype(np.float64), BEHIND_MM[at[:, 1]] - body_mm


def _sheared(columns: F64, lever: F64, tangent: float, at: F64 | None = None) -> F64:
    """Columns read along planes of that tilt."""
    n = columns.shape[1]
    heights = np.arange(n) if at is None else at
    source = np.clip(heights[None] + lever[:, None] * tangent, 0, n - 1.001)
    low = source.astype(np.intp)
    part = source - low
    return np.take_along_axis(columns, low, 1) * (1 - part) + np.take_along_axis(columns, low + 1, 1) * part


def _in_patient(values: F32) -> Mask:
    """Heights at which the scan holds the bodies."""
    middle = (np.abs(LEFT_MM) <= 5)[:, None] & (np.abs(BEHIND_MM + 8.0) <= 8)[None]  # body and canal
    inside: Mask = ndimage.binary_erosion(values[middle].mean(axis=0) > -90.0, iterations=2)
    return inside


def _chain(score: F64, inside: Mask, shortest: int, longest: int) -> list[int]:
    """Heights of the best chain of discs, from below upwards; its pitch changes gently."""
    n = len(score)
    first, last = (int(end) for end in np.flatnonzero(inside)[[0, -1]])
    best = np.full((n, longest + 1), -np.inf)
    came: dict[tuple[int, int], tuple[int, int]] = {}
    pitches = np.arange(shortest, longest + 1)
    for k in map(int, np.flatnonzero(inside)):
        if k - first < longest:
            best[k, shortest:] = score[k]
        for pitch in range(shortest, longest + 1):
            before = k - pitch
            if before < 0 or not inside[before]:
                continue
            candidates = best[before, shortest:] - ((pitches - pitch) / 4.0) ** 2
            m = int(np.argmax(candidates))
            value = candidates[m] + score[k] - _LINK
            if value > best[k, pitch]:
                best[k, pitch] = value
                came[k, pitch] = (before, int(pitches[m]))
    best[: max(first, last - longest + 1)] = -np.inf  # the chain must reach the top of the scan
    at, link = (int(x) for x in np.unravel_index(np.argmax(best), best.shape))
    chain = [at]
    while (at, link) in came:
        at, link = came[at, link]
        chain.append(at)
    return chain[::-1]


def _placed(values: F32, height: int, tilt: float, pitch: float, body_mm: float) -> tuple[float, float]:
    """Height and tilt at which the disc's plates are brightest and the disc between them darkest."""
    radius = float(np.clip(0.36 * pitch, 8.0, 13.0))
    columns, lever = _body_columns(
        ndimage.gaussian_filter(np.clip(values, -100, 700), 0.7), body_mm, radius, 2
    )
    window = np.arange(max(height - 18, 0), min(height + 19, values.shape[2]))
    best, found = -np.inf, (float(height), tilt)
    for tangent in _TANGENTS:
        profile = ndimage.gaussian_filter1d(
            _sheared(columns, lever, float(tangent), window.astype(np.float64)).mean(axis=0), 0.7
        )
        for centre in range(max(height - 8, window[0]), min(height + 9, window[-1] + 1)):
            value = _plates(profile, centre - int(window[0]), round(0.22 * pitch))
            value -= 1.5 * abs(centre - height) + 20.0 * abs(float(tangent))
            if value > best:
                best, found = value, (float(centre), float(tangent))
    return found


def _plates(profile: F64, centre: int, thickest: int) -> float:
    """How bright two plates about a place are, and how dark it is between them; the best thickness counts."""
    best = -np.inf
    for half in range(min(thickest, centre, len(profile) - 1 - centre) + 1):
        below, above = profile[centre - half], profile[centre + half]
        between = profile[centre - half : centre + half + 1].min()
        best = max(
            best, 0.5 * min(below, above) + 0.25 * (below + above) + 0.7 * (min(below, above) - between)
        )
    return best
