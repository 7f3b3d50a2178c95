"""The files of a folder, a zip archive or one file, by number: names below the given path may hold a name.

An archive is never unpacked onto the disk, so that no member can be written outside it and nothing of a
person is left behind; members are inflated in memory, one at a time, and counted while they grow.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from osteoplan.errors import BadInput
from osteoplan.io.dicom.limits import Limits

__all__ = ["HEAD", "Files", "files_at", "inflated", "is_bare", "is_marked"]

_MB = 2**20
_CHUNK = 2**20


@dataclass(frozen=True)
class Files:
    """Files by number, each opened for reading; a folder's, or an archive's members.

    Attributes:
        root: what the user gave.
        paths: of the files; () in an archive.
        members: of the archive; () in a folder.
        passed: what was no regular file (links out of the folder, devices, links in an archive): not read.
    """

    root: Path
    paths: tuple[Path, ...]
    members: tuple[zipfile.ZipInfo, ...]
    passed: int
    limits: Limits

    def __len__(self) -> int:
        return len(self.paths) + len(self.members)

    def open(self, number: int) -> BinaryIO:
        """The file, open for reading and seeking.

        Raises:
            BadInput: an archive's member is encrypted, damaged or grows beyond the limits.
        """
        if self.paths:
            return self.paths[number].open("rb")
        return io.BytesIO(self._member(number))

    def _member(self, number: int) -> bytes:
        member, where = self.members[number], f"{self.root}: file {number + 1} of {len(self)}"
        most = min(self.limits.inflated_file_max_MB * _MB, _ratio_cap(member.compress_size, self.limits))
        try:
            with zipfile.ZipFile(self.root) as archive, archive.open(member) as stream:
                content = stream.read(int(most) + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as why:
            raise BadInput(
                f"{where} is damaged, encrypted or packed in a way that is not read ({type(why).__name__}): "
                "unpack it and give the folder"
            ) from None
        if len(content) > most:
            raise BadInput(f"{where} {_too_much(most)}")
        return content


def files_at(path: Path, limits: Limits) -> Files:
    """The files below a folder, in a zip archive, or the one file.

    Raises:
        BadInput: nothing is there, too many files, or an archive that is too large or damaged.
    """
    if path.is_dir():
        return _folder(path, limits)
    if not path.is_file():
        raise BadInput(f"{path}: no such file or folder; give a DICOM folder, a zip of it, or one DICOM file")
    if zipfile.is_zipfile(path) and not is_marked(path):
        return _archive(path, limits)
    return Files(path, (path,), (), 0, limits)


def inflated(content: bytes, where: str, limits: Limits) -> bytes:
    """A raw deflate stream inflated, as far as the limits allow.

    Raises:
        BadInput: it is damaged, or grows beyond the limits.
    """
    most = int(min(limits.inflated_file_max_MB * _MB, _ratio_cap(len(content), limits)))
    try:
        grown = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, most + 1)
    except zlib.error:
        raise BadInput(f"{where} is deflated and damaged: export the series again") from None
    if len(grown) > most:
        raise BadInput(f"{where} {_too_much(most)}")
    return grown


def _too_much(most: float) -> str:
    return (
        f"inflates to more than {most / _MB:.0f} MB, out of proportion to its size, and was refused: "
        "it is no scan, or export it without deflation"
    )


def _ratio_cap(size: int, limits: Limits) -> float:
    return max(size, 4096) * limits.inflation_ratio_max


def _folder(path: Path, limits: Limits) -> Files:
    root, found, passed = path.resolve(), [], 0
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            try:
                regular = stat.S_ISREG(file.stat().st_mode) and file.resolve().is_relative_to(root)
            except OSError:
                regular = False
            found += [file] if regular else []
            passed += not regular
        if len(found) > limits.files_max:
            raise BadInput(
                f"{path}: more than {limits.files_max:.0f} files; give the folder of one examination"
            )
    if not found:
        raise BadInput(f"{path}: the folder holds no files; give the folder that the DICOM export wrote")
    return Files(path, tuple(found), (), passed, limits)


def _archive(path: Path, limits: Limits) -> Files:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise BadInput(f"{path}: the zip archive is damaged; pack it again or give the folder") from None
    members = [entry for entry in entries if not stat.S_ISLNK(entry.external_attr >> 16)]
    if not members:
        raise BadInput(f"{path}: the zip archive holds no files; pack the DICOM folder again")
    if len(entries) > limits.files_max:
        raise BadInput(f"{path}: more than {limits.files_max:.0f} files; pack one examination")
    size = sum(member.file_size for member in members)
    if size > limits.inflated_archive_max_MB * _MB or size > _ratio_cap(path.stat().st_size, limits):
        raise BadInput(
            f"{path}: the archive says that it inflates to {size / _MB:.0f} MB, out of proportion to a scan, "
            "and was refused: pack one examination, or give the folder"
        )
    return Files(path, (), tuple(members), len(entries) - len(members), limits)


def is_marked(path: Path) -> bool:
    """True for a file that begins as DICOM does (it may end like a zip archive), with or without its mark."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return head[128:] == b"DICM" or is_bare(head)


def is_bare(head: bytes) -> bool:
    """True where a file begins with DICOM's first element at once, without the preamble and mark of PS3.10.

    That element is of group 2 (explicit) or 8; after its tag stand two letters or a length of four bytes.
    """
    if head[128:] == b"DICM" or head[:4] not in _FIRST:
        return False
    vr, length = head[4:6], int.from_bytes(head[4:8], "little")
    return (vr.isalpha() and vr.isupper()) or (head[0] == 8 and length < HEAD)


HEAD = 132  # bytes of preamble and mark
_ELEMENTS = (0x00, 0x01, 0x05, 0x06, 0x08, 0x12, 0x16)  # group length up to the object's class
_FIRST = frozenset(
    (bytes((2, 0, 0, 0)), bytes((2, 0, 1, 0)), bytes((2, 0, 2, 0)), *(bytes((8, 0, e, 0)) for e in _ELEMENTS),
     *(bytes((0, 8, 0, e)) for e in _ELEMENTS))
)  # fmt: skip
