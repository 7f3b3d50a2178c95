"""Read: a case folder becomes a case, its anatomy and its findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from osteoplan.anatomy.read import build_anatomy
from osteoplan.errors import UnknownName
from osteoplan.io.case import read_case, read_case_file
from osteoplan.io.yaml import read_yaml
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case, Fact, Lesion
from osteoplan.model.findings import Finding, Findings
from osteoplan.pathway.vocabulary import fact_row
from osteoplan.provenance import digest
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["Reading", "choose_lesion", "input_digests", "read"]


@dataclass(frozen=True, eq=False)
class Reading:
    """A case with the anatomy and findings of one lesion."""

    case: Case
    lesion: Lesion
    anatomy: Anatomy
    findings: Findings


def read(folder: Path, *, lesion: str | None = None, progress: Progress = quiet) -> Reading:
    """Read a case folder and measure one lesion.

    Raises:
        BadInput: anything in the folder that cannot be used.
    """
    stage(progress, "reading the case", 0.0, 0.05)
    case = read_case(folder)
    chosen = choose_lesion(case, lesion)
    on_step = stage(progress, "finding bone, canal and neighbours", 0.05, 0.15)
    anatomy, measured = build_anatomy(case, chosen, on_step=on_step)
    return Reading(case, chosen, anatomy, Findings.of(*_given(case, chosen), *measured))


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
    names = [file.images.ct, file.images.ct_before, file.centre]
    if file.images.labels:
        names += [file.images.labels.file, file.images.labels.names]
    names += [lesion.mask for lesion in file.lesions if isinstance(lesion.mask, str)]
    for name in names:
        if name and (folder / name).is_file():
            with (folder / name).open("rb") as handle:
                digests[name] = hashlib.file_digest(handle, "sha256").hexdigest()
    return digests


def _given(case: Case, lesion: Lesion) -> list[Finding]:
    """Facts that a person gave: of the lesion, of the patient, the goals."""
    found = [_said(name, value, f"given for lesion {lesion.id}") for name, value in lesion.facts.items()]
    found += [_said(name, value, "given for the patient") for name, value in case.facts.items()]
    found += [_said(name, value, "given as a goal") for name, value in case.goals.items()]
    if lesion.matrix is not None:
        found.append(_said("matrix", lesion.matrix, f"given for lesion {lesion.id}"))
    if case.patient.age_y is not None:
        found.append(_said("age", case.patient.age_y, "given for the patient"))
    return found


def _said(name: str, value: Fact, because: str) -> Finding:
    """A given fact with the unit of the vocabulary."""
    return Finding(name, value, fact_row(name).unit, because=because)
