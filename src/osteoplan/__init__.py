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
    "simulate": "osteoplan.workflow.simulate",
    "explain": "osteoplan.workflow.explain",
    "compare": "osteoplan.decide.compare",
    "score": "osteoplan.pathway.scores",
    "solve_voxels": "osteoplan.mechanics.voxels",
    "verdicts": "osteoplan.pathway.rules",
    "PlanSettings": "osteoplan.workflow.settings",
    "PlanResult": "osteoplan.model.result",
    "Volume": "osteoplan.model.volume",
    "VoxelSolution": "osteoplan.mechanics.voxels",
    "Case": "osteoplan.model.case",
    "Lesion": "osteoplan.model.case",
    "Anatomy": "osteoplan.model.anatomy",
    "Findings": "osteoplan.model.findings",
    "Plan": "osteoplan.model.plan",
    "Option": "osteoplan.model.plan",
    "Step": "osteoplan.model.plan",
    "Effects": "osteoplan.model.effects",
    "Field": "osteoplan.model.field",
    "Estimate": "osteoplan.model.outcome",
    "Verdict": "osteoplan.model.evidence",
    "Comparison": "osteoplan.model.comparison",
    "Stamp": "osteoplan.provenance",
    "OsteoplanError": "osteoplan.errors",
}

__all__ = [
    "Anatomy",
    "Case",
    "Comparison",
    "Effects",
    "Estimate",
    "Field",
    "Findings",
    "Lesion",
    "Option",
    "OsteoplanError",
    "Plan",
    "PlanResult",
    "PlanSettings",
    "Stamp",
    "Step",
    "Verdict",
    "Volume",
    "VoxelSolution",
    "__version__",
    "compare",
    "explain",
    "plan",
    "read",
    "score",
    "simulate",
    "solve_voxels",
    "verdicts",
    "write",
]

if TYPE_CHECKING:
    from osteoplan.decide.compare import compare
    from osteoplan.errors import OsteoplanError
    from osteoplan.mechanics.voxels import VoxelSolution, solve_voxels
    from osteoplan.model.anatomy import Anatomy
    from osteoplan.model.case import Case, Lesion
    from osteoplan.model.comparison import Comparison
    from osteoplan.model.effects import Effects
    from osteoplan.model.evidence import Verdict
    from osteoplan.model.field import Field
    from osteoplan.model.findings import Findings
    from osteoplan.model.outcome import Estimate
    from osteoplan.model.plan import Option, Plan, Step
    from osteoplan.model.result import PlanResult
    from osteoplan.model.volume import Volume
    from osteoplan.pathway.rules import verdicts
    from osteoplan.pathway.scores import score
    from osteoplan.provenance import Stamp
    from osteoplan.workflow.explain import explain
    from osteoplan.workflow.plan import plan, write
    from osteoplan.workflow.read import read
    from osteoplan.workflow.settings import PlanSettings
    from osteoplan.workflow.simulate import simulate


def __getattr__(name: str) -> Any:
    """Fetch a public name from its room."""
    if name not in _HOMES:
        raise AttributeError(f"module 'osteoplan' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
