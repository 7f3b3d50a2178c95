"""What others saw happen, asked of the VerSe 004 L2 vertebra: a lesion, cement in it, and what presses on it.

    lesion    ball of 11 mm about the middle of the body (16.6 % of it)
    core      cement in its inner half; column: cement from endplate to endplate; full: cement in all of it
    disc      the caps as soft as a disc instead of cement

The stiffnesses of an independent code (10 442 intact, 7 992 lesion, 8 061 core, 17 243 full) come out to four
digits with 1 MPa in the lesion and 2500 MPa for cement: both are inferred from those numbers, not told with
them.  The column of that code (14 381) is not described; ours has a radius of 5 mm.  These are not the values
that a plan uses (``knowledge/data/materials``): they are here to meet the published numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from osteoplan.kernels.elasticity import Bricks, brick_stiffness, effective_strain, element_energy
from osteoplan.knowledge.materials import material
from osteoplan.mechanics.published_vertebrae import L2_LABELS, Load, Potted, solve, stiffness, verse_l2

__all__ = ["L2States"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

LESION_MM, COLUMN_MM = 11.0, 5.0
LESION_MPa, CEMENT_MPa = 1.0, 2500.0  # inferred from the published numbers
DISC_MPa = 8.0  # PMC3415303
SMALL_MM, ASIDE_MM = 8.0, 6.0  # a lesion of about 6.4 % of the body, and how far it is moved


@dataclass(frozen=True, eq=False)
class L2States:
    """The vertebra in its states; each is solved when it is asked for, once.

    Attributes:
        potted: the intact vertebra between its caps.
        body: (ni, nj, nk) of the vertebral body.
    """

    potted: Potted
    body: Bool

    @classmethod
    def of(cls, load: Load) -> L2States:
        """From the two files of the vertebra.

        Raises:
            NotAvailable: they are not at hand.
        """
        return cls(verse_l2(load, shift=0), np.isin(load(L2_LABELS), (1, 2)))

    @cached_property
    def stiffness(self) -> Mapping[str, float]:
        """Stiffness [N/mm] of intact, lesion, core, column and full."""
        ball = self.ball(LESION_MM)
        sick = np.where(ball, LESION_MPa, self.potted.E)
        states = {
            "intact": self.potted.E,
            "lesion": sick,
            "core": np.where(self.ball(LESION_MM * 0.5 ** (1 / 3)), CEMENT_MPa, sick),
            "column": np.where(self._column(), CEMENT_MPa, sick),
            "full": np.where(ball, CEMENT_MPa, sick),
        }
        return {name: self._stiffness(E) for name, E in states.items()}

    @cached_property
    def small_lesions(self) -> Mapping[str, float]:
        """Stiffness [N/mm] with a lesion of 8 mm in the middle, to a side, and to either end of the body."""
        places = {"middle": (0, 0, 0), "side": (1, 0, 0), "one end": (0, 1, 0), "other end": (0, -1, 0)}
        return {
            name: self._stiffness(
                np.where(self.ball(SMALL_MM, ASIDE_MM * np.array(at)), LESION_MPa, self.potted.E)
            )
            for name, at in places.items()
        }

    def share(self, ball: Bool) -> float:
        """Of the body."""
        return float(ball.sum() / self.body.sum())

    def ball(self, radius_mm: float, aside_mm: npt.ArrayLike = (0, 0, 0)) -> Bool:
        """(ni, nj, nk) of the body within a radius of its middle."""
        away = self._from_middle() - np.asarray(aside_mm)
        return np.asarray((np.linalg.norm(away, axis=-1) <= radius_mm) & self.body)

    def load_at_failure(self, cap_MPa: float) -> float:
        """Load [N] at which 2 % of the body pass 0.7 % effective strain, between caps of that modulus."""
        caps = self.potted.superior | self.potted.inferior
        E = np.where(caps, cap_MPa, self.potted.E)
        K, found, mesh = solve(replace(self.potted, E=E), clamped=False)
        energy = element_energy(mesh, brick_stiffness((1.0, 1.0, 1.0), 0.3), found.displacement_mm)
        strain = effective_strain(energy, 1.0)[self._body_of(mesh)]
        volume, limit = (
            float(material(f"vertebra_compression.pistoia_{key}").value or 0.0)
            for key in ("volume_fraction", "strain")
        )
        return K * limit / float(np.quantile(strain, 1.0 - volume))

    def _stiffness(self, E: F64) -> float:
        return stiffness(replace(self.potted, E=E), clamped=False)

    def _body_of(self, mesh: Bricks) -> Bool:
        at: Bool = mesh.of_box(self.body)
        return at

    def _column(self) -> Bool:
        away = self._from_middle()
        return np.asarray((np.hypot(away[..., 0], away[..., 1]) <= COLUMN_MM) & self.body)

    def _from_middle(self) -> F64:
        middle = np.argwhere(self.body).mean(axis=0)
        away: F64 = np.moveaxis(np.indices(self.body.shape), 0, -1) - middle
        return away
