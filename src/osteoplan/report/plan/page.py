"""The report: one HTML file that loads nothing; one A4 page for the meeting, then an appendix of six at most.

page = render(result)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from osteoplan.model.evidence import tier_words
from osteoplan.model.plan import OPTION_WORDS
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.boundary_conditions import boundary_lines, measured_lines
from osteoplan.report.facts_in_words import SECTION_TITLES, fact_words, finding_line, label_of
from osteoplan.report.plan import clinical
from osteoplan.report.plan.appendix import Appendix, act_words, bands
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.heat import heat_tables
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.nouns import Drawings, ReportSection
from osteoplan.report.plan.rows import load_link
from osteoplan.report.plan.technical import shared
from osteoplan.report.plan.uncertainty import shared_words
from osteoplan.report.rendering import filled
from osteoplan.report.views import INTENDED_USE
from osteoplan.report.words import link_of, study_words, tag

__all__ = ["html", "render"]


def render(result: PlanResult) -> str:
    """The report of one plan, as HTML."""
    return html(result, draw(result))


def html(result: PlanResult, drawings: Drawings, sections: Sequence[ReportSection] | None = None) -> str:
    """The page as HTML; whatever a user typed is escaped.

    Args:
        sections: the ``shared`` ones, where they were made already.
    """
    labels = result.wordings.labels
    return filled(
        "report.html.j2",
        result=result, first=first_page(result), drawings=drawings, told=Appendix(result), use=INTENDED_USE,
        sections=shared(result) if sections is None else sections, study_words=study_words,
        section_titles=SECTION_TITLES, tier_words=tier_words, statuses=OPTION_WORDS, act_words=act_words,
        label_of=partial(label_of, labels=labels), fact_words=partial(fact_words, labels=labels),
        bands=bands, finding_line=partial(finding_line, labels=labels), tag_of=tag, link_of=link_of,
        boundary_lines=boundary_lines,
        measured_lines=measured_lines, load_link=load_link, heat_tables=heat_tables,
        shared_words=shared_words,
        **{name: getattr(clinical, name) for name in clinical.__all__},
    )  # fmt: skip
