"""Compared, patient-specific plans for bone tumours.  Research use only, not a medical device.

    import osteoplan

    result = osteoplan.plan("case1")                 # read, options, simulate, compare, explain
    osteoplan.write(result, "case1", out="case1/plan")

Importing this loads nothing heavy: a name is fetched from its room when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "plan": "osteoplan.workflow.plan",
    "write": "osteoplan.workflow.plan",
    "read": "osteoplan.workflow.read",
    "explain": "osteoplan.workflow.explain",
    "options": "osteoplan.workflow.options",
    "simulate": "osteoplan.workflow.simulate",
    "compare": "osteoplan.workflow.plan",
    "strength": "osteoplan.workflow.strength",
    "ways": "osteoplan.workflow.ways",
    "verify": "osteoplan.workflow.verify",
    "score": "osteoplan.pathway.scores",
    "verdicts": "osteoplan.pathway.rules",
    "solve_voxels": "osteoplan.mechanics.voxels.solve",
    "VoxelSolution": "osteoplan.mechanics.voxels.solve",
    "PlanSettings": "osteoplan.workflow.settings",
    "PlanResult": "osteoplan.model.result",
    "Reading": "osteoplan.model.result",
    "Explanation": "osteoplan.model.result",
    "Simulations": "osteoplan.model.result",
    "Comparison": "osteoplan.model.comparison",
    "Case": "osteoplan.model.case",
    "Lesion": "osteoplan.model.case",
    "Anatomy": "osteoplan.model.anatomy",
    "Findings": "osteoplan.model.findings",
    "Plan": "osteoplan.model.plan",
    "Option": "osteoplan.model.plan",
    "Step": "osteoplan.model.plan",
    "Effects": "osteoplan.model.effects",
    "Field": "osteoplan.model.field",
    "Volume": "osteoplan.model.volume",
    "Outcome": "osteoplan.model.outcome",
    "Estimate": "osteoplan.model.outcome",
    "Verdict": "osteoplan.model.evidence",
    "Stamp": "osteoplan.provenance",
    "OsteoplanError": "osteoplan.errors",
}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from osteoplan.errors import OsteoplanError as OsteoplanError
    from osteoplan.mechanics.voxels.solve import VoxelSolution as VoxelSolution
    from osteoplan.mechanics.voxels.solve import solve_voxels as solve_voxels
    from osteoplan.model.anatomy import Anatomy as Anatomy
    from osteoplan.model.case import Case as Case
    from osteoplan.model.case import Lesion as Lesion
    from osteoplan.model.comparison import Comparison as Comparison
    from osteoplan.model.effects import Effects as Effects
    from osteoplan.model.evidence import Verdict as Verdict
    from osteoplan.model.field import Field as Field
    from osteoplan.model.findings import Findings as Findings
    from osteoplan.model.outcome import Estimate as Estimate
    from osteoplan.model.outcome import Outcome as Outcome
    from osteoplan.model.plan import Option as Option
    from osteoplan.model.plan import Plan as Plan
    from osteoplan.model.plan import Step as Step
    from osteoplan.model.result import Explanation as Explanation
    from osteoplan.model.result import PlanResult as PlanResult
    from osteoplan.model.result import Reading as Reading
    from osteoplan.model.result import Simulations as Simulations
    from osteoplan.model.volume import Volume as Volume
    from osteoplan.pathway.rules import verdicts as verdicts
    from osteoplan.pathway.scores import score as score
    from osteoplan.provenance import Stamp as Stamp
    from osteoplan.workflow.explain import explain as explain
    from osteoplan.workflow.options import options as options
    from osteoplan.workflow.plan import compare as compare
    from osteoplan.workflow.plan import plan as plan
    from osteoplan.workflow.plan import write as write
    from osteoplan.workflow.read import read as read
    from osteoplan.workflow.settings import PlanSettings as PlanSettings
    from osteoplan.workflow.simulate import simulate as simulate
    from osteoplan.workflow.strength import strength as strength
    from osteoplan.workflow.verify import verify as verify
    from osteoplan.workflow.ways import ways as ways


def __getattr__(name: str) -> Any:
    """Fetch a public name from its room."""
    if name not in _HOMES:
        raise AttributeError(f"module 'osteoplan' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
