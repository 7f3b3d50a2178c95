"""``centre.yaml``: what a centre owns, its own limits, and where its own rules lie.

A key that is left out is unknown and narrows nothing.  A list that is there, even empty, is the whole list.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from osteoplan.errors import nearest
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.load import Strict
from osteoplan.knowledge.marked import KeyPath, Marked, read_marked
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.values import values
from osteoplan.knowledge.vocabulary import resources
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Known
from osteoplan.pathway.local_check import read_local

__all__ = ["CentreFile", "CostFile", "knowledge_folder", "read_centre"]

Words = tuple[str, ...] | None
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

RESOURCE_KINDS = ("modalities", "guidance", "anaesthesia", "surgery", "rt")
# key -> kind of device that it lists; 'devices' may list any
DEVICE_LISTS = {"probes": "probe", "screws": "screw", "cements": "cement"}
WAYS = "ways"  # stands among the techniques for the limits of needle paths
# a list of devices that is stated settles whether the centre has the resource
SETTLED_BY = {"screws": "screws", "cements": "cement"}


class CostFile(Strict):
    """What a technique costs here, in a currency (three letters, ISO 4217), and how that is known."""

    value: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
    unit: Currency
    cite: tuple[str, ...] = ()
    note: str = ""


class CentreFile(Strict):
    """``centre.yaml``.

    Attributes:
        modalities, guidance, anaesthesia, surgery, rt: ids of the vocabulary's resources.
        probes, screws, cements, devices: ids of devices.
        limits: limit -> number, for every technique that has it and for the ways of needles; or technique
            (or ``ways``) -> limit -> number.
        knowledge: folder of the centre's own rules, beside this file.
        corridors: files of the centre's own screw corridors, beside this file.
        applicators: file of the centre's own ablation zones, beside this file.
    """

    name: str = ""
    modalities: Words = None
    guidance: Words = None
    anaesthesia: Words = None
    surgery: Words = None
    rt: Words = None
    probes: Words = None
    screws: Words = None
    cements: Words = None
    devices: Words = None
    limits: dict[str, Number | dict[str, Number]] = {}
    costs: dict[str, CostFile] = {}
    knowledge: str = ""
    corridors: tuple[str, ...] = ()
    applicators: str = ""
    signed_by: str = ""
    date: datetime.date | None = None

    @field_validator(*RESOURCE_KINDS, *DEVICE_LISTS, "devices", mode="before")
    @classmethod
    def _a_list(cls, given: Any) -> Any:
        """An empty key could mean "none" or "not filled in yet"; only a list is read."""
        if not isinstance(given, list):
            raise ValueError("write a list, [] for none, or leave the key out")
        return given


def read_centre(path: Path) -> Centre:
    """The centre in a file, every name checked, its own rules too.

    Raises:
        BadInput: the first fault, with file, line and reason.
    """
    marked = read_marked(path)
    file = marked.checked(CentreFile)
    found = Centre(
        name=file.name,
        stated=frozenset(file.model_fields_set),
        resources=_resources(marked, file),
        devices=_devices(marked, file),
        limits=_limits(marked, file),
        costs=_costs(marked, file),
        knowledge=path.parent / file.knowledge if file.knowledge else None,
        corridors=tuple(path.parent / name for name in file.corridors),
        applicators=path.parent / file.applicators if file.applicators else None,
        signed_by=file.signed_by.strip(),
        date=file.date.isoformat() if file.date else "",
    )
    if found.knowledge is not None:
        read_local(found.knowledge)
    return found


def knowledge_folder(path: Path) -> Path | None:
    """Folder of the own rules that a ``centre.yaml`` names; None where it names none.

    Raises:
        BadInput: the file cannot be read.
    """
    named = read_marked(path).checked(CentreFile).knowledge
    return path.parent / named if named else None


def _resources(marked: Marked, file: CentreFile) -> dict[str, bool]:
    """Every resource of every stated kind; a stated list of screws or cements settles theirs too."""
    found: dict[str, bool] = {}
    for kind in RESOURCE_KINDS:
        listed: Words = getattr(file, kind)
        if listed is not None:
            known = resources()[kind]
            _require_known(marked, (kind,), listed, known, "unknown resource")
            found.update({name: name in listed for name in known})
    for key, resource in SETTLED_BY.items():
        things: Words = getattr(file, key)
        if things is None:
            continue
        has = bool(things)
        if found.setdefault(resource, has) != has:
            listed_too = (
                "is in modalities, and this list is empty"
                if found[resource]
                else ("is not in modalities, and this list is not empty")
            )
            raise marked.fault((key,), f"'{resource}' {listed_too}: one of them is wrong")
    return found


def _devices(marked: Marked, file: CentreFile) -> frozenset[str] | None:
    """Ids on the shelf: a kind without any list that covers it stays whole."""
    shelf = devices()
    lists: dict[str, Words] = {key: getattr(file, key) for key in (*DEVICE_LISTS, "devices")}
    stated = {key: listed for key, listed in lists.items() if listed is not None}
    for key, listed in stated.items():
        _require_known(marked, (key,), listed, shelf, "unknown device")
        for index, name in enumerate(listed):
            kind = shelf[name].kind
            if kind != DEVICE_LISTS.get(key, kind):
                raise marked.fault((key, index), f"'{name}' is a {kind}; list it under devices")
    if not stated:
        return None
    narrowed = {kind for key, kind in DEVICE_LISTS.items() if key in stated}
    named = {name for listed in stated.values() for name in listed}
    return frozenset(
        name
        for name, device in shelf.items()
        if name in named or ("devices" not in stated and device.kind not in narrowed)
    )


def _limits(marked: Marked, file: CentreFile) -> dict[str, dict[str, float]]:
    """The centre's numbers by technique; a number for one technique wins over one for all."""
    cards = technique_cards()
    found: dict[str, dict[str, float]] = {}
    for name, given in file.limits.items():
        if name == WAYS and isinstance(given, dict):
            found.setdefault(WAYS, {}).update(_ways_limits(marked, given))
            continue
        if not isinstance(given, dict):
            having = [id for id, card in cards.items() if name in card.limits]
            if name in values("needle"):
                found.setdefault(WAYS, {}).setdefault(name, given)
            elif not having:
                every = {*cards, *values("needle"), *(one for card in cards.values() for one in card.limits)}
                raise marked.fault(("limits", name), f"unknown limit '{name}'; {nearest(name, every)}")
            for id in having:
                found.setdefault(id, {}).setdefault(name, _limit(marked, (name,), id, name, given))
            continue
        _require_known(marked, ("limits",), [name], cards, "unknown technique")
        for limit, number in given.items():
            if limit not in cards[name].limits:
                text = f"{name} has no limit '{limit}'; {nearest(limit, cards[name].limits)}"
                raise marked.fault(("limits", name, limit), text)
            found.setdefault(name, {})[limit] = _limit(marked, (name, limit), name, limit, number)
    return found


