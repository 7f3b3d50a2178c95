"""Every figure of the first page is a link to the place in the report that it rests on."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from osteoplan.model.result import PlanResult
from osteoplan.report.plan.drawings import draw
from osteoplan.report.plan.meeting import first_page
from osteoplan.report.plan.page import html
from tests.report_fixture import busy, plan_result, uncalibrated, with_choice

# the line on top and the notes below say how the page is read; pictures bring their own words
_NO_FIGURES = {"top", "below", "legend", "picture", "sign"}


class _Figures(HTMLParser):
    """Words with a digit on the first page, each with the link that it stands in; ids of the whole page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.ids += [own["id"]] if own.get("id") else []
        if tag not in ("meta", "br", "img", "input", "path", "image", "rect", "circle"):
            self._open.append((tag, own))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        classes = {name for _, own in self._open for name in (own.get("class") or "").split()}
        if "first" in classes and not classes & _NO_FIGURES and re.search(r"\d", data):
            links = [own.get("href") or "" for tag, own in self._open if tag == "a"]
            self.found.append((data.strip(), links[-1] if links else ""))


@pytest.mark.parametrize(
    "made", [plan_result(), busy(plan_result()), uncalibrated(plan_result()), with_choice(plan_result())]
)
def test_every_figure_of_the_first_page_leads_to_what_it_rests_on(made: PlanResult) -> None:
    page = _Figures(html(made, draw(made)))
    assert len(page.ids) == len(set(page.ids))
    told = set(page.found)
    for row in first_page(made).rows:
        for one in (*row.above, *row.evidence, *row.bone, *row.risk, *row.burden):
            assert (one.text, f"#{one.link}") in told or not re.search(r"\d", one.text)
    assert [text for text, link in page.found if link.removeprefix("#") not in page.ids] == []


def test_a_published_figure_leads_to_its_source_and_a_simulated_one_to_its_load_case() -> None:
    row = first_page(plan_result()).rows[0]
    assert {one.link for one in row.evidence} == {"source-2"}
    assert {one.sources for one in row.evidence} == {(2,)}
    assert {one.link for one in row.bone} == {"load-compression"}
    assert row.risk[0].link == "option-vp_both"
