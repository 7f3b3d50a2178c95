"""The loop over physics rooms: who has to act on a plan's effects, in which order, and what each one adds.

A room turns a setting, effects and the fields so far into outcomes, fields and warnings.  Rooms act in the
order of the first step that concerns them, and each reads the fields of those before it.  Every result is
kept by one key: what it was computed from.  A room is handed no more of effects and fields than it says it
reads, so that what it does not read never makes it work again: the same cement carries the same load whether
or not heat came before.  A new room is a class with this protocol, listed in ``ROOMS``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from osteoplan.cement.grow import fill
from osteoplan.errors import OnStep
from osteoplan.model.effects import Effects
from osteoplan.model.field import Field
from osteoplan.model.simulated import Simulated
from osteoplan.thermal.apply import HeatSettings, apply_heat
from osteoplan.thermal.curing import CuringSettings, cure
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.progress import Progress, Span, stage

__all__ = [
    "AFTER_ALL", "ROOMS", "CementRoom", "CuringRoom", "HeatRoom", "Room", "concerning", "kept",
    "not_simulated", "run_rooms", "searching",
]  # fmt: skip

AFTER_ALL = sys.maxsize  # first step of a room that looks at what all steps leave


class Room(Protocol):
    """A physics room as the loop sees it."""

    @property
    def id(self) -> str:
        """Its name; unique among the rooms of a run."""
        ...

    @property
    def doing(self) -> str:
        """What it does, as words of progress: "growing cement"."""
        ...

    @property
    def reads(self) -> frozenset[str]:
        """Names of the effects that it acts on."""
        ...

    @property
    def fields_read(self) -> frozenset[str]:
        """Quantities of the fields that it reads."""
        ...

    @property
    def settings(self) -> object:
        """What its answer depends on beside setting, effects and fields; takes part in the key."""
        ...

    def first_step(self, effects: Effects) -> int | None:
        """Order of the first step that concerns it; None where it has nothing to do."""
        ...

    def run(
        self, setting: Setting, effects: Effects, fields: tuple[Field, ...], on_step: OnStep
    ) -> Simulated:
        """Outcomes, fields and warnings; every simulated outcome carries the draws of the ensemble."""
        ...


@dataclass(frozen=True)
class CementRoom:
    """Cement from its ports into bone."""

    id: str = "cement"
    doing: str = "growing cement"
    reads: frozenset[str] = frozenset({"ports"})
    fields_read: frozenset[str] = frozenset()
    settings: object = None

    def first_step(self, effects: Effects) -> int | None:
        """The first injection."""
        return min((port.step for port in effects.ports), default=None)

    def run(
        self, setting: Setting, effects: Effects, fields: tuple[Field, ...], on_step: OnStep
    ) -> Simulated:
        """Grow the cement of all ports together."""
        return fill(setting.around, effects, setting.ensemble, on_step=on_step)


@dataclass(frozen=True)
class HeatRoom:
    """Heat and cold from their probes into tissue."""

    id: str = "heat"
    doing: str = "heating or freezing"
    reads: frozenset[str] = frozenset({"sources", "layers"})
    fields_read: frozenset[str] = frozenset({"cement_fraction"})
    settings: HeatSettings = field(default_factory=HeatSettings)

    def first_step(self, effects: Effects) -> int | None:
        """The first delivery."""
        return min((source.step for source in effects.sources), default=None)

    def run(
        self, setting: Setting, effects: Effects, fields: tuple[Field, ...], on_step: OnStep
    ) -> Simulated:
        """All deliveries, one after the other."""
        cement = next((one for one in fields if one.quantity == "cement_fraction"), None)
        return apply_heat(
            setting.around, effects.sources, effects.layers, setting.ensemble, self.settings, cement=cement,
            on_step=on_step,
        )  # fmt: skip


@dataclass(frozen=True)
class CuringRoom:
    """Cement that sets, after whatever heat or cold there was."""

    id: str = "curing"
    doing: str = "setting cement"
    reads: frozenset[str] = frozenset({"ports"})
    fields_read: frozenset[str] = frozenset({"cement_fraction", "temperature_end"})
    settings: CuringSettings = field(default_factory=CuringSettings)

    def first_step(self, effects: Effects) -> int | None:
        """The first injection: it comes right after the cement's growth."""
        return min((port.step for port in effects.ports), default=None)

    def run(
        self, setting: Setting, effects: Effects, fields: tuple[Field, ...], on_step: OnStep
    ) -> Simulated:
        """Let the cement set."""
        by = {one.quantity: one for one in fields}
        if "cement_fraction" not in by:
            return Simulated(())
        return cure(
            setting.around, by["cement_fraction"], by.get("temperature_end"), setting.ensemble, self.settings,
            on_step=on_step,
        )  # fmt: skip


