"""How the numbers of a scan become density, of a stated kind, with what is not known about it.

density = c0 + c1 h + c2 h^2            h: image value; density [mg/cm3]
sd^2    = g^T C g + residual^2          g = (1, h, h^2), C: covariance of (c0, c1, c2)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput

__all__ = ["Calibration", "CalibrationKind", "Covariance", "DensityKind", "ReferenceRegion", "covariance_of"]

CalibrationKind = Literal["phantom", "internal", "fixed", "density"]
DensityKind = Literal["K2HPO4", "HA", "ash", "app"]
Coefficients = tuple[float, float, float]
Covariance = tuple[Coefficients, Coefficients, Coefficients]

_NONE: Coefficients = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class ReferenceRegion:
    """One rod or tissue that was measured in the scan.

    Attributes:
        name: of the rod or tissue.
        voxels: how many were averaged.
        mean_HU, sd_HU: of the voxels.
        reference: what it is known to be; None where the method has no number for it.
        unit: of the reference.
        used: False where it was measured and left out; ``note`` says why.
        at_mm: (3,) LPS position of the middle, where it is one place.
    """

    name: str
    voxels: int
    mean_HU: float
    sd_HU: float
    reference: float | None = None
    unit: str = "mg/cm3"
    used: bool = True
    note: str = ""
    at_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Calibration:
    """The line or parabola from image values to density, and its uncertainty.

    Attributes:
        kind: ``phantom``, ``internal``, ``fixed`` (a prior for the tube voltage) or ``density`` (the image is
            density already).
        coefficients: c0 [mg/cm3], c1 [mg/cm3 per image unit], c2 [mg/cm3 per image unit squared].
        covariance: of the coefficients, in full precision.
        calibrated: False forces the banner *uncalibrated* and ratios only.
        kvp: tube voltage, where known.
        cite, status: where the numbers come from.
        density_kind: what the density is the density of; a law takes one kind and refuses the others.
        method: how the coefficients were found.
        residual_sd: scatter of the reference regions about the fit [mg/cm3].
        notes: sentences that must stand beside the result.
        points: rods or tissues that were measured.
    """

    kind: CalibrationKind
    coefficients: Coefficients
    covariance: Covariance
    calibrated: bool
    kvp: float | None = None
    cite: tuple[str, ...] = ()
    status: str = "unverified"
    density_kind: DensityKind = "K2HPO4"
    method: str = ""
    residual_sd: float = 0.0
    notes: tuple[str, ...] = ()
    points: tuple[ReferenceRegion, ...] = ()

    @classmethod
    def line(
        cls,
        kind: CalibrationKind,
        slope: float,
        intercept: float,
        slope_sd: float,
        intercept_sd: float,
        *,
        calibrated: bool,
        **rest: Any,
    ) -> Calibration:
        """A straight line whose two numbers err independently."""
        covariance = ((intercept_sd**2, 0.0, 0.0), (0.0, slope_sd**2, 0.0), _NONE)
        return cls(kind, (intercept, slope, 0.0), covariance, calibrated, **rest)

    @property
    def slope(self) -> float:
        """[mg/cm3 per image unit] at an image value of 0."""
        return self.coefficients[1]

    @property
    def intercept(self) -> float:
        """Density [mg/cm3] of an image value of 0."""
        return self.coefficients[0]

    @property
    def slope_sd(self) -> float:
        """One standard deviation of the slope at 0."""
        return float(np.sqrt(self.covariance[1][1]))

    @property
    def intercept_sd(self) -> float:
        """One standard deviation of the intercept [mg/cm3]."""
        return float(np.sqrt(self.covariance[0][0]))

    def density(self, image: F64) -> F64:
        """Density [mg/cm3], of ``density_kind``, of image values."""
        c0, c1, c2 = self.coefficients
        return c1 * image + c0 if c2 == 0.0 else (c2 * image + c1) * image + c0

    def density_as(self, kind: DensityKind, image: F64) -> F64:
        """The same, where a density of that kind is meant.

        Raises:
            BadInput: this calibration gives another density.
        """
        if kind != self.density_kind:
            raise BadInput(
                f"this calibration gives {self.density_kind} density where {kind} is needed: calibrate with "
                "images.calibration in case.yaml to that one, or name a tube voltage so that it is converted"
            )
        return self.density(image)

    def sd(self, image: F64) -> F64:
        """One standard deviation [mg/cm3] of the density of image values that carry no noise of their own."""
        image = np.asarray(image, dtype=np.float64)
        g = np.stack([np.ones_like(image), image, image * image], axis=-1)
        variance = np.einsum("...i,ij,...j->...", g, np.array(self.covariance), g)
        sd: F64 = np.sqrt(np.maximum(variance, 0.0) + self.residual_sd**2)
        return sd

    def draws(self, z: F64) -> tuple[Calibration, ...]:
        """Calibrations that could be true, with the covariance of this one.

        Args:
            z: (n, 3) standard normal numbers, for slope, intercept and bend in that order.
        """
        factor = _root(np.array(self.covariance)[np.ix_(_ORDER, _ORDER)])
        sampled = np.array(self.coefficients)[_ORDER] + z @ factor.T
        return tuple(
            replace(self, coefficients=(c0, c1, c2), covariance=(_NONE, _NONE, _NONE), residual_sd=0.0)
            for c1, c0, c2 in sampled.tolist()
        )

    def scaled(self, factor: float, offset: float, kind: DensityKind) -> Calibration:
        """Another density: offset + factor * this one [mg/cm3]."""
        c0, c1, c2 = (factor * c for c in self.coefficients)
        return replace(
            self, coefficients=(c0 + offset, c1, c2), density_kind=kind,
            covariance=covariance_of(factor**2 * np.array(self.covariance)),
            residual_sd=abs(factor) * self.residual_sd,
        )  # fmt: skip

    def record(self) -> dict[str, Any]:
        """Plain mapping for JSON; numbers keep all their digits."""
        return asdict(self)


def covariance_of(matrix: F64) -> Covariance:
    """A (3, 3) array as rows of plain numbers."""
    rows = [(float(a), float(b), float(c)) for a, b, c in matrix]
    return rows[0], rows[1], rows[2]


_ORDER = [1, 0, 2]  # slope first: it matters most


def _root(covariance: F64) -> F64:
    """(3, 3) lower L with L L^T = covariance; a direction without variance gets a zero column (Cholesky)."""
    L = np.zeros((3, 3))
    for j in range(3):
        left = covariance[j, j] - (L[j, :j] ** 2).sum()
        if left <= 1e-12 * covariance[j, j]:
            continue
        L[j, j] = np.sqrt(left)
        L[j + 1 :, j] = (covariance[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return L
