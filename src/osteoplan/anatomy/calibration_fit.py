"""From measured rods and tissues to the calibration curve, with the covariance of its coefficients.

    rods of one density     h = a rho + b                        rho = (h - b) / a
    rods of salt in water   h - rho_water = sigma rho + beta     rho = (h - beta_CT) / sigma_CT
                            sigma_CT = sigma - 0.2174, beta_CT = beta + 999.6
    tissues, straight line  rho = c0 + c1 h
    tissues, physics        E* = argmax over E of R2(h, mu/rho(E));  mu/rho = s1 h + i1;
                            rho_arch = (h/1000 + 1) (mu/rho)_water / (mu/rho) = s2 h + i2;
                            f = (s1 h + i1 - TG) / (K2HPO4 - TG);  rho = 1000 (s2 h + i2) f

Few rods say little about their own scatter: their covariance, with f degrees of freedom, is widened by
(t_f / z)^2 at 90 %, so that normal draws cover as often as they claim.  Tissues take stated uncertainties.

The physics form is the published one, and it is not exact.  On scans computed from the same attenuation
tables at 60, 70 and 80 keV it finds 87.5, 92 and 95.5 keV, and reads 200 mg/cm3 of K2HPO4 in water as 148,
137 and 127; water itself reads as 30 to 40.  Its uncertainty holds that (``physics_model_sd_relative``).

Sources: Mindways QCT Pro guide and Michalski 2020, both as coded in Ogo; Eggermont 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from osteoplan.arrays import F64, Indices
from osteoplan.errors import BadInput
from osteoplan.knowledge.attenuation import mass_attenuation
from osteoplan.knowledge.values import number
from osteoplan.model.calibration import Covariance, covariance_of
from osteoplan.provenance import rng

__all__ = [
    "Curve", "accepted", "fit_line", "fit_physics", "fit_rods", "fit_rods_in_water", "plain", "widening",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Curve:
    """(3,) coefficients c0, c1, c2, their (3, 3) covariance, R2 and residual sd [mg/cm3] of the fit.

    Attributes:
        energy_keV: best effective energy, lowest and highest likely one; None where the method has none.
    """

    coefficients: F64
    covariance: F64
    r2: float
    residual_sd: float
    energy_keV: tuple[float, float, float] | None = None


def fit_rods(mean_HU: npt.ArrayLike, density_mg_cm3: npt.ArrayLike) -> Curve:
    """Rods whose CT number is a straight line of their density; three or more."""
    fit = _regression(np.asarray(density_mg_cm3, dtype=np.float64), np.asarray(mean_HU, dtype=np.float64))
    return _inverted(fit, fit.slope, fit.intercept)


def fit_rods_in_water(
    mean_HU: npt.ArrayLike, density_mg_cm3: npt.ArrayLike, water_mg_cm3: npt.ArrayLike
) -> Curve:
    """Rods of K2HPO4 in water, by the two constants of the phantom's maker; three or more."""
    above_water = np.asarray(mean_HU, dtype=np.float64) - np.asarray(water_mg_cm3, dtype=np.float64)
    fit = _regression(np.asarray(density_mg_cm3, dtype=np.float64), above_water)
    sigma_CT = fit.slope + number("calibration.mindways_slope_shift")
    beta_CT = fit.intercept + number("calibration.mindways_intercept_shift_HU")
    return _inverted(fit, sigma_CT, beta_CT)


def fit_line(mean_HU: npt.ArrayLike, density_mg_cm3: npt.ArrayLike, sd_mg_cm3: npt.ArrayLike) -> Curve:
    """Tissues of known density on one straight line; three or more.

    Args:
        sd_mg_cm3: how uncertain each reference is for this patient, 1 sd.  Where the tissues scatter more
            about the line than that, all of it is widened to their scatter.
    """
    x = np.asarray(mean_HU, dtype=np.float64)
    y, sd = np.asarray(density_mg_cm3, dtype=np.float64), np.asarray(sd_mg_cm3, dtype=np.float64)
    fit = _regression(x, y)
    excess = float((((y - fit.intercept - fit.slope * x) / sd) ** 2).sum()) / (x.size - 2)
    pull = np.linalg.pinv(np.stack([np.ones_like(x), x], axis=1))
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = max(1.0, excess) * (pull * sd**2) @ pull.T
    return Curve(np.array([fit.intercept, fit.slope, 0.0]), covariance, fit.r2, fit.sd)