# beside the load cases of the bone, which come after all; of one step the first listed acts first
ROOMS: tuple[Room, ...] = (HeatRoom(), CementRoom(), CuringRoom())


def searching(room: Room) -> Room:
    """The room with its search model alone; itself where it has no other."""
    match room:
        case HeatRoom(settings=settings):
            return replace(room, settings=replace(settings, edge_mm=None, samples=0))
        case CuringRoom(settings=setting):
            return replace(room, settings=replace(setting, edge_mm=None))
        case _:
            return room


def run_rooms(
    rooms: Sequence[Room], setting: Setting, effects: Effects, cache: Cache, *, title: str,
    progress: Progress, span: Span,
) -> tuple[Simulated, ...]:  # fmt: skip
    """Results of the rooms that have to act on the effects, in the order in which they act."""
    due = [(step, room) for room in rooms if (step := room.first_step(effects)) is not None]
    due.sort(key=lambda one: one[0])
    start, share = span[0], (span[1] - span[0]) / max(1, len(due))
    done: list[Simulated] = []
    so_far: tuple[Field, ...] = ()
    for n, (_, room) in enumerate(due):
        part = (start + n * share, start + (n + 1) * share)
        told = f"{room.doing}: {title}"
        done.append(kept(room, setting, effects, so_far, cache, told, progress=progress, span=part))
        so_far += done[-1].fields
    return tuple(done)


def kept(
    room: Room, setting: Setting, effects: Effects, so_far: tuple[Field, ...], cache: Cache, told: str, *,
    progress: Progress, span: Span,
) -> Simulated:  # fmt: skip
    """The answer of one room, from the cache where it was worked out before."""
    steps, effects = _steps(effects, room.reads), concerning(effects, room.reads)
    so_far = tuple(one for one in so_far if one.quantity in room.fields_read)
    key = cache.key(room.id, room.settings, setting.identity, setting.ensemble, effects, so_far)
    found: Simulated | None = cache.load(key)
    if found is not None:
        stage(progress, f"{told} (kept from before)", *span)
    else:
        found = cache.store(key, room.run(setting, effects, so_far, stage(progress, told, *span)))
    # what is kept counts the steps as the room does; a page finds them in the plan
    return replace(found, heat=tuple(replace(one, step=steps[one.step]) for one in found.heat))


def concerning(effects: Effects, reads: frozenset[str]) -> Effects:
    """Those effects alone, their steps counted from 0: only their order matters."""
    found, steps = _read(effects, reads), _steps(effects, reads)
    return Effects(
        **{
            name: tuple(
                replace(one, step=steps.index(one.step)) if hasattr(one, "step") else one for one in effect
            )
            for name, effect in found.items()
        }
    )


def _read(effects: Effects, reads: frozenset[str]) -> dict[str, Any]:
    return {one.name: getattr(effects, one.name) for one in fields(effects) if one.name in reads}


def _steps(effects: Effects, reads: frozenset[str]) -> list[int]:
    """Orders of the steps that bring any of these effects."""
    found = _read(effects, reads).values()
    return sorted({one.step for effect in found for one in effect if hasattr(one, "step")})


def not_simulated(rooms: Sequence[Room], effects: Effects) -> tuple[str, ...]:
    """What a plan does that no room acts on, in sentences."""
    read = frozenset().union(*(room.reads for room in rooms))
    words = {"sources": "heat or cold", "cavities": "expanding a cavity", "ports": "what is injected",
             "solids": "what stays in the bone", "layers": "gas or fluid that parts tissues"}  # fmt: skip
    return tuple(
        f"{words[one.name]} is not simulated by this version"
        for one in fields(effects)
        if getattr(effects, one.name) and one.name not in read
    )
