"""Where a running `make` puts its files: a folder of its own, gone when the work is over."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from awlab.backend.datamodel import process_is_gone
from awlab.backend.settings import load_settings

__all__ = ["new_work_folder", "remove_left_behind", "work_folder", "work_root"]

_folder: ContextVar[Path | None] = ContextVar("awlab work folder", default=None)


def work_root() -> Path:
    """Folder of all work folders; what a killed process left there may be removed."""
    return load_settings().home / "work"


@contextlib.contextmanager
def new_work_folder() -> Iterator[Path]:
    """Make a work folder for what runs inside the ``with``, and remove it afterwards."""
    root = work_root()
    root.mkdir(parents=True, exist_ok=True)
    remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=f"make-{_host()}-{os.getpid()}-", dir=root))
    token = _folder.set(folder)
    try:
        yield folder
    finally:
        _folder.reset(token)
        shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    return socket.gethostname().replace("-", "_")


def remove_left_behind() -> list[Path]:
    """Remove the work folders of processes of this host that are gone; return them."""
    removed = []
    for folder in work_root().glob(f"make-{_host()}-*"):
        pid = folder.name.split("-")[2]
        if pid.isdigit() and int(pid) != os.getpid() and process_is_gone(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def work_folder() -> Path:
    """Return the folder of the work that runs; one that stays, where none does."""
    found = _folder.get()
    if found is None:
        work_root().mkdir(parents=True, exist_ok=True)
        found = Path(tempfile.mkdtemp(prefix="manual-", dir=work_root()))
    return found
