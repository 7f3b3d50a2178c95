"""Read: a case folder becomes a case, its anatomy and its findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from osteoplan.anatomy.neighbours import with_neighbours
from osteoplan.anatomy.read import build_anatomy
from osteoplan.anatomy.register import register_rigid
from osteoplan.errors import UnknownName
from osteoplan.io.case import read_case
from osteoplan.io.case_file import read_case_file
from osteoplan.io.centre_file import knowledge_folder
from osteoplan.io.yaml import read_yaml
from osteoplan.knowledge.centre.overrides import folder_digest
from osteoplan.model.case import Case, Fact, Lesion, OtherScan
from osteoplan.model.findings import Finding, Findings
from osteoplan.model.result import Reading
from osteoplan.pathway.vocabulary import fact_row
from osteoplan.provenance import digest
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["bone_of", "choose_lesion", "input_digests", "read"]


def read(folder: Path | str, *, lesion: str | None = None, progress: Progress = quiet) -> Reading:
    """Read a case folder and measure one lesion: of the target, where none is named.

    Raises:
        BadInput: anything in the folder that cannot be used.
    """
    folder = Path(folder)
    stage(progress, "reading the case", 0.0, 0.05)
    case = _registered(read_case(folder), progress)
    chosen = choose_lesion(case, lesion)
    on_step = stage(progress, "finding bone, canal and neighbours", 0.05, 0.12)
    anatomy, measured = build_anatomy(case, chosen, on_step=on_step)
    stage(progress, "reading the neighbouring bones", 0.12, 0.15)
    anatomy = with_neighbours(anatomy, case)
    return Reading(case, chosen, anatomy, Findings.of(*_given(case, chosen), *measured))


def bone_of(folder: Path, lesion: str | None = None) -> str:
    """The bone that a plan of a folder is about, by its case file alone; empty where that names none."""
    listed = read_case_file(folder).lesions
    chosen = [one.bone for one in listed if (one.target if lesion is None else one.id == lesion)]
    first = [one.bone for one in listed if lesion is None]  # no target is marked
    return next(iter((*chosen, *first)), "")


def choose_lesion(case: Case, lesion: str | None) -> Lesion:
    """The named lesion, or the case's target."""
    if lesion is None:
        return case.target
    for candidate in case.lesions:
        if candidate.id == lesion:
            return candidate
    raise UnknownName("lesion", lesion, [candidate.id for candidate in case.lesions], "the case")


def input_digests(folder: Path) -> Mapping[str, str]:
    """Digest of every input of a case: the content of case.yaml, the bytes of each image."""
    file = read_case_file(folder)
    digests = {"case.yaml": digest(read_yaml(folder / "case.yaml"))}
    images = file.images
    names = [images.ct, images.ct_before, images.acquisition, images.dose, file.centre]
    names += [file.preferences] if isinstance(file.preferences, str) else []
    names += [scan.file for scan in images.mr]
    if images.labels:
        names += [images.labels.file, images.labels.names]
    for lesion in file.lesions:
        masks = [lesion.mask] if isinstance(lesion.mask, str) else [lesion.mask.rtstruct, lesion.mask.seg]
        names += masks
    for name in names:
        if name and (folder / name).exists():
            digests[name] = _content(folder / name)
    if file.centre and (folder / file.centre).exists():
        digests.update(_local_digest(folder / file.centre, file.centre))
    return digests


def _local_digest(path: Path, name: str) -> Mapping[str, str]:
    """Digest of the centre's own rules, where its file names some."""
    own = knowledge_folder(path)
    return {} if own is None else {f"{name}: knowledge": folder_digest(own)}


def _content(path: Path) -> str:
    """Digest of a file's bytes; of a folder, of its files' digests, whatever their names."""
    if path.is_dir():
        return digest(sorted(_content(file) for file in path.rglob("*") if file.is_file()))
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _registered(case: Case, progress: Progress) -> Case:
    """The case with every other scan in the CT's frame; one without a written matrix is registered now."""
    if all(other.registered for other in case.others):
        return case
    stage(progress, "registering other scans", 0.03, 0.05)
    others = []
    for other in case.others:
        if not other.registered:
            found = register_rigid(other.volume, case.ct)
            other = OtherScan(found.moved, True, found.words)
        others.append(other)
    return replace(case, others=tuple(others))


def _given(case: Case, lesion: Lesion) -> list[Finding]:
    """Facts that a person gave: of the lesion, of the patient, the goals."""
    found = [_said(name, value, f"given for lesion {lesion.id}") for name, value in lesion.facts.items()]
    found += [_said(name, value, "given for the patient") for name, value in case.facts.items()]
    found += [_said(name, value, "given as a goal") for name, value in case.goals.items()]
    found += _earlier(case)
    if lesion.matrix is not None:
        found.append(_said("matrix", lesion.matrix, f"given for lesion {lesion.id}"))
    if case.patient.age_y is not None:
        found.append(_said("age", case.patient.age_y, "given for the patient"))
    return found


def _earlier(case: Case) -> list[Finding]:
    """What ``prior_treatment`` tells the rules: nothing where nobody filled it in."""
    if case.prior_treatment is None:
        return []
    irradiated = [one for one in case.prior_treatment if one.kind in ("ebrt", "sbrt")]
    found = [_said("prior_rt", bool(irradiated), "from prior_treatment")]
    doses = [one.gy for one in irradiated]
    if doses and None not in doses:
        found.append(_said("prior_rt_gy", sum(dose for dose in doses if dose), "from prior_treatment"))
    return found


def _said(name: str, value: Fact, because: str) -> Finding:
    """A given fact with the unit of the vocabulary."""
    return Finding(name, value, fact_row(name).unit, because=because)
