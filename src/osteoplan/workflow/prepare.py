"""Prepare: make a case folder from whatever a hospital has, and nothing in it that names a person.

Every image is read, checked and written again: voxels, positions and an allow-list of facts about the scan go
into the folder, file headers and file names do not.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from osteoplan.anatomy.calibrate import calibrate
from osteoplan.anatomy.image_values import gas_in_bone, require_bone_size, require_plausible
from osteoplan.anatomy.target import require_some_in_bone
from osteoplan.arrays import Point
from osteoplan.errors import AlreadyExists, BadInput
from osteoplan.io.acquisition import write_acquisition
from osteoplan.io.case import meaning_of, read_case, read_images
from osteoplan.io.case_file import MaskFile, read_case_file
from osteoplan.io.dicom.child import one_child
from osteoplan.io.images import ReadImage, is_dicom, read_image
from osteoplan.io.label_names import write_names
from osteoplan.io.labels import take_labels
from osteoplan.io.masks import read_mask
from osteoplan.io.nifti import write_nifti
from osteoplan.io.places import require_writable
from osteoplan.io.yaml import write_yaml
from osteoplan.knowledge.sites import bone_called, label_of
from osteoplan.model.case import Case, Matrix, Side
from osteoplan.model.labels import LabelMap
from osteoplan.model.spot import Spot
from osteoplan.model.volume import Volume
from osteoplan.workflow.options import comparators_alone
from osteoplan.workflow.progress import Progress, quiet, stage

__all__ = ["Ellipsoid", "Made", "NewCase", "NewLesion", "init_case"]


@dataclass(frozen=True)
class Ellipsoid:
    """A lesion as a radiologist measures it: a point (LPS mm, or a spot) and three diameters [mm].

    ``threshold`` keeps only what differs from the bone around it inside the ellipsoid.
    """

    centre: Point | Spot
    axes_mm: Point
    threshold: bool = False


@dataclass(frozen=True)
class NewLesion:
    """The lesion that ``init`` was told of.

    Attributes:
        source: an image, an RTSTRUCT, a DICOM SEG, or an ellipsoid.
        part: name or number of the contour or segment, where the file holds several.
    """

    source: Path | Ellipsoid
    bone: str
    side: Side
    part: str | None = None
    matrix: Matrix | None = None


@dataclass(frozen=True)
class NewCase:
    """What ``init`` was told.

    Attributes:
        series: pseudonym of the CT series, where a DICOM folder holds several.
        straighten: resample a scan with gantry tilt.
        seed: a bone and a point in it (LPS mm, or a spot), where no label map holds the bone.
        others: MR or other series, and whether to register them rigidly onto the CT.
        calibration: as in case.yaml; None takes the tissues of the scan (``internal``), ``kvp`` alone the
            best that the scan allows.
    """

    ct: Path
    series: str | None = None
    straighten: bool = False
    labels: Path | None = None
    scheme: str | None = None
    names: Path | None = None
    seed: tuple[str, Point | Spot] | None = None
    lesion: NewLesion | None = None
    others: tuple[Path, ...] = ()
    register: bool = False
    dose: Path | None = None
    calibration: Mapping[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """What ``init`` made: the case, or None while it has no lesion, and what was noticed on the way."""

    case: Case | None
    notes: tuple[str, ...]


def init_case(folder: Path, new: NewCase, *, force: bool = False, progress: Progress = quiet) -> Made:
    """Make a case folder: import the images, write case.yaml, read it back.

    Nothing appears at ``folder`` unless the whole case can be read.  Without a lesion the folder is made for
    ``simulate-lesion``.

    Raises:
        AlreadyExists: the folder holds a case already, and ``force`` was not given.
        BadInput: images that cannot be used together.
    """
    if (folder / "case.yaml").exists() and not force:
        raise AlreadyExists(f"{folder} is a case already; choose another folder, or --force to replace it")
    new = _with_known_bones(new)
    require_writable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with one_child(), tempfile.TemporaryDirectory(prefix=".init-", dir=folder.parent) as made:
        beside = Path(made) / "case"
        beside.mkdir()
        importing = _Import(beside, new, progress)
        write_yaml(beside / "case.yaml", importing.document(folder.absolute().name))
        stage(progress, "reading the case back", 0.9, 1.0)
        case = _read_back(beside)
        if folder.exists():
            _replace_files(beside, folder)
        else:
            beside.replace(folder)
    return Made(case, tuple(importing.notes))


def _with_known_bones(new: NewCase) -> NewCase:
    """Bones by their names in a case, however they were called; an unknown one is told before any work."""
    lesion = replace(new.lesion, bone=bone_called(new.lesion.bone)) if new.lesion else None
    seed = (bone_called(new.seed[0]), new.seed[1]) if new.seed else None
    return replace(new, lesion=lesion, seed=seed)


class _Import:
    """Brings one image after the other into a new folder and keeps what was noticed."""

    def __init__(self, folder: Path, new: NewCase, progress: Progress) -> None:
        self.folder, self.new, self.progress = folder, new, progress
        self.notes: list[str] = []
        if new.lesion is not None and (said := comparators_alone(new.lesion.bone)):
            self.notes.append(said)

    def document(self, name: str) -> dict[str, Any]:
        """case.yaml, with every image written beside it."""
        stage(self.progress, "reading the scan", 0.0, 0.3)
        scan = self._scan()
        images = {"ct": "ct.nii.gz", **self._taken(scan)}
        labels, named = self._labels(scan.volume)
        if named:
            images["labels"] = named
        stage(self.progress, "reading other scans", 0.6, 0.8)
        images |= self._others(scan.volume)
        images["calibration"] = self._calibration(scan, labels)
        stage(self.progress, "placing the lesion", 0.8, 0.9)
        lesions = [self._lesion(self.new.lesion, scan.volume, labels)] if self.new.lesion else []
        return {"id": name, "images": images, "lesions": lesions}

    def _scan(self) -> ReadImage:
        meaning = meaning_of(self.new.calibration or {})
        found = read_image(self.new.ct, meaning, series=self.new.series, straighten=self.new.straighten)
        if found.volume.meaning == "MR":
            raise BadInput(f"{self.new.ct}: this is an MR series; a plan starts from a CT, give MR with --mr")
        require_plausible(found.volume, what=str(self.new.ct))
        self.notes += found.notes
        write_nifti(found.volume, self.folder / "ct.nii.gz")
        return found

    def _taken(self, scan: ReadImage) -> dict[str, Any]:
        if scan.acquisition is None:
            return {}
        write_acquisition(scan.acquisition, self.folder / "acquisition.json")
        return {"acquisition": "acquisition.json"}

    def _labels(self, ct: Volume) -> tuple[LabelMap | None, dict[str, Any]]:
        """The label map given, the bone grown from a seed, or both in one map."""
        stage(self.progress, "reading the labels", 0.3, 0.4)
        labels: LabelMap | None = None
        written: dict[str, Any] = {}
        if self.new.labels is not None:
            labels, written = self._given_labels(self.new.labels, ct)
        if self.new.seed is not None:
            bone, spot = self.new.seed
            seed_mm = self._placed(spot, ct)
            labels = self._grown(ct, labels, bone, seed_mm)
            written = {"file": "labels.nii.gz", "names": "structures.csv"}
            written["seeded"] = {label_of(bone): list(seed_mm)}
        if labels is None:
            return None, {}
        write_nifti(labels.volume, self.folder / "labels.nii.gz")
        if "names" in written:
            write_names(labels.values, self.folder / "structures.csv")
        return labels, written

    def _given_labels(self, path: Path, ct: Volume) -> tuple[LabelMap, dict[str, Any]]:
        read = take_labels(path, ct, scheme_name=self.new.scheme, names=self.new.names)
        require_bone_size(read.labels, what=path.name)
        self.notes += (*read.notes, *gas_in_bone(ct, read.labels))
        named = {"scheme": read.scheme} if read.scheme else {"names": "structures.csv"}
        return read.labels, {"file": "labels.nii.gz", **named}

    def _grown(self, ct: Volume, labels: LabelMap | None, bone: str, seed_mm: Point) -> LabelMap:
        """The label map with one more bone, grown from a point in it."""
        from osteoplan.anatomy.segment import segment_bone

        stage(self.progress, f"growing {bone} from the point", 0.4, 0.6)
        name = label_of(bone)
        if labels is not None and labels.has(name):
            raise BadInput(f"{bone} is in the label map already; leave --seed out, or leave --labels out")
        grown = segment_bone(ct, bone, np.asarray(seed_mm))
        self.notes += (f"{bone}: {grown.because}", *(f"{bone}: {caution}" for caution in grown.cautions))
        values = dict(labels.values) if labels else {}
        number = max(values.values(), default=0) + 1
        array = np.zeros(ct.shape, np.uint16) if labels is None else labels.volume.array.astype(np.uint16)
        array[grown.mask & (array == 0)] = number
        return LabelMap(ct.with_array(array, "label"), {**values, name: number})

    def _placed(self, spot: Point | Spot, ct: Volume) -> Point:
        """A point in LPS mm, told where it was given otherwise."""
        if not isinstance(spot, Spot):
            return spot
        at = spot.on(ct)
        if spot.system != "lps":
            self.notes.append(f"{spot} is {','.join(f'{x:g}' for x in at)} in LPS mm")
        return at

    def _others(self, ct: Volume) -> dict[str, Any]:
        """MR and dose, as entries of case.yaml."""
        listed = [self._other(path, n, ct) for n, path in enumerate(self.new.others, start=1)]
        entries: dict[str, Any] = {"mr": listed} if listed else {}
        if self.new.dose is not None:
            from osteoplan.io.dicom.dose import read_dose

            dose = read_dose(self.new.dose)
            if dose.frame != ct.frame:
                raise BadInput(
                    f"the dose is on frame {dose.frame}, the CT on {ct.frame}: load the dose of this scan"
                )
            write_nifti(dose, self.folder / "dose.nii.gz")
            entries["dose"] = "dose.nii.gz"
        return entries

    def _other(self, path: Path, n: int, ct: Volume) -> dict[str, Any]:
        found = read_image(path, "MR")
        scan = found.volume
        self.notes += found.notes
        name = f"mr_{n}.nii.gz"
        write_nifti(scan, self.folder / name)
        if scan.frame == ct.frame and scan.frame != "scan":
            self.notes.append(f"scan {n} shares the CT's frame of reference: taken as registered")
            return {"file": name, "registered": True}
        if not self.new.register:
            raise BadInput(
                f"scan {n} is in another frame of reference than the CT: add --register to match them "
                "rigidly, or give it registered as NIfTI and list it with 'registered: true'"
            )
        from osteoplan.anatomy.register import register_rigid

        moved = register_rigid(replace(scan, meaning="MR"), ct)
        self.notes.append(f"scan {n} {moved.words}")
        residual = round(moved.residual_mm, 2)
        matrix = [[float(x) for x in row] for row in moved.matrix]
        return {"file": name, "registered": "rigid_to_ct", "matrix": matrix, "residual_mm": residual}

    def _calibration(self, scan: ReadImage, labels: LabelMap | None) -> dict[str, Any]:
        """As told; a fixed one without a tube voltage takes the one that the scan records."""
        from osteoplan.anatomy.calibrate import require_request

        told = dict(self.new.calibration or {"kind": "internal"})
        if "kind" not in told:
            return self._best(told, scan, labels)
        if told.get("kind") != "fixed" or "kvp" in told:
            require_request(told, scan.acquisition)
            return told
        recorded = scan.acquisition.kvp if scan.acquisition else None
        if recorded is None:
            raise BadInput(
                "the tube voltage is not recorded in this file: add --kvp (e.g. --kvp 120), "
                "or --calibration internal, phantom or density"
            )
        told["kvp"] = recorded
        require_request(told, scan.acquisition)
        return told

    def _best(self, told: dict[str, Any], scan: ReadImage, labels: LabelMap | None) -> dict[str, Any]:
        """A tube voltage alone helps the scan's own tissues; its prior is taken where they cannot serve."""
        kvp, recorded = float(told["kvp"]), scan.acquisition.kvp if scan.acquisition else None
        if recorded is not None and abs(recorded - kvp) > 0.5:
            raise BadInput(f"--kvp is {kvp:g}, the scanner recorded {recorded:g} kV: leave --kvp out")
        requests = [{"kind": kind, **told} for kind in ("internal", "fixed")]
        failed: list[str] = []
        for request in requests:
            try:
                calibrate(request, scan.volume, labels=labels, acquisition=scan.acquisition)
            except BadInput as why:
                failed.append(str(why))
            else:
                if failed:
                    self.notes.append(
                        f"the prior of {kvp:g} kV stands for density (ratios, no newtons): "
                        f"the tissues of this scan cannot, {failed[0]}"
                    )
                return request
        self.notes += (f"density is not known yet: {why}" for why in failed)
        return requests[0]

    def _lesion(self, new: NewLesion, ct: Volume, labels: LabelMap | None) -> dict[str, Any]:
        """One lesion of case.yaml, its mask written on the CT's grid."""
        if labels is not None:
            labels.box(label_of(new.bone))  # a bone that is not on the scan is told here, not by 'check'
        entry: dict[str, Any] = {
            "id": "L1", "bone": new.bone, "side": new.side, "level_confirmed": False, "target": True,
        }  # fmt: skip
        entry["mask"], drawn = self._mask(new, ct, labels)
        if drawn:
            entry["drawn"] = drawn
        if new.matrix is not None:
            entry["matrix"] = new.matrix
        return entry

    def _mask(self, new: NewLesion, ct: Volume, labels: LabelMap | None) -> tuple[Any, str]:
        source = new.source
        if isinstance(source, Ellipsoid):
            centre_mm, axes_mm = self._placed(source.centre, ct), source.axes_mm
            if not source.threshold:
                return {"ellipsoid": {"centre_mm": list(centre_mm), "axes_mm": list(axes_mm)}}, ""
            mask, drawn = _thresholded(new, centre_mm, axes_mm, ct, labels)
            write_nifti(mask, self.folder / "lesion_L1.nii.gz")
            return "lesion_L1.nii.gz", drawn
        part = None if is_dicom(source) else new.part
        found = read_mask(Path(), _spec(source, new.part), ct, what="the mask of lesion L1", part=part)
        self.notes += (f"lesion L1: {note}" for note in found.notes)
        write_nifti(found.mask, self.folder / "lesion_L1.nii.gz")
        called = found.called or (f"number {new.part}" if new.part else "")
        held = "a DICOM object" if is_dicom(source) else "its file"
        return "lesion_L1.nii.gz", f"{called} of {held}" if called else ""


