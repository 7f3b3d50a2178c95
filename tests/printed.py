"""A report on paper and on the screen, as Chromium makes it: pages, sizes of letters, what is cut off."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pypdf import PageObject, PdfReader

from tests.conftest import skip_or_fail

LEAST_PT = 7.98  # 8 pt as Chromium rounds it
HIGH_MM = 194.0  # A4 landscape less its margins
_QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
_WIDE = "--window-size=1200,900"
# Every text of the first page: the smallest letters [px], and what sticks out of its picture or of the sheet.
_MEASURE = """
const main = document.querySelector('main.first'), sheet = main.getBoundingClientRect();
const style = getComputedStyle(main), left = sheet.left + parseFloat(style.paddingLeft);
let least = 99, out = [];
for (const one of main.querySelectorAll('*')) {
  const own = [...one.childNodes].filter(n => n.nodeType === 3 && n.textContent.trim());
  const svg = one.closest('svg'), box = one.getBoundingClientRect();
  if (own.length) {
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    least = Math.min(least, parseFloat(getComputedStyle(one).fontSize) * scale);
    const held = svg ? svg.getBoundingClientRect() : {left: left - 1, right: left + 1063};
    if (box.left < held.left - 0.5 || box.right > held.right + 0.5) out.push(one.textContent);
    if (!svg && one.scrollWidth > one.clientWidth + 1 && one.clientWidth) out.push(one.textContent);
  }
}
const last = main.lastElementChild.getBoundingClientRect();
const high = last.bottom - main.firstElementChild.getBoundingClientRect().top;
const answer = document.createElement('pre');
answer.id = 'answer';
answer.textContent = JSON.stringify({least_px: least, cut: out, high_px: high});
document.body.append(answer);
"""


@dataclass(frozen=True)
class Printed:
    """Text of every page; on the first one the smallest letters [pt], what is cut off, its height [mm]."""

    pages: tuple[str, ...]
    least_pt: float
    cut: tuple[str, ...]
    high_mm: float


def first_page_holds(paper: Printed) -> None:
    """One page, nothing cut off, no letters under 8 pt; then an appendix of six pages at most."""
    first, *appendix = paper.pages
    for words in ("research use only", "what would change this", "decision", "dissent", "names, time"):
        assert words in first
    assert not any("names, time" in page for page in appendix)
    assert appendix
    assert len(appendix) <= 6
    assert paper.cut == ()
    assert paper.least_pt >= LEAST_PT
    assert paper.high_mm <= HIGH_MM


def printed(page: str, folder: Path) -> Printed:
    """A report as Chromium prints it; skips where there is no Chromium, fails there in CI."""
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_or_fail("browser", "no chromium is here to print the report")
    source, measured, paper = folder / "report.html", folder / "measured.html", folder / "report.pdf"
    source.write_text(page, encoding="utf-8")
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    measured.write_text(bare.replace("</body>", f"<script>{_MEASURE}</script></body>"), encoding="utf-8")
    command = [str(chromium), "--headless", *_QUIET.split(), f"--user-data-dir={folder / 'profile'}"]
    _told([*command, "--no-pdf-header-footer", f"--print-to-pdf={paper}", f"file://{source}"])
    seen = _told([*command, _WIDE, "--dump-dom", f"file://{measured}"])
    found = json.loads(re.findall(r'<pre id="answer">(.*?)</pre>', seen, re.S)[0].replace("&amp;", "&"))
    sheets = PdfReader(paper).pages
    pages = tuple(" ".join(sheet.extract_text().split()) for sheet in sheets)
    least = min(0.75 * found["least_px"], _least_pt(sheets[0]))
    return Printed(pages, least, tuple(found["cut"]), found["high_px"] * 25.4 / 96)


def _least_pt(sheet: PageObject) -> float:
    """Size of the smallest letters as they are on paper: a printer shrinks all pages to hold a wide one."""
    sizes: list[float] = []

    def seen(text: str, outer: list[float], inner: list[float], _font: object, size: float) -> None:
        if text.strip():
            along = inner[0] * outer[0] + inner[1] * outer[2], inner[0] * outer[1] + inner[1] * outer[3]
            sizes.append(abs(size) * math.hypot(*along))

    sheet.extract_text(visitor_text=seen)
    return min(sizes)


def _told(command: list[str]) -> str:
    made = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return made.stdout
