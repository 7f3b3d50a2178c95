"""Where results go: asked before the work whether they can be written there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from osteoplan.errors import BadInput

__all__ = ["require_writable", "sentence_of"]

LEAST_FREE_MB = 20  # pages and tables of a plan; a scan brought in is held against the disk as it is written


def require_writable(folder: Path) -> None:
    """Say no, before the work, to a folder that cannot be made or written in; nothing is left behind.

    Raises:
        BadInput: a file is in the way, the name is too long, it may not be written, or the disk is full.
    """
    made: list[Path] = []
    try:
        for part in (*reversed(folder.absolute().parents), folder.absolute()):
            if not part.exists():
                part.mkdir()
                made.append(part)
            elif not part.is_dir():
                raise BadInput(f"{part}: a file is in the way of a folder; move it, or choose another folder")
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))
        free_MB = shutil.disk_usage(folder).free / 1e6
    except OSError as why:
        raise BadInput(sentence_of(why, folder)) from why
    finally:
        for part in reversed(made):
            part.rmdir()
    if free_MB < LEAST_FREE_MB:
        raise BadInput(
            f"{folder}: {free_MB:.0f} MB are free on this disk, at least {LEAST_FREE_MB} are needed; "
            "make room, or choose another folder"
        )


def sentence_of(why: OSError, place: Path | None = None) -> str:
    """What the system said of a file or folder, as a sentence that says what to do."""
    named = place or why.filename or "a file"
    shown = str(named) if len(str(named)) < 120 else f"{str(named)[:60]} ... {str(named)[-20:]}"
    return f"{shown}: cannot be written or read ({why.strerror or why}); choose another place, or make room"
