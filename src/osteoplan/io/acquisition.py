"""How a scan was taken, as a small JSON file beside a scan that came from DICOM."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from osteoplan.errors import BadInput
from osteoplan.io.yaml import write_text
from osteoplan.model.acquisition import Acquisition

__all__ = ["read_acquisition", "write_acquisition"]


def write_acquisition(acquisition: Acquisition, path: Path) -> None:
    """Write what is known of a scan; nothing in it names a person."""
    write_text(path, json.dumps(asdict(acquisition), indent=1) + "\n")


def read_acquisition(path: Path) -> Acquisition:
    """Read it back.

    Raises:
        BadInput: absent, or not such a file.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file; leave images.acquisition out if it is not known")
    try:
        return TypeAdapter(Acquisition).validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as why:
        raise BadInput(f"{path}: not a record of an acquisition; run 'osteoplan init' again") from why
