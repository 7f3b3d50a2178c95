"""What treatment does to the bone itself: tissue that was removed, bone that an ablation killed.

    removed    those elements hold soft tissue from now on; cement put there fills a cavity
    ablated    at once nothing changes: dead bone is as stiff as it was alive
    necrosed   3 to 6 months later, as a scenario: E = factor E (``bone.necrosed_factor``, from memory)

No result holds a scenario unless it is asked for.  Tests: tests/unit/test_scenarios.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from osteoplan.knowledge.values import number
from osteoplan.mechanics.worlds import Tissue

__all__ = ["necrosed", "removed"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def removed(tissue: Tissue, zone: Bool) -> Tissue:
    """A tissue whose elements in ``zone`` (n_elements,) were taken out; caps stay."""
    return replace(tissue, replaced=tissue.replaced | (zone & ~tissue.cap))


def necrosed(E: F64, tissue: Tissue, zone: Bool, factor: float | None = None) -> F64:
    """Moduli as of ``worlds.modulus`` where bone in ``zone`` (n_elements,) died months ago.

    Soft tissue, cement, caps and metal keep theirs.  ``factor`` None: the stated one.
    """
    share = number("bone.necrosed_factor") if factor is None else factor
    dead = zone & ~tissue.cap & ~tissue.replaced & (tissue.cement == 0.0)
    if tissue.metal is not None:
        dead &= ~tissue.metal
    out = E.copy()
    out[: len(dead)][dead] *= share
    return out
