"""The procedure sheet: one A4 page, black on white, for the room.

page = render_sheet(asked)          # PDF
words = sheet_document(asked)       # the same as a JSON document

Text never shrinks below 11 pt.  Pictures shrink until everything stands on one page; if that is not enough
the reasons behind the steps are left out, then the list of what to lay out; a plan that still needs two pages
is refused.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from PIL import ImageFont

from osteoplan.errors import NotAvailable
from osteoplan.report.drawing.pictures import Picture, Scenery
from osteoplan.report.rendering import filled, fonts, page_count, typeset
from osteoplan.report.sheet.nouns import Asked, Sheet
from osteoplan.report.sheet.pictures import SheetPicture, SheetPictures, scenery_of, sheet_pictures
from osteoplan.report.sheet.view import sheet_view

__all__ = ["TEXT_PT", "fit_page", "render_sheet", "sheet_document"]

TEXT_PT = 11.0
_WIDE_PT = 538.0  # of the page between its margins
_GAP_PT = 5.0
_EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" viewBox="0 0 1 1"/>'
_LARGEST_PT, _SMALLEST_PT, _STEP_PT = 190.0, 96.0, 6.0


def render_sheet(asked: Asked) -> bytes:
    """The sheet as PDF of one page.

    Raises:
        NotAvailable: the plan has more to say than one page holds.
    """
    scenery = scenery_of(asked)
    brief = sheet_view(asked, terse=True)
    for sheet in (sheet_view(asked), brief, replace(brief, shopping=())):  # steps and table name all devices
        found = fit_page(asked, sheet, scenery)
        if found is not None:
            return found
    raise NotAvailable(
        f"the sheet of {asked.option.id} does not fit on one page: split it into sessions, "
        "or read it from plan.json"
    )


def sheet_document(asked: Asked) -> dict[str, Any]:
    """What the sheet says, for programs."""
    return asdict(sheet_view(asked))


def fit_page(asked: Asked, sheet: Sheet, scenery: Scenery) -> bytes | None:
    """The page with the largest pictures that leave room for the text; None where none does.

    Sizes are tried with empty frames; the pictures are drawn once more, at the size that fits.
    """
    sample = sheet_pictures(asked, scenery, edge=_LARGEST_PT)
    widest = min(_LARGEST_PT, (_WIDE_PT + _GAP_PT) / len(sample.pictures) - _GAP_PT)
    edges = [widest - _STEP_PT * n for n in range(int((widest - _SMALLEST_PT) / _STEP_PT) + 1)]

    def fits(n: int) -> bool:
        frames = [(_EMPTY, one.caption, edges[n]) for one in sample.pictures]
        return page_count(_compile(sheet, sample, frames)) == 1

    first = bisect_left(range(len(edges)), True, key=fits)  # smaller pictures never need more room
    if first == len(edges):
        return None
    drawn = sheet_pictures(asked, scenery, edge=edges[first])
    return _compile(sheet, drawn, [(_svg(one), one.caption, edges[first]) for one in drawn.pictures])


def _compile(sheet: Sheet, pictures: SheetPictures, shown: Sequence[tuple[str, str, float]]) -> bytes:
    """Typst on one static page; nothing is read from the network or from the fonts of the machine."""
    document = {
        **asdict(sheet),
        "size": TEXT_PT,
        "pictures": [{"svg": svg, "caption": words, "edge": edge} for svg, words, edge in shown],
        "legend": [{"words": e.words, "colour": e.colour, "dash": bool(e.dash)} for e in pictures.legend],
        "picture_note": pictures.note,
    }
    return typeset("sheet.typ", document, date=sheet.date)


def _svg(shown: SheetPicture) -> str:
    """A picture that stands alone; its numbers are drawn in circles of their own."""
    return filled(
        "sheet_picture.svg.j2",
        p=shown.picture, size=TEXT_PT, dimension=shown.dimension, dimension_at=shown.dimension_at,
        number=lambda mark: unicodedata.digit(mark, mark), stamps=_stamp_lines(shown.picture),
    )  # fmt: skip


def _stamp_lines(picture: Picture) -> list[str]:
    """A stamp on one line where the picture is wide enough for it, else a word on each."""
    lines = []
    for stamp in picture.stamps:
        fits = _bold().getlength(stamp) < picture.width - 8.0
        lines += [stamp] if fits else stamp.split()
    return lines


@cache
def _bold() -> ImageFont.FreeTypeFont:
    """The font of the pictures' words."""
    return ImageFont.truetype(fonts() / "DejaVuSans-Bold.ttf", TEXT_PT)
