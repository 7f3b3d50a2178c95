"""Settings for tests: an anatomy with every device and the limits of one technique."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.techniques import limits
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.inventory import Inventory
from osteoplan.trajectory.setting import Setting

ENSEMBLE = Ensemble(seed=1, n=200)


def setting_of(anatomy: Anatomy, technique: str, *, ensemble: Ensemble = ENSEMBLE, **changed: Any) -> Setting:
    """What the program hands to a technique; ``changed`` limits have another value."""
    own = limits(technique)
    inventory = Inventory(devices(), {**own, **{k: replace(own[k], value=v) for k, v in changed.items()}})
    return Setting.of(anatomy, inventory, ensemble)
