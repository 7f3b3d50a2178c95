"""The check page points: a click tells a place in the patient, by arithmetic that is the program's own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from osteoplan.cli import main
from osteoplan.io.nifti import write_nifti
from osteoplan.model.checked import Checked, Level
from osteoplan.model.findings import Findings
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume
from osteoplan.report.check.page import render_check
from osteoplan.report.drawing.plane import fit
from tests.conftest import skip_or_fail
from tests.ct_made import body_HU
from tests.unit.test_volume import FLIPS, affine

SHAPE = (40, 36, 20)


def checked(ct: Volume, *, seeded: bool = False) -> Checked:
    """A scan without a lesion; with a block that was grown from a point."""
    grown = np.zeros(SHAPE, np.uint8)
    grown[12:26, 10:22, 6:15] = 1
    labels = LabelMap(ct.with_array(grown, "label"), {"femur_left": 1}) if seeded else None
    return Checked(
        "made", "0", None, None, Findings(), (), ("a scan",), (),
        ct=ct, label_map=labels, seeded=("femur_left",) if seeded else (),
    )  # fmt: skip


def scan(flip: tuple[int, int, int] = (1, 1, 1), angle: float = 0.3) -> Volume:
    values = np.random.default_rng(1).integers(-100, 400, SHAPE).astype(np.int16)
    return Volume(values, affine(flip=flip, angle=angle), "HU")


def ran(page: str, expression: str, folder: Path) -> object:
    """What an expression is worth among the functions of the page's own script."""
    script = re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    program = script + f"\nconst answer = JSON.stringify({expression});\n"
    if node := shutil.which("node"):
        return json.loads(_told([node, "-"], program + "console.log(answer);"))
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_or_fail("browser", "neither node nor chromium is here to run the page's script")
    program = program.replace('typeof document !== "undefined"', "false")
    program += "document.querySelector('pre').textContent = answer"
    (folder / "page.html").write_text(f"<pre></pre><script>{program}</script>")
    quiet = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags = ["--headless", *quiet.split(), f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    seen = _told([str(chromium), *flags, f"file://{folder}/page.html"])
    return json.loads(re.findall(r"<pre>(.*?)</pre>", seen, re.S)[0])


def _told(command: list[str], given: str = "") -> str:
    made = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.parametrize("flip", FLIPS)
def test_a_click_tells_the_place_and_the_voxel_on_any_grid(flip, tmp_path):
    ct = scan(flip)
    page = render_check(checked(ct))
    grid = json.loads(re.findall(r'id="grid">(.*?)</script>', page)[0])
    slices = [[float(x) for x in at.split()] for at in re.findall(r'class="slice" data-at="(.*?)"', page)]
    rng = np.random.default_rng(7)
    voxels = rng.integers(0, SHAPE, (20, 3))
    for at in (slices[0], slices[len(slices) // 2]):
        clicks = rng.uniform(0, 600, (20, 2)).round(3)
        places = ran(page, f"{clicks.tolist()}.map(c => place({at}, c[0], c[1]))", tmp_path)
        expected = np.array(at[:3]) + clicks @ np.array([at[3:6], at[6:]])
        assert np.allclose(places, expected, atol=1e-9)
        back = ran(page, f"{places}.map(mm => onPicture({at}, mm))", tmp_path)
        assert np.allclose(
            [[p["x"], p["y"], p["away"]] for p in back], np.c_[clicks, np.zeros(20)], atol=1e-3
        )
    positions = ct.positions_mm(voxels).tolist()
    assert ran(page, f"{positions}.map(mm => voxel({grid['inverse']}, mm))", tmp_path) == voxels.tolist()
    assert grid["shape"] == list(SHAPE)


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1)])
def test_a_picture_knows_where_its_pixels_are(flip):
    ct = scan(flip)
    hold = ct.positions_mm(np.argwhere(np.ones((4, 4, 4))))
    for cut in ("axial", "sagittal", "coronal"):
        plane = fit(cut, "any", hold.mean(axis=0), hold, margin_mm=10.0, pixel_mm=0.7)
        unit = 380.0 / plane.cols
        at = np.array(plane.drawn(unit))
        row, column = 5, 8
        click = (np.array([column, row]) + 0.5) * unit  # the middle of a pixel
        told = at[:3] + click[0] * at[3:6] + click[1] * at[6:]
        assert told == pytest.approx(plane.positions_mm()[row, column], abs=1e-3)


def test_what_was_grown_is_outlined_on_every_slice_that_holds_it():
    ct = scan(angle=0.0)
    page = render_check(checked(ct, seeded=True))
    assert "What was grown from a point, on every slice" in page
    assert "bone grown from a point" in page
    parts = re.findall(r'<g class="slice".*?</g>\s*</g>', page, re.S)
    assert len(parts) == 9  # k 6..14
    assert all(part.count("<path") == 2 for part in parts)  # the line and its dark edge
    shown = [part for part in parts if "display:none" not in part]
    assert len(shown) == 1
    assert len(page) < 200_000


def test_only_the_pages_own_script_may_run_and_nothing_is_loaded():
    page = render_check(checked(scan()))
    script = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "unsafe-eval" not in page


def test_without_a_scan_the_page_has_no_script():
    page = render_check(Checked("made", "0", None, None, Findings(), (), (), ()))
    assert "<script" not in page


def test_a_scan_alone_is_checked_next_and_says_how_a_point_is_found(tmp_path, capsys):
    write_nifti(Volume(body_HU((20, 16, 12)), affine(), "HU"), tmp_path / "scan.nii.gz")
    assert main(["init", str(tmp_path / "case"), "--ct", str(tmp_path / "scan.nii.gz")]) == 0
    assert "osteoplan check" in " ".join(capsys.readouterr().out.split())
    assert main(["check", str(tmp_path / "case")]) == 3
    assert "a click on check.html tells the point" in " ".join(capsys.readouterr().out.split())
    assert "find a point in the bone" in (tmp_path / "case" / "check.html").read_text()


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1)])
def test_the_level_is_counted_with_its_ribs_before_there_is_a_lesion(flip, tmp_path):
    """Each rib is numbered on its own side of the picture: the patient's right on the viewer's left."""
    ct = scan(flip, angle=0.0)
    array = np.zeros(SHAPE, np.uint8)
    array[16:24, 12:20, 6:14] = 1
    outer = ct.positions_mm((0, 0, 0))[0] > ct.positions_mm((39, 0, 0))[0]  # growing i goes to the right
    array[25:39, 12:16, 8:11], array[1:15, 12:16, 8:11] = (3, 2) if outer else (2, 3)
    labels = LabelMap(ct.with_array(array, "label"), {"vertebrae_T8": 1, "rib_left_8": 2, "rib_right_8": 3})
    centre = ct.positions_mm(np.argwhere(array == 1).mean(axis=0))
    level = Level("vertebrae_T8", centre, True, ("rib_left_8", "rib_right_8"))
    looked = Checked(
        "made", "0", None, None, Findings(), (), (), (), ct=ct, label_map=labels, levels=(level,),
        count=("counting can start from: nothing",),
    )  # fmt: skip
    page = render_check(looked)
    assert "rib left 8, rib right 8" in page
    marks = {
        name: float(x)
        for x, name in re.findall(r'<text x="([\d.]+)"[^>]*class="mark-name(?: end)?">(.*?)<', page)
    }
    assert marks["8 R"] < marks["T8"] < marks["8 L"]
