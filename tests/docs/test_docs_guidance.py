"""docs/guidance.md keeps up with guidances, their published errors, and the limits of their imaging."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteoplan.knowledge.guidance import Guidance, Imaging, PublishedError, guidances, imagings
from osteoplan.model.evidence import how_read
from osteoplan.trajectory.placement_error import SCALE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guidance.md").read_text(encoding="utf-8")
PUBLISHED = [(one, row) for one in guidances().values() for row in one.published]
LIMITS = [(one, name) for one in imagings().values() for name in one.limits]


def error_row(one: Guidance, row: PublishedError) -> str:
    """The table row of a published error; copy it from the failure when a value changes."""
    spread = f" ± {row.spread:g}" if row.spread is not None else ""
    span = f" ({row.low:g} to {row.high:g})" if row.low is not None else ""
    used = "yes" if row.used else ""
    source = ", ".join(row.cite) or "none"
    size = f"{row.value:g}{spread}{span} {row.unit}"
    return f"| `{one.id}` | {row.at} | {row.of} | {size} | {row.setting} | {used} | {source} | {row.tag} |"


def limit_row(one: Imaging, name: str) -> str:
    """The table row of a limit."""
    known = one.limits[name]
    span = f" ({known.low:g} to {known.high:g})" if known.low is not None else ""
    source = ", ".join(known.cite) or "none"
    status = how_read(known.status)
    return f"| `{one.id}` | `{name}` | {known.value:g}{span} | {source} | {status} | {known.note} |"


def guidance_row(one: Guidance) -> str:
    """The table row of a guidance."""
    sds = f"{one.lateral_sd_mm:.2f} | {one.angle_sd_deg:.2f}"
    return f"| `{one.id}` | {one.title} | `{one.imaging.id}` | {sds} | {one.note} |"


@pytest.mark.parametrize("one", guidances().values(), ids=lambda one: one.id)
def test_every_guidance_is_on_the_page_with_its_error(one: Guidance) -> None:
    assert guidance_row(one) in PAGE


@pytest.mark.parametrize(("one", "row"), PUBLISHED, ids=[f"{o.id}-{r.at}-{r.value:g}" for o, r in PUBLISHED])
def test_every_published_error_is_on_the_page_with_source_and_tag(one: Guidance, row: PublishedError) -> None:
    assert error_row(one, row) in PAGE


@pytest.mark.parametrize(("one", "name"), LIMITS, ids=[f"{one.id}-{name}" for one, name in LIMITS])
def test_every_limit_of_reach_is_on_the_page(one: Imaging, name: str) -> None:
    assert limit_row(one, name) in PAGE


def test_the_page_names_nothing_that_is_gone() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    known = (
        {guidance_row(one) for one in guidances().values()}
        | {error_row(one, row) for one, row in PUBLISHED}
        | {limit_row(one, name) for one, name in LIMITS}
    )
    assert [row for row in rows if row not in known] == []


def test_the_page_says_which_scale_grades_a_breach() -> None:
    assert f"`{SCALE}`" in PAGE
