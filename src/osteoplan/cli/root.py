"""The root of the command line: one app, exit statuses, and what every command shares."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

import osteoplan
from osteoplan.errors import BadInput

__all__ = [
    "BAD_INPUT", "DONE", "INCOMPLETE", "OUR_BUG", "USE", "BondAsked", "Coordinates", "Force", "Json", "Metal",
    "ScenarioAsked", "Triple", "app", "numbers", "plan_settings", "triple",
]  # fmt: skip

USE = "Research use only. Not a medical device. Not for diagnosis or treatment of patients."
DONE, OUR_BUG, BAD_INPUT, INCOMPLETE = 0, 1, 2, 3

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document on stdout.")]
Force = Annotated[bool, Parameter(negative=(), help="Replace a different result that is already there.")]
# A list of coordinates may start with a minus sign.
Coordinates = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Triple = tuple[float, float, float]
Metal = Literal["left-out", "bonded"]
ScenarioAsked = Literal["none", "killed", "removed"]
BondAsked = Literal["full", "layer"]

app = App(
    name="osteoplan",
    help=f"Compared, patient-specific plans for ablation and stabilisation of bone tumours. {USE}",
    version=f"osteoplan {osteoplan.__version__} - {USE}",
    result_action="return_value",
)


def plan_settings(
    lesion: str | None, draws: int, spacing: float, seed: int, *, existing_metal: str = "left-out",
    scenario: str = "none", bond: str = "full",
) -> Any:  # fmt: skip
    """What a plan is made with, checked."""
    from osteoplan.workflow.settings import PlanSettings

    if not 0.25 <= spacing <= 3.0:
        raise BadInput(
            f"--spacing {spacing} mm is outside 0.25 to 3 mm: the material laws were fitted at 1 to 3 mm"
        )
    metal: Any = existing_metal.replace("-", " ")
    asked: dict[str, Any] = {"existing_metal": metal, "scenario": scenario, "bond": bond}
    return PlanSettings(lesion, spacing, _positive(draws, "--draws"), seed, **asked)


def _positive(value: int, name: str) -> int:
    if not 10 <= value <= 100_000:
        raise BadInput(f"{name} {value} is outside 10 to 100000: an interval needs at least 10 worlds")
    return value


def triple(text: str, name: str) -> Triple:
    """``"1,2,3"`` -> three numbers."""
    x, y, z = numbers(text, 3, name)
    return x, y, z


def numbers(text: str, count: int, name: str) -> list[float]:
    """``"1,2,3"`` -> numbers."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise BadInput(f"{name} takes {count} numbers with commas between, got '{text}'")
    return numbers
