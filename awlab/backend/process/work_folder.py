"""Where a running `make` puts its files: a folder of its own, gone when the work is over."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from awlab.backend.settings import load_settings

__all__ = ["new_work_folder", "work_folder", "work_root"]

_folder: ContextVar[Path | None] = ContextVar("awlab work folder", default=None)


def work_root() -> Path:
    """Folder of all work folders; what a killed process left there may be removed."""
    return load_settings().home / "work"


@contextlib.contextmanager
def new_work_folder() -> Iterator[Path]:
    """Make a work folder for what runs inside the ``with``, and remove it afterwards."""
    root = work_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="make-", dir=root))
    token = _folder.set(folder)
    try:
        yield folder
    finally:
        _folder.reset(token)
        shutil.rmtree(folder, ignore_errors=True)


def work_folder() -> Path:
    """Return the folder of the work that runs; one that stays, where none does."""
    found = _folder.get()
    if found is None:
        work_root().mkdir(parents=True, exist_ok=True)
        found = Path(tempfile.mkdtemp(prefix="manual-", dir=work_root()))
    return found
