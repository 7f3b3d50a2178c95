"""Read: a case folder becomes a case, its anatomy and its findings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.anatomy.neighbours import with_neighbours
from osteoplan.anatomy.read import build_anatomy
from osteoplan.anatomy.register import register_rigid
from osteoplan.errors import UnknownName
from osteoplan.io.case import read_case, retold, told_of_images
from osteoplan.io.case_file import CaseFile, read_case_file
from osteoplan.io.centre_file import knowledge_folder
from osteoplan.io.yaml import read_yaml
from osteoplan.knowledge.centre.overrides import folder_digest
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case, Fact, Lesion, OtherScan
from osteoplan.model.findings import Finding, Findings
from osteoplan.model.result import Reading
from osteoplan.model.volume import Volume
from osteoplan.pathway.vocabulary import fact_row
from osteoplan.provenance import digest
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["bone_of", "choose_lesion", "input_digests", "read"]


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the images of a case tell of one lesion; facts that a person gave have no part in it."""

    case: Case
    anatomy: Anatomy
    measured: tuple[Finding, ...]


def read(
    folder: Path | str, *, lesion: str | None = None, cache: Cache | None = None, progress: Progress = quiet
) -> Reading:
    """Read a case folder and measure one lesion: of the target, where none is named.

    Args:
        cache: keeps what images tell.  Of a case that was seen before the file alone is read, and an image
            only when somebody looks at its voxels.

    Raises:
        BadInput: anything in the folder that cannot be used.
    """
    folder = Path(folder)
    opened: list[Case] = []

    def whole() -> Case:
        if not opened:
            stage(progress, "reading the case", 0.0, 0.05)
            opened.append(_registered(read_case(folder), progress))
        return opened[0]

    key = ""
    if cache is None:
        seen = _see(whole(), lesion, progress)
    else:
        file = read_case_file(folder)
        key = digest(told_of_images(file), _contents(folder, _images_of(file)), lesion)
        seen = cache.once(lambda: _without_voxels(_see(whole(), lesion, progress)), "seen", key)
    case = retold(opened[0] if opened else _unread(seen.case, whole), folder)
    chosen = choose_lesion(case, lesion)
    anatomy = replace(seen.anatomy, lesion=chosen)
    return Reading(case, chosen, anatomy, Findings.of(*_given(case, chosen), *seen.measured), key)


def _see(case: Case, lesion: str | None, progress: Progress) -> _Seen:
    on_step = stage(progress, "finding bone, canal and neighbours", 0.05, 0.12)
    anatomy, measured = build_anatomy(case, choose_lesion(case, lesion), on_step=on_step)
    stage(progress, "reading the neighbouring bones", 0.12, 0.15)
    return _Seen(case, with_neighbours(anatomy, case), measured)


class _Unread(Volume):
    """An image of which only the voxels are still on disk."""

    def __getattr__(self, name: str) -> Any:
        """The voxels, read when they are first looked at."""
        if name != "array" or "read" not in self.__dict__:
            raise AttributeError(name)
        object.__setattr__(self, "array", self.__dict__["read"]().array)
        return self.array


def _unread(case: Case, whole: Callable[[], Case]) -> Case:
    """The case with images that are read when somebody looks at their voxels."""

    def later(image: Volume, of: Callable[[Case], Volume]) -> Volume:
        made = object.__new__(_Unread)
        known = {"affine": image.affine, "meaning": image.meaning, "frame": image.frame}
        made.__dict__.update(known, read=lambda: of(whole()))
        return made

    return _each_image(case, later)


def _without_voxels(seen: _Seen) -> _Seen:
    """What is kept: the anatomy is a crop, and the images stay where they are."""

    def bare(image: Volume, _: Callable[[Case], Volume]) -> Volume:
        return replace(image, array=np.empty((0, 0, 0), image.array.dtype))

    case = _each_image(seen.case, bare)
    lesion = next(one for one in case.lesions if one.id == seen.anatomy.lesion.id)
    return replace(seen, case=case, anatomy=replace(seen.anatomy, lesion=lesion))


def _each_image(case: Case, change: Callable[[Volume, Callable[[Case], Volume]], Volume]) -> Case:
    """The case with every image changed; ``change`` gets it and where a case has it."""

    def named(name: str) -> Volume | None:
        image: Volume | None = getattr(case, name)
        return None if image is None else change(image, attrgetter(name))

    def other(n: int) -> OtherScan:
        return replace(case.others[n], volume=change(case.others[n].volume, lambda c: c.others[n].volume))

    def lesion(n: int) -> Lesion:
        return replace(case.lesions[n], mask=change(case.lesions[n].mask, lambda c: c.lesions[n].mask))

    return replace(
        case, ct=change(case.ct, attrgetter("ct")),
        labels=named("labels"), ct_before=named("ct_before"), dose=named("dose"),
        others=tuple(map(other, range(len(case.others)))),
        lesions=tuple(map(lesion, range(len(case.lesions)))),
    )  # fmt: skip


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
    names = [*_images_of(file), file.centre]
    names += [file.preferences] if isinstance(file.preferences, str) else []
    digests.update(_contents(folder, names))
    if file.centre and (folder / file.centre).exists():
        digests.update(_local_digest(folder / file.centre, file.centre))
    return digests


def _images_of(file: CaseFile) -> list[str | None]:
    """Every image and table that a case file names."""
    images = file.images
    names = [images.ct, images.ct_before, images.acquisition, images.dose]
    names += [scan.file for scan in images.mr]
    if images.labels:
        names += [images.labels.file, images.labels.names]
    for lesion in file.lesions:
        masks = [lesion.mask] if isinstance(lesion.mask, str) else [lesion.mask.rtstruct, lesion.mask.seg]
        names += masks
    return names


def _contents(folder: Path, names: Iterable[str | None]) -> dict[str, str]:
    return {name: _content(folder / name) for name in names if name and (folder / name).exists()}


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