def fit_physics(
    mean_HU: Mapping[str, float], sd_HU: Mapping[str, float], *, samples: int | None = None
) -> Curve:
    """Tissues of known composition: the effective energy that explains them, and density by two materials.

    Args:
        mean_HU: tissue (adipose, air, blood, bone, muscle; any three or more) -> CT number.
        sd_HU: tissue -> how well that CT number stands for the reference tissue, 1 sd.

    The covariance holds the flat optimum (energies within ``energy_r2_drop``), the scatter of the tissues
    about both regressions, and ``sd_HU``.
    """
    names = sorted(mean_HU)
    h = np.array([mean_HU[name] for name in names])
    energies = _energies()
    mu, salts = mass_attenuation(names, energies), mass_attenuation(_SALTS, energies)
    r2 = _r2(h, mu)
    best = int(np.argmax(r2))
    likely = np.flatnonzero(r2 >= r2[best] - number("calibration.energy_r2_drop"))
    if likely[0] == 0 or likely[-1] == energies.size - 1:
        raise BadInput(
            f"the effective energy cannot be told from {', '.join(names)}: the fit is as good at a limit of "
            "the search; air is needed, so give the whole scan, or use {kind: fixed, kvp: N}"
        )
    central = _physics(h, mu[best], salts[best])
    n = int(samples if samples is not None else number("calibration.propagation_samples"))
    covariance = _sampled(h, np.array([sd_HU[name] for name in names]), mu, salts, best, likely, n)
    span = float(energies[best]), float(energies[likely[0]]), float(energies[likely[-1]])
    scatter = _residual_mg(h, mu[best], salts[best], central)
    return Curve(central, covariance, float(r2[best]), scatter, span)


def plain(curve: Curve, relative_sd: float) -> tuple[tuple[float, float, float], Covariance]:
    """Coefficients and covariance as plain numbers, with an error common to the whole curve added."""
    c = curve.coefficients
    covariance = covariance_of(curve.covariance + relative_sd**2 * np.outer(c, c))
    return (float(c[0]), float(c[1]), float(c[2])), covariance


def widening(freedom: int) -> float:
    """What a variance from ``freedom`` degrees of freedom is multiplied with, so that 90 % means 90 %."""
    return float((stdtrit(freedom, 0.95) / ndtri(0.95)) ** 2)


_SALTS = ("water", "k2hpo4", "triglyceride")


@dataclass(frozen=True, eq=False)
class _Fit:
    """y = intercept + slope x; covariance of (slope, intercept), widened; scatter of y."""

    slope: float
    intercept: float
    covariance: F64
    r2: float
    sd: float


def _regression(x: F64, y: F64) -> _Fit:
    if x.size < 3 or np.ptp(x) == 0.0:
        raise BadInput(f"a calibration needs three or more different reference regions, {x.size} are given")
    design = np.stack([x, np.ones_like(x)], axis=1)
    (slope, intercept), *_ = np.linalg.lstsq(design, y, rcond=None)
    left = y - design @ (slope, intercept)
    variance = float(left @ left) / (x.size - 2)
    total = float(((y - y.mean()) ** 2).sum())
    r2 = 1.0 - float(left @ left) / total if total > 0.0 else 0.0
    covariance = widening(x.size - 2) * variance * np.linalg.inv(design.T @ design)
    return _Fit(float(slope), float(intercept), covariance, r2, float(np.sqrt(variance)))


def _inverted(fit: _Fit, a: float, b: float) -> Curve:
    """h = a rho + b turned round; a and b carry the covariance of the fit's slope and intercept."""
    if a <= 0.0:
        raise BadInput(
            "the rods get darker as they get denser: they are in the wrong order; "
            "point at them in the phantom's order"
        )
    jacobian = np.array([[b / a**2, -1.0 / a], [-1.0 / a**2, 0.0]])
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = jacobian @ fit.covariance @ jacobian.T
    return Curve(np.array([-b / a, 1.0 / a, 0.0]), covariance, fit.r2, fit.sd / a)


def _energies() -> F64:
    low, high, step = (number(f"calibration.energy_{key}_keV") for key in ("low", "high", "step"))
    return np.arange(low, high + step / 2, step)


def _r2(h: F64, mu: F64) -> F64:
    """(n_energies,) squared correlation of CT number and mass attenuation."""
    x, y = h - h.mean(), mu - mu.mean(axis=1, keepdims=True)
    squared: F64 = (y @ x) ** 2 / ((x @ x) * (y * y).sum(axis=1))
    return squared