def _spec(source: Path, part: str | None) -> str | MaskFile:
    """How a lesion's file is read: a plain image, or a part (the only one) of a DICOM object."""
    if not is_dicom(source):
        return str(source)
    kind = _dicom_kind(source)
    if kind == "rtstruct":
        return MaskFile(rtstruct=str(source), roi=part)
    return MaskFile(seg=str(source), segment=part)


def _dicom_kind(source: Path) -> Literal["rtstruct", "seg"]:
    from osteoplan.io.dicom.series import find_series

    modalities = {found.modality for found in find_series(source)} - {""}  # no DICOM beside it
    masks = modalities & {"RTSTRUCT", "SEG"}  # the scan that they were drawn on may lie beside them
    if masks == {"RTSTRUCT"}:
        return "rtstruct"
    if masks == {"SEG"}:
        return "seg"
    there = ", ".join(sorted(modalities)) or "nothing"
    raise BadInput(f"{source}: holds {there}, not one mask; give an RTSTRUCT or a DICOM SEG file")


def _thresholded(
    new: NewLesion, centre_mm: Point, axes_mm: Point, ct: Volume, labels: LabelMap | None
) -> tuple[Volume, str]:
    """What differs from the bone around it inside the ellipsoid."""
    from osteoplan.anatomy.lesion_shapes import threshold_in_ellipsoid

    name = label_of(new.bone)
    if labels is None or not labels.has(name):
        raise BadInput(f"a threshold needs the bone: give --labels with {name}, or --seed")
    if new.matrix is None:
        raise BadInput("a threshold needs --matrix: lytic looks for what is darker, blastic for brighter")
    return threshold_in_ellipsoid(ct, centre_mm, axes_mm, matrix=new.matrix, bone_mask=labels.mask(name))


def _read_back(folder: Path) -> Case | None:
    """The new case, read as any other; only the images are read where there is no lesion yet."""
    file = read_case_file(folder)
    if file.lesions:
        case = read_case(folder)
        for lesion in case.lesions:
            require_some_in_bone(case, lesion)
        return case
    read_images(folder, file, file.images.ct)
    return None


def _replace_files(beside: Path, folder: Path) -> None:
    """Move the new files over; case.yaml last, so that it never names a file that is not there."""
    for path in sorted(beside.iterdir(), key=lambda p: p.name == "case.yaml"):
        path.replace(folder / path.name)
