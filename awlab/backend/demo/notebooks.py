"""The user's own copies of the notebooks that came with awlab: what is saved stays theirs."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from awlab.backend.dataserver import storage_errors
from awlab.backend.errors import FileMissing
from awlab.backend.settings import load_settings

__all__ = ["own_notebooks"]

FIRST = "00_start_here.ipynb"
# Beside the copies: the content that each of them was made with.
_RECORD = ".as_delivered.json"


def own_notebooks() -> Path:
    """Return the folder of the user's notebooks, with a copy of each that came with awlab.

    A copy that was not changed follows the notebook that it is a copy of; one that was changed is
    the user's, and is left alone. Deleted ones come back.

    Returns
    -------
    Path
        ``notebooks`` in the home of awlab.

    Raises
    ------
    FileMissing
        If the notebooks are nowhere to be found.
    AccessDenied, StorageFailed
        If the copies cannot be written.
    """
    folder = load_settings().home / "notebooks"
    with storage_errors(f"the notebooks cannot be copied to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        record = _read_record(folder / _RECORD)
        for delivered in sorted(_delivered().glob("*.ipynb")):
            content = delivered.read_bytes()
            own = folder / delivered.name
            if own.is_file() and _hash(own.read_bytes()) != record.get(own.name):
                continue
            own.write_bytes(content)
            record[own.name] = _hash(content)
        (folder / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return folder


def _delivered() -> Path:
    """Find the notebooks: beside the package in a checkout, else as installed."""
    checkout = Path(__file__).resolve().parents[3]
    for place in (checkout / "notebooks", Path(sys.prefix) / "share" / "awlab" / "notebooks"):
        if (place / FIRST).is_file():
            return place
    raise FileMissing("the notebooks of awlab are not here", "install awlab again")


def _read_record(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
