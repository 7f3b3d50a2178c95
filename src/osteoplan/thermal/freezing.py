"""Cryoprobes: walls that are cooled, as cold as their gas and their power to take heat away allow.

Both ends of what a probe can do are uncertain (``Applicator.wall_degC``, ``cooling_W``); nobody's best
figure stands for it.  A duty below 1 takes the wall and the power back in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence

from osteoplan.arrays import F32, Point
from osteoplan.errors import BadInput
from osteoplan.kernels.bioheat import LineProbe
from osteoplan.knowledge.applicators import Applicator
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.deliver import Driven
from osteoplan.thermal.shaft import active_ends, on_grid_indices
from osteoplan.thermal.tissue import quantile

__all__ = ["Cryo"]


class Cryo:
    """Cryoprobes that run together.

    Args:
        wall, cooling: quantiles of what the probes can do; 1 is the warmer wall, and the higher power.

    Raises:
        BadInput: nothing is known of the probe's wall.
    """

    control_s = 5.0
    notes: tuple[str, ...] = ()

    def __init__(
        self, grid: Volume, applicator: Applicator, probes: Sequence[tuple[Point, Point]], *,
        body_degC: float, wall: float = 0.5, cooling: float = 0.5,
    ) -> None:  # fmt: skip
        if applicator.wall_degC is None:
            raise BadInput(f"{applicator.name}: how cold its wall gets is not known; enter wall_degC")
        self.body, self.ramp_s = body_degC, applicator.ramp_s
        self.wall = quantile(applicator.wall_degC, wall)
        self.power = None if applicator.cooling_W is None else quantile(applicator.cooling_W, cooling)
        self.radius = 0.5 * applicator.diameter_mm
        self.ends = [
            tuple(on_grid_indices(grid, end) for end in active_ends(applicator, tip, entry))
            for tip, entry in probes
        ]

    def act(self, T: F32, into_s: float, segment: Segment) -> Driven:
        """Walls at what the ramp has reached; a set temperature is that of the wall."""
        goal = self.wall if segment.set_degC is None else segment.set_degC
        ramp = min(1.0, (into_s + self.control_s) / self.ramp_s) if self.ramp_s > 0.0 else 1.0
        wall = self.body + (goal - self.body) * ramp * segment.duty
        power = None if self.power is None else self.power * segment.duty
        return Driven(None, tuple(LineProbe(a, b, self.radius, wall, power) for a, b in self.ends))
