"""What treatment does to the bone itself: tissue removed, bone killed, and the layer between cement and bone.

    removed    those elements hold soft tissue from now on; cement put there fills a cavity
    killed     3 to 6 months after an ablation: E = factor E (``bone.necrosed_factor``, from memory); at once
               nothing changes, dead bone is as stiff as it was alive
    layer      cement that meets bone has shrunk from it, holds fat and blood at its skin, and carries little
               pull: its outermost element (mostly cement, with a face on one that is not) is softer, and weak
               in tension.  The layer's thickness follows the mesh: compare states of one mesh only.

    E of the layer's cement = factor * E of the cement        factor: cement.interface_layer_factor
    its strength in tension <= cement.interface_tension       read by the levels that yield

No result holds a scenario or a layer unless the settings ask for it.  Tests: tests/unit/test_scenarios.py,
test_bond.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.values import number
from osteoplan.mechanics.uncertainty.samples import Tissue

__all__ = ["Bond", "Scenario", "in_scenario", "interface_layer", "killed", "layered", "removed"]

Scenario = Literal["none", "killed", "removed"]
Bond = Literal["full", "layer"]
MOSTLY = 0.5


def in_scenario(tissue: Tissue, zone: Bool, scenario: Scenario) -> Tissue:
    """The tissue after what the scenario does to the elements in ``zone`` (n_elements,)."""
    match scenario:
        case "none":
            return tissue
        case "killed":
            return killed(tissue, zone)
        case "removed":
            return removed(tissue, zone)
        case _:
            assert_never(scenario)


def removed(tissue: Tissue, zone: Bool) -> Tissue:
    """A tissue whose elements in ``zone`` (n_elements,) were taken out; caps stay."""
    return replace(tissue, replaced=tissue.replaced | (zone & ~tissue.end_cap))


def killed(tissue: Tissue, zone: Bool, factor: float | None = None) -> Tissue:
    """A tissue whose bone in ``zone`` (n_elements,) died months ago.

    Soft tissue, cement, caps and metal keep their moduli.  ``factor`` None: the stated one.
    """
    share = number("bone.necrosed_factor") if factor is None else factor
    dead = zone & ~tissue.end_cap & ~tissue.replaced & (tissue.cement == 0.0)
    if tissue.metal is not None:
        dead &= ~tissue.metal
    return replace(tissue, dead=np.where(dead, share, 1.0))


def interface_layer(mesh: Bricks, cement: F64) -> Bool:
    """(n_elements,) outermost elements of the cement, whose (n_elements,) shares are given."""
    filled = mesh.box(cement >= MOSTLY)
    bare = mesh.solid & ~filled
    return mesh.of_box(filled & ndimage.binary_dilation(bare))


def layered(tissue: Tissue, mesh: Bricks, factor: float | None = None) -> Tissue:
    """The same tissue with the layer; ``factor`` None: the stated one.

    Raises:
        BadInput: the factor is not between 0 and 1.
    """
    value = number("cement.interface_layer_factor") if factor is None else factor
    if not 0.0 < value <= 1.0:
        raise BadInput(
            f"the layer between cement and bone keeps a share of its modulus, 0 to 1, not {value:g}"
        )
    return replace(tissue, layer=np.where(interface_layer(mesh, tissue.cement), value, 1.0))
