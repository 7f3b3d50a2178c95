"""docs/sites.md keeps up with the sites: what is planned and modelled where, and why not elsewhere."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from osteoplan.knowledge.approaches import approaches_of
from osteoplan.knowledge.sites import bone_site, label_of, planned_bones, thoracolumbar_spine
from osteoplan.knowledge.techniques import technique_cards, unsimulated
from osteoplan.pathway.monographs import applies

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sites.md").read_text(encoding="utf-8")
SPINE = {"C3 to C6": "vertebra_C4", "C7 to L6": "vertebra_T12"}
OTHERS = {site.id: bone for bone in planned_bones() if (site := bone_site(bone)) is not None}


def built_in() -> dict[str, Any]:
    """Techniques of this package, by the entry points as written: an installed copy may be older."""
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    points = written["project"]["entry-points"]["osteoplan.techniques"]
    made = {}
    for name, point in points.items():
        module, _, kind = point.partition(":")
        made[name] = getattr(import_module(module), kind)()
    return made


def row(name: str, bone: str) -> str:
    """The table row of a site; rerun this test and copy it from the failure when a site changes."""
    site = bone_site(bone) or thoracolumbar_spine()
    regions = [site.region] if site is thoracolumbar_spine() else list(site.regions)
    kind = label_of(bone).split("_")[0]
    cards = {id: technique_cards()[id] for id, one in built_in().items() if kind in one.bones}
    served = [
        id
        for id, card in cards.items()
        if any(applies(card, {"region": region}) is not False for region in regions)
    ]
    needles = [one.short_title for one in approaches_of(bone) if one.needle is not None]
    cells = (", ".join(regions), ", ".join(sorted(served)), ", ".join(needles), ", ".join(site.load_cases))
    return f"| {name} | " + " | ".join(cell.replace("_", " ") or "none" for cell in cells) + " |"


@pytest.mark.parametrize(("name", "bone"), [*SPINE.items(), *OTHERS.items()])
def test_the_page_says_what_is_planned_and_modelled_in_every_bone(name: str, bone: str) -> None:
    assert row(name, bone) in PAGE


def test_the_page_tells_every_site_once() -> None:
    told = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.count("|") == 6]
    assert told[2:] == [*SPINE, *OTHERS]


def test_what_is_planned_is_no_row_of_what_is_not() -> None:
    """A family's reason stands for cards that are not planned; each other card has one for other bones."""
    for id in technique_cards():
        sentence = unsimulated(id, planned=id in built_in())
        assert sentence, id
        assert not sentence.endswith("."), id
        assert "this bone" in sentence or "alone" in sentence or id not in built_in(), id
        assert len(sentence) <= 95, id