def _ways_limits(marked: Marked, given: Mapping[str, float]) -> dict[str, float]:
    """The centre's numbers for needle paths, whatever technique takes them."""
    known = values("needle")
    for limit in given:
        if limit not in known:
            text = f"ways have no limit '{limit}'; {nearest(limit, known)}"
            raise marked.fault(("limits", WAYS, limit), text)
    return dict(given)


def _limit(marked: Marked, place: Sequence[str], technique: str, limit: str, number: float) -> float:
    """A number for a limit that is a number."""
    known = technique_cards()[technique].limits[limit].value
    if isinstance(known, str | bool):
        raise marked.fault(("limits", *place), f"'{limit}' of {technique} is no number: it is '{known}'")
    return number


def _costs(marked: Marked, file: CentreFile) -> dict[str, Known]:
    _require_known(marked, ("costs",), file.costs, technique_cards(), "unknown technique")
    date = file.date.isoformat() if file.date else ""
    for name, cost in file.costs.items():
        _require_known(marked, ("costs", name, "cite"), cost.cite, citations(), "unknown source")
        if not cost.cite and not cost.note:
            raise marked.fault(("costs", name), f"{name}: no 'cite', and no 'note' that says how it is known")
    return {
        name: Known(cost.value, cost.unit, cost.cite, "unverified", date, note=cost.note)
        for name, cost in file.costs.items()
    }


def _require_known(
    marked: Marked, at: KeyPath, names: Iterable[str], known: Mapping[str, Any], what: str
) -> None:
    """Every name of a list (or every key) at a path is a known one and stands once."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        place = (*at, index) if isinstance(names, tuple) else (*at, name)
        if name not in known:
            raise marked.fault(place, f"{what} '{name}'; {nearest(name, known)}")
        if name in seen:
            raise marked.fault(place, f"'{name}' stands twice")
        seen.add(name)
