"""The root of the command line: one app, exit statuses, and what every command shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

import osteoplan
from osteoplan.arrays import Point
from osteoplan.errors import BadInput

if TYPE_CHECKING:
    from osteoplan.mechanics.existing_metal import ExistingMetal
    from osteoplan.model.spot import Spot
    from osteoplan.workflow.settings import PlanSettings

__all__ = [
    "BAD_INPUT", "DONE", "INCOMPLETE", "OUR_BUG", "USE", "Coordinates", "Force", "Json", "PlanOptions",
    "app", "numbers", "spot", "triple",
]  # fmt: skip

USE = "Research use only. Not a medical device. Not for diagnosis or treatment of patients."
DONE, OUR_BUG, BAD_INPUT, INCOMPLETE = 0, 1, 2, 3

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document on stdout.")]
Force = Annotated[bool, Parameter(negative=(), help="Replace a different result that is already there.")]
# A list of coordinates may start with a minus sign.
Coordinates = Annotated[str | None, Parameter(allow_leading_hyphen=True)]

app = App(
    name="osteoplan",
    help=f"Compared, patient-specific plans for ablation and stabilisation of bone tumours. {USE}",
    version=f"osteoplan {osteoplan.__version__} - {USE}",
    result_action="return_value",
)


@Parameter(name="*")
@dataclass(frozen=True)
class PlanOptions:
    """What a plan is made with.

    Parameters
    ----------
    lesion
        id of the lesion (default: the target)
    draws
        worlds sampled for the intervals
    spacing
        edge of the finite-element voxels [mm]
    seed
        of every random stream
    existing_metal
        whether metal that the scan shows already carries load
    scenario
        what treatment did to the bone of the lesion: nothing, killed it months ago, or removed it
    bond
        of cement to bone: full, or through a softer layer
    """

    lesion: str | None = None
    draws: int = 200
    spacing: float = 1.5
    seed: int = 1
    existing_metal: Literal["left-out", "bonded"] = "left-out"
    scenario: Literal["none", "killed", "removed"] = "none"
    bond: Literal["full", "layer"] = "full"

    def settings(self) -> PlanSettings:
        """The same as settings of a plan, checked."""
        from osteoplan.workflow.settings import PlanSettings

        if not 0.25 <= self.spacing <= 3.0:
            raise BadInput(
                f"--spacing {self.spacing} mm is outside 0.25 to 3 mm: the material laws were fitted at 1 to "
                "3 mm"
            )
        if not 10 <= self.draws <= 100_000:
            raise BadInput(
                f"--draws {self.draws} is outside 10 to 100000: an interval needs at least 10 worlds"
            )
        metal: ExistingMetal = "bonded" if self.existing_metal == "bonded" else "left out"
        return PlanSettings(self.lesion, self.spacing, self.draws, self.seed, metal, self.scenario, self.bond)


def triple(text: str, name: str) -> Point:
    """``"1,2,3"`` -> three numbers."""
    x, y, z = numbers(text, 3, name)
    return x, y, z


def spot(text: str, name: str, more: int = 0) -> tuple[Spot, list[float]]:
    """``"ijk:40,60,12"``, ``"ras:..."``, ``"lps:..."`` or plain LPS -> the point, and numbers after it."""
    from osteoplan.model.spot import Spot

    system, colon, rest = text.rpartition(":")
    count = system.strip().lower() if colon else "lps"
    if count not in ("lps", "ras", "ijk"):
        raise BadInput(f"{name} {text}: '{system}' is no system of coordinates; write lps:, ras: or ijk:")
    x, y, z, *after = numbers(rest, 3 + more, name)
    return Spot((x, y, z), count), after  # type: ignore[arg-type]


def numbers(text: str, count: int, name: str) -> list[float]:
    """``"1,2,3"`` -> numbers."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise BadInput(f"{name} takes {count} numbers with commas between, got '{text}'")
    return numbers
