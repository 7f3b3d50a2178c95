"""The report: one HTML file that loads nothing; one A4 page for the meeting, then an appendix of six at most.

page = render(result)
"""

from __future__ import annotations

from functools import partial

from osteoplan.model.result import PlanResult
from osteoplan.report.facts_in_words import SECTION_TITLES
from osteoplan.report.plan import clinical
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.nouns import PlanPage, cites
from osteoplan.report.plan.options import act_words
from osteoplan.report.plan.page_view import page_view
from osteoplan.report.plan.rows import TIER_WORDS
from osteoplan.report.rendering import filled
from osteoplan.report.views import INTENDED_USE
from osteoplan.report.words import link_of, tag

__all__ = ["html", "render"]


def render(result: PlanResult) -> str:
    """The report of one plan, as HTML."""
    return html(page_view(result, draw(result)))


def html(page: PlanPage) -> str:
    """The page as HTML; whatever a user typed is escaped."""
    return filled(
        "report.html.j2",
        page=page, first=page.first, result=page.result, cites=partial(cites, page.result), use=INTENDED_USE,
        act_words=act_words, tag_of=tag, link_of=link_of, section_titles=SECTION_TITLES, tiers=TIER_WORDS,
        **{name: getattr(clinical, name) for name in clinical.__all__},
    )  # fmt: skip
