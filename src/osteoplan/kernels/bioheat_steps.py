"""One explicit step of ``bioheat``, row by row of k; a row is written by one thread only.

    e      J/m3 above blood temperature over the unfrozen heat capacity: kelvin where nothing melts or boils
    A, B   of the temperature T = A + B: integrals of the unfrozen and of the frozen share from the upper end
           of the band, so that k A + k_frozen B is Kirchhoff's potential of a material
    flux   h (A_j - A_i) + h_frozen (B_j - B_i) through a face, h harmonic of both cells

All arrays have one cell more on every side, with faces that let nothing through.
Tests: tests/analytic/test_bioheat.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from osteoplan.kernels.damage import arrhenius_step, cem43_step
from osteoplan.kernels.simd import fill, lanes, load, store

__all__ = [
    "BOIL", "NEVER", "STEAM", "cold_box", "copy_rim", "enthalpies", "exchange", "hold_probe", "joules",
    "look", "reflux", "settle", "stir", "stirs_near_a_side", "survey", "take",
]  # fmt: skip

NEVER = np.int64(2**62)  # step at which a row that has not frozen froze
BOIL, STEAM = 100.0, 102.0  # degC between which tissue takes up its heat of boiling
LANES = lanes(np.float32)
FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def one(u, x, m, by, t):  # type: ignore[no-untyped-def]
    """W/m3 that come to cell m of flat arrays from the cells ``by`` before and after it."""
    return u[m - by] * (x[m - by] - t) + u[m] * (x[m + by] - t)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def many(u, x, m, by, t):  # type: ignore[no-untyped-def]
    """The same of cell m and those after it, as a vector."""
    return load(u, m - by) * (load(x, m - by) - t) + load(u, m) * (load(x, m + by) - t)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def stir(  # type: ignore[no-untyped-def]
    first, last, region, hole, now, dt, blood, A, B, An, Bn, e, gain, W, q, faces, frozen_faces, cold,
    fixed_at, fixed, thermal, band, dried, taken_up,
):  # fmt: skip
    """An, Bn, e of rows i in first..last of a region less a hole, after dt seconds.

    region, hole: (6,) first and last + 1 of i, j, k.
    fixed: k of cells that keep their T, by row from fixed_at.
    taken_up: (ni, nj) J/m3 summed along a row that blood brought.
    """
    nj, nk = e.shape[1], e.shape[2]
    plane, zero = nj * nk, np.float32(0.0)
    # one axis each: a slice of every row would cost more than the row
    a, b, an, bn, er, g = A.ravel(), B.ravel(), An.ravel(), Bn.ravel(), e.ravel(), gain.ravel()
    w, s = W.ravel(), q.ravel()
    ux, uy, uz = faces[0].ravel(), faces[1].ravel(), faces[2].ravel()
    fx, fy, fz = frozen_faces[0].ravel(), frozen_faces[1].ravel(), frozen_faces[2].ravel()
    melt, ratio, boil = thermal[0].ravel(), thermal[1].ravel(), thermal[2].ravel()
    lane = np.empty(LANES, np.float32)
    step, arrives, none = fill(a, dt), fill(a, blood), fill(a, zero)
    for i in range(first, last):
        for j in range(region[2], region[3]):
            through = hole[0] <= i < hole[1] and hole[2] <= j < hole[3]
            is_cold = (
                cold[i, j] < now or cold[i - 1, j] < now or cold[i + 1, j] < now or cold[i, j - 1] < now
                or cold[i, j + 1] < now
            )  # fmt: skip
            row = i * plane + j * nk
            for part in range(2 if through else 1):
                low = row + (hole[5] if part == 1 else region[4])
                high = row + (hole[4] if through and part == 0 else region[5])
                if high <= low:
                    continue
                wide = high - (high - low) % LANES
                blood_in, beyond = zero, 0
                if is_cold:
                    for m in range(low, wide, LANES):
                        t, v = load(a, m), load(b, m)
                        flux = many(ux, a, m, plane, t) + many(uy, a, m, nk, t) + many(uz, a, m, 1, t)
                        flux = flux + many(fx, b, m, plane, v) + many(fy, b, m, nk, v) + many(fz, b, m, 1, v)
                        store(er, m, load(er, m) + step * load(g, m) * (flux + load(s, m)))
                    for m in range(wide, high):
                        t, v = a[m], b[m]
                        flow = one(ux, a, m, plane, t) + one(uy, a, m, nk, t) + one(uz, a, m, 1, t)
                        flow += one(fx, b, m, plane, v) + one(fy, b, m, nk, v) + one(fz, b, m, 1, v)
                        er[m] += dt * g[m] * (flow + s[m])
                    for m in range(low, high):
                        p = w[m] * (blood - a[m]) if b[m] >= zero else zero
                        blood_in += p
                        er[m] += dt * g[m] * p
                    beyond = 1
                else:
                    brought = none
                    for m in range(low, wide, LANES):
                        t = load(a, m)
                        flux = many(ux, a, m, plane, t) + many(uy, a, m, nk, t) + many(uz, a, m, 1, t)
                        perfused = load(w, m) * (arrives - t)
                        brought = brought + perfused
                        x = load(er, m) + step * load(g, m) * (flux + perfused + load(s, m))
                        store(er, m, x)
                        store(an, m, arrives + x)
                    store(lane, 0, brought)
                    for m in range(LANES):
                        blood_in += lane[m]
                    for m in range(wide, high):
                        t = a[m]
                        flow = one(ux, a, m, plane, t) + one(uy, a, m, nk, t) + one(uz, a, m, 1, t)
                        p = w[m] * (blood - t)
                        blood_in += p
                        er[m] += dt * g[m] * (flow + p + s[m])
                        an[m] = blood + er[m]
                    for m in range(low, high):
                        beyond += (an[m] < band[1]) | (an[m] > np.float32(BOIL))
                taken_up[i, j] += np.float64(dt) * np.float64(blood_in)
                if beyond and settle(low, high, an, bn, er, melt, ratio, boil, blood, band, dried):
                    cold[i, j] = min(cold[i, j], now)
                for n in range(fixed_at[i, j], fixed_at[i, j + 1]):
                    m = row + fixed[n]
                    if low <= m < high:
                        an[m], bn[m] = a[m], b[m]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def settle(low, high, a, b, e, melt, ratio, boil, blood, band, dried):  # type: ignore[no-untyped-def]
    """A and B from e of cells low to high of flat arrays; True where the band begins or is passed."""
    below, above = band[0], band[1]
    wide = above - below
    start = above - blood
    half = np.float32(0.5) / wide
    zero = np.float32(0.0)
    frozen, boils = 0, 0
    for m in range(low, high):
        x = e[m]
        y = min(x - start, zero)  # into the band
        inside = max(y, -melt[m] * wide)
        t = max(x, start) + blood + inside / melt[m] + (y - inside) * ratio[m]
        s = min(max(above - t, zero), wide)
        v = -s * s * half - max(below - t, zero)
        b[m] = v
        a[m] = t - v
        frozen += v < zero
        boils += t > np.float32(BOIL)
    if boils:
        for m in range(low, high):
            x = e[m] - (np.float32(BOIL) - blood)
            if x > zero:
                gap = np.float32(STEAM - BOIL)
                steep = (boil[m] + gap) / gap
                t = np.float32(BOIL) + min(x / steep, gap)
                a[m] = t + max(x - steep * gap, zero) * dried
    return frozen > 0


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def temperature_of(a, b, dried):  # type: ignore[no-untyped-def]
    """Temperature [degC] of A and B; dried tissue conducts less, and A counts only that."""
    return a + b if a <= STEAM else np.float32(STEAM) + (a - np.float32(STEAM)) / dried


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def look(first, last, region, seconds, A, B, W, T, T_max, T_min, minutes, omega, sets, enough, dried):  # type: ignore[no-untyped-def]
    """Take the temperatures over, extremes and damage since the last look; the dead are not perfused."""
    low, high = region[4], region[5]
    new = np.empty(high - low, np.float32)
    for i in range(first, last):
        for j in range(region[2], region[3]):
            a, b, old = A[i, j, low:high], B[i, j, low:high], T[i - 1, j - 1, low - 1 : high - 1]
            warm = 0
            for k in range(len(new)):
                new[k] = temperature_of(a[k], b[k], dried)
                warm += (new[k] > np.float32(39.0)) | (old[k] > np.float32(39.0))
            for k in range(len(new) if warm else 0):
                if max(new[k], old[k]) <= np.float32(39.0):
                    continue
                x, y, z = i - 1, j - 1, low - 1 + k
                minutes[x, y, z] += cem43_step(np.float64(old[k]), np.float64(new[k]), seconds)
                for n in range(len(sets)):
                    omega[n, x, y, z] += arrhenius_step(
                        np.float64(old[k]), np.float64(new[k]), seconds, sets[n, 0], sets[n, 1]
                    )
                if minutes[x, y, z] > enough:
                    W[i, j, low + k] = np.float32(0.0)
            old[:] = new
            most, least = T_max[i - 1, j - 1, low - 1 : high - 1], T_min[i - 1, j - 1, low - 1 : high - 1]
            for k in range(len(new)):
                most[k] = max(most[k], new[k])
                least[k] = min(least[k], new[k])


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def joules(first, last, e, c, keeps, sums):  # type: ignore[no-untyped-def]
    """sums[i, n]: J/m3 above blood temperature of row i + 1; n: free cells, held ones, gas."""
    for i in range(first, last):
        for j in range(1, e.shape[1] - 1):
            er, cr, row = e[i + 1, j], c[i + 1, j], keeps[i + 1, j]
            free, held, gas = 0.0, 0.0, 0.0
            for k in range(len(er)):
                x = np.float64(er[k]) * cr[k]
                free += x if row[k] == 0 else 0.0
                held += x if row[k] == 1 else 0.0
                gas += x if row[k] == 2 else 0.0
            sums[i, 0] += free
            sums[i, 1] += held
            sums[i, 2] += gas


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def take(first, last, heat, keeps, q, sums, rows):  # type: ignore[no-untyped-def]
    """Copy a source to q where cells are free.

    sums[i]: of row i.  rows[i]: its first and last + 1 of j and k in q that are not 0.
    """
    for i in range(first, last):
        for j in range(heat.shape[1]):
            given, row, kept = heat[i, j], q[i + 1, j + 1, 1:-1], keeps[i + 1, j + 1, 1:-1]
            found, some = 0.0, 0
            for k in range(len(row)):
                x = np.float32(0.0) if kept[k] else np.float32(given[k])
                row[k] = x
                found += np.float64(x)
                some += x != np.float32(0.0)
            if some:
                sums[i] += found
                low, high = 0, len(row)
                while row[low] == np.float32(0.0):
                    low += 1
                while row[high - 1] == np.float32(0.0):
                    high -= 1
                _widen(rows[i], j + 1, low + 1, high + 1)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def survey(first, last, region, A, B, An, Bn, blood, still, now, cold, rows):  # type: ignore[no-untyped-def]
    """Start a run: An, Bn as A, B; ``cold`` of frozen rows.

    rows[i]: first and last + 1 of j and k that are not still.
    """
    start, end = region[4], region[5]
    for n in range(first, last):
        i = region[0] + n
        for j in range(region[2], region[3]):
            a, b = A[i, j, start:end], B[i, j, start:end]
            An[i, j, start:end] = a
            Bn[i, j, start:end] = b
            frozen, moving = 0, 0
            for k in range(len(a)):
                frozen += b[k] < np.float32(0.0)
                moving += abs(a[k] + b[k] - blood) > still
            if frozen:
                cold[i, j] = now
            if moving:
                low, high = 0, len(a)
                while not abs(a[low] + b[low] - blood) > still:
                    low += 1
                while not abs(a[high - 1] + b[high - 1] - blood) > still:
                    high -= 1
                _widen(rows[n], j, start + low, start + high)


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(row, j, low, high):  # type: ignore[no-untyped-def]
    if row[1] == 0:
        row[0], row[1], row[2], row[3] = j, j + 1, low, high
    row[0], row[1] = min(row[0], j), max(row[1], j + 1)
    row[2], row[3] = min(row[2], low), max(row[3], high)


@njit(cache=True, nogil=True, error_model="numpy")
def cold_box(region, B, cold, box):  # type: ignore[no-untyped-def]
    """Widen box (6,) so that it holds every cell of the region with a frozen share."""
    for i in range(region[0], region[1]):
        for j in range(region[2], region[3]):
            if cold[i, j] == NEVER:
                continue
            for k in range(region[4], region[5]):
                if B[i, j, k] < np.float32(0.0):
                    box[0], box[1] = min(box[0], i), max(box[1], i + 1)
                    box[2], box[3] = min(box[2], j), max(box[3], j + 1)
                    box[4], box[5] = min(box[4], k), max(box[5], k + 1)


@njit(cache=True, nogil=True, error_model="numpy")
def stirs_near_a_side(window, whole, A, B, blood, still):  # type: ignore[no-untyped-def]
    """Whether a cell within two of a side of the window, where that is no side of the whole, is not still."""
    for side in range(6):
        axis, upper = side // 2, side % 2
        if window[side] == whole[side]:
            continue
        span = window.copy()
        if upper:
            span[2 * axis] = max(window[side] - 2, window[2 * axis])
        else:
            span[2 * axis + 1] = min(window[side] + 2, window[2 * axis + 1])
        for i in range(span[0], span[1]):
            for j in range(span[2], span[3]):
                for k in range(span[4], span[5]):
                    if abs(A[i, j, k] + B[i, j, k] - blood) > still:
                        return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _sides(box, side):  # type: ignore[no-untyped-def]
    """Of one face of a box: ranges of the cells inside of it, and the way to the cell outside."""
    span = box.copy()
    axis, upper = side // 2, side % 2
    at = box[2 * axis + 1] - 1 if upper else box[2 * axis]
    span[2 * axis], span[2 * axis + 1] = at, at + 1
    way = 1 if upper else -1
    return span, (way if axis == 0 else 0), (way if axis == 1 else 0), (way if axis == 2 else 0)


@njit(cache=True, nogil=True, error_model="numpy")
def exchange(box, dt, A, B, faces, frozen_faces, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` the J/m3 that leave a box through its faces, side by side, in dt seconds."""
    n = 0
    for side in range(6):
        span, x, y, z = _sides(box, side)
        u, f = faces[side // 2], frozen_faces[side // 2]
        a, b, c = min(x, 0), min(y, 0), min(z, 0)  # a face belongs to the cell before it
        for i in range(span[0], span[1]):
            for j in range(span[2], span[3]):
                for k in range(span[4], span[5]):
                    flow = u[i + a, j + b, k + c] * (A[i, j, k] - A[i + x, j + y, k + z])
                    flow += f[i + a, j + b, k + c] * (B[i, j, k] - B[i + x, j + y, k + z])
                    out[n] += dt * flow
                    n += 1


@njit(cache=True, nogil=True, error_model="numpy")
def reflux(  # type: ignore[no-untyped-def]
    box, dt, A, B, An, Bn, e, gain, faces, frozen_faces, out, free, cold, now, thermal, blood, band, dried
):
    """Give the cells around a box what left it (``out``) in place of what their long step took."""
    out *= -1.0
    exchange(box, dt, A, B, faces, frozen_faces, out)
    an, bn, er = An.ravel(), Bn.ravel(), e.ravel()
    melt, ratio, boil = thermal[0].ravel(), thermal[1].ravel(), thermal[2].ravel()
    n = 0
    for side in range(6):
        span, x, y, z = _sides(box, side)
        for i in range(span[0], span[1]):
            for j in range(span[2], span[3]):
                for k in range(span[4], span[5]):
                    a, b, c = i + x, j + y, k + z
                    m = (a * e.shape[1] + b) * e.shape[2] + c
                    e[a, b, c] -= np.float32(gain[a, b, c] * out[n])
                    n += 1
                    if free[a, b, c] and settle(m, m + 1, an, bn, er, melt, ratio, boil, blood, band, dried):
                        cold[a, b] = min(cold[a, b], now)


@njit(cache=True, nogil=True, error_model="numpy")
def copy_rim(box, A, B, An, Bn):  # type: ignore[no-untyped-def]
    """An, Bn of the cells around a box as A, B are."""
    for side in range(6):
        span, x, y, z = _sides(box, side)
        for i in range(span[0], span[1]):
            for j in range(span[2], span[3]):
                for k in range(span[4], span[5]):
                    An[i + x, j + y, k + z] = A[i + x, j + y, k + z]
                    Bn[i + x, j + y, k + z] = B[i + x, j + y, k + z]


@njit(cache=True, nogil=True, error_model="numpy")
def enthalpy_of(t, melt, ratio, boil, blood, band):  # type: ignore[no-untyped-def]
    """The e of a temperature [degC]; at the two ends of boiling, of the tissue that is wettest."""
    if t >= band[1]:
        x = t - blood
        if t > BOIL:
            x += boil * min((t - BOIL) / (STEAM - BOIL), 1.0)
        return x
    x = band[1] - blood + (max(t, band[0]) - band[1]) * melt
    return x + min(t - band[0], 0.0) / ratio


@njit(cache=True, nogil=True, error_model="numpy")
def enthalpies(T, melt, ratio, boil, blood, band, e):  # type: ignore[no-untyped-def]
    """The e of every cell of flat arrays."""
    for n in range(T.size):
        e[n] = enthalpy_of(T[n], melt[n], ratio[n], boil[n], blood, band)


@njit(cache=True, nogil=True, error_model="numpy")
def _split(t, band):  # type: ignore[no-untyped-def]
    s = min(max(band[1] - t, 0.0), band[1] - band[0])
    b = -s * s / (2.0 * (band[1] - band[0])) - max(band[0] - t, 0.0)
    return t - b, b


@njit(cache=True, nogil=True, error_model="numpy")
def _where(potential, k, frozen, band):  # type: ignore[no-untyped-def]
    """The temperature with k A + k_frozen B = potential."""
    wide = band[1] - band[0]
    if potential >= k * band[1]:
        return potential / k
    if potential >= k * band[1] - 0.5 * (k + frozen) * wide:
        # k (above - s) - (frozen - k) s^2 / (2 wide) = potential, s below the upper end
        drop, bend = k * band[1] - potential, (frozen - k) / wide
        return band[1] - (2.0 * drop) / (k + np.sqrt(max(k * k + 2.0 * bend * drop, 0.0)))
    return band[0] - (k * band[1] - 0.5 * (k + frozen) * wide - potential) / frozen


@njit(cache=True, nogil=True, error_model="numpy")
def _set_core(wall, core, weight, bump, sections, A, B, e, thermal, blood, band, heat_J, write):  # type: ignore[no-untyped-def]
    """J that a probe takes where its wall is so cold; ``write`` sets the cells too."""
    melt, ratio, boil = thermal
    taken = 0.0
    wall_a, wall_b = _split(wall, band)
    for n in range(len(core)):
        i, j, k, at = core[n]
        potential, ku, kf = sections[at]
        there = ku * wall_a + kf * wall_b
        t = _where(there + (potential - there) * weight[n] + bump[n], ku, kf, band)
        x = enthalpy_of(t, melt[i, j, k], ratio[i, j, k], boil[i, j, k], blood, band)
        x32 = np.float32(x)
        taken += heat_J[n] * (np.float64(e[i, j, k]) - np.float64(x32))
        if write:
            e[i, j, k] = x32
            a, b = _split(t, band)
            A[i, j, k], B[i, j, k] = a, b
    return taken


@njit(cache=True, nogil=True, error_model="numpy")
def hold_probe(  # type: ignore[no-untyped-def]
    wall,
    most_J,
    core,
    weight,
    bump,
    heat_J,
    ring,
    k,
    k_frozen,
    sections,
    A,
    B,
    e,
    cold,
    now,
    thermal,
    blood,
    band,
):
    """Set the cells within a probe's ring to the logarithmic profile between its wall and its ring.

    core: (n, 4) cell and section along the probe; weight: ln(r / a) / ln(ring / a).
    bump: W/m by which a source inside the ring lifts Kirchhoff's potential there.
    heat_J: J per kelvin of e.
    ring: (m, 4) the same.  sections: (s, 3) room for potential and conductivities of the ring.

    Returns:
        J that the probe took away, at most most_J of them, and the wall temperature at which it did.
    """
    sections[:] = 0.0
    count = np.zeros(len(sections))
    warmest = -1e9
    for n in range(len(ring)):
        i, j, m, at = ring[n]
        ku, kf = np.float64(k[i, j, m]), np.float64(k_frozen[i, j, m])
        sections[at, 0] += ku * A[i, j, m] + kf * B[i, j, m]
        sections[at, 1] += ku
        sections[at, 2] += kf
        count[at] += 1.0
        warmest = max(warmest, np.float64(A[i, j, m] + B[i, j, m]))
    for at in range(len(sections)):
        sections[at] /= count[at]
    taken = _set_core(wall, core, weight, bump, sections, A, B, e, thermal, blood, band, heat_J, False)
    if abs(taken) > most_J:
        sign = 1.0 if taken > 0.0 else -1.0
        low, high = wall, warmest + sign * 1.0
        for _ in range(40):
            middle = 0.5 * (low + high)
            taken = _set_core(
                middle, core, weight, bump, sections, A, B, e, thermal, blood, band, heat_J, False
            )
            if sign * taken > most_J:
                low = middle
            else:
                high = middle
        wall = high
    taken = _set_core(wall, core, weight, bump, sections, A, B, e, thermal, blood, band, heat_J, True)
    for n in range(len(core)):
        i, j, m, at = core[n]
        if B[i, j, m] < np.float32(0.0) and cold[i, j] == NEVER:
            cold[i, j] = now
    return taken, wall
