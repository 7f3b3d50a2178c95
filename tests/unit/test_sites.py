"""Sites name the corridors of their bones, and every corridor is named by a site."""

from __future__ import annotations

from osteoplan.knowledge.corridors import templates
from osteoplan.knowledge.sites import bone_site, label_of, planned_bones, thoracolumbar_spine


def test_every_corridor_is_named_by_a_site_and_every_named_one_exists() -> None:
    sites = [site for bone in planned_bones() if (site := bone_site(bone)) is not None]
    named = {name for site in sites for name in site.corridors} | set(thoracolumbar_spine().corridors)
    assert named == set(templates())


def test_scapula_sternum_and_ribs_can_be_named_in_a_case() -> None:
    assert label_of("rib_left_7") == "rib_left_7"
    assert {"scapula_right", "sternum", "vertebra_C5"} <= set(planned_bones())