def _physics(h: F64, mu: F64, salts: F64) -> F64:
    """(..., 3) coefficients from (..., n) CT numbers and mass attenuations; salts: (..., 3)."""
    line1 = _line(h, mu)
    line2 = _line(h, (h / 1000.0 + 1.0) * salts[..., :1] / mu)
    return _parabola(line1, line2, salts)


def _parabola(line1: F64, line2: F64, salts: F64) -> F64:
    """1000 (s2 h + i2) (s1 h + i1 - TG) / (K - TG) as a polynomial in h."""
    s1, i1 = line1[..., 0], line1[..., 1]
    s2, i2 = line2[..., 0], line2[..., 1]
    salt, fat = salts[..., 1], salts[..., 2]
    c = np.stack([i2 * (i1 - fat), s1 * i2 + s2 * (i1 - fat), s1 * s2], axis=-1)
    return 1000.0 * c / (salt - fat)[..., None]


def _line(x: F64, y: F64) -> F64:
    """(..., 2) slope and intercept of y over x, along the last axis."""
    dx = x - x.mean(axis=-1, keepdims=True)
    slope = (dx * y).sum(axis=-1) / (dx * dx).sum(axis=-1)
    return np.stack([slope, y.mean(axis=-1) - slope * x.mean(axis=-1)], axis=-1)


def _sampled(h: F64, sd: F64, mu: F64, salts: F64, best: int, likely: Indices, n: int) -> F64:
    """(3, 3) covariance over likely energies, tissue CT numbers and both regressions."""
    # numerics of an integral, the same for every patient; patients are drawn from its covariance later
    stream = rng(0, "calibration", "propagation")
    at = likely[stream.integers(likely.size, size=n)]
    tissues = h + sd * stream.standard_normal((n, h.size))
    root = _regression_root(h, mu[best], salts[best])
    errors = (stream.standard_normal((n, root.shape[0])) @ root.T).reshape(n, 2, 2)
    line1 = _line(tissues, mu[at]) + errors[:, 0]
    line2 = _line(tissues, (tissues / 1000.0 + 1.0) * salts[at, :1] / mu[at]) + errors[:, 1]
    return np.cov(_parabola(line1, line2, salts[at]), rowvar=False)


def _regression_root(h: F64, mu: F64, salts: F64) -> F64:
    """(4, 4) root of the covariance of (s1, i1, s2, i2): one design, two responses with common scatter."""
    density = (h / 1000.0 + 1.0) * salts[0] / mu
    design = np.stack([h, np.ones_like(h)], axis=1)
    left = np.stack([y - design @ np.linalg.lstsq(design, y, rcond=None)[0] for y in (mu, density)])
    scatter = left @ left.T / (h.size - 2)
    covariance = np.kron(scatter, np.linalg.inv(design.T @ design))
    values, vectors = np.linalg.eigh(covariance)
    root: F64 = vectors * np.sqrt(np.maximum(values, 0.0))
    return root


def _residual_mg(h: F64, mu: F64, salts: F64, curve: F64) -> float:
    """Scatter [mg/cm3] of the tissues' own two-material density about the curve."""
    own = 1000.0 * (h / 1000.0 + 1.0) * salts[0] / mu * (mu - salts[2]) / (salts[1] - salts[2])
    left = own - (curve[0] + curve[1] * h + curve[2] * h * h)
    soft = np.abs(h) < 300.0  # air has no mass to be wrong about, and cortex is far from what is used
    return float(np.sqrt((left[soft] ** 2).mean())) if soft.any() else 0.0


def accepted(curve: Curve, *, what: str, residual_max: float, names: Sequence[str]) -> None:
    """Say no to a fit that does not hold.

    Raises:
        BadInput: R2 or scatter beyond the limits of ``knowledge``.
    """
    r2_min = number("calibration.fit_r2_min")
    if curve.r2 >= r2_min and curve.residual_sd <= residual_max:
        return
    raise BadInput(
        f"{what} ({', '.join(names)}) does not fit: R2 {curve.r2:.4f} (at least {r2_min:g} is asked), "
        f"scatter {curve.residual_sd:.1f} mg/cm3 (at most {residual_max:g}); point at the regions "
        "again, or use {kind: fixed, kvp: N}"
    )
