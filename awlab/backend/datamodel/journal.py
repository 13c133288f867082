"""A note of every file put on the data server, so that a killed process leaves nothing behind.

A file is stored before its object is committed. If the process dies in between, the file belongs
to nobody. Every process notes the names it is about to store; the notes of processes that are gone
are gone through by the next one, and files that no object has are removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from awlab.backend.database import (
    current_database,
    known_filenames,
    settled,
    use_file_remover,
)
from awlab.backend.datamodel.session import current_dataserver, dataserver_location
from awlab.backend.errors import AwlabError, FileMissing
from awlab.backend.settings import load_settings

__all__ = ["note_file", "note_kept", "pending_names", "process_is_gone", "sweep"]

_KEPT = "kept"


def _folder() -> Path:
    return load_settings().home / "work" / "stored"


def _place() -> list[str]:
    """Database and data server that a note is about."""
    url = current_database().url
    return [f"{url.host or ''}/{url.query.get('host', '')}/{url.database}", dataserver_location()]


def note_file(*names: str) -> None:
    """Note that this process is about to store a file of one of these names."""
    _note(names)


def note_kept(*names: str) -> None:
    """Note that stored files are committed, and about to be the only ones of their content.

    No sweep removes them, even if the database is put back to a time before.
    """
    _note(names, _KEPT)


def _note(names: Iterable[str], *more: str) -> None:
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    # A line of its own, also behind one that a killed process of the same number left half-written.
    lines = ["\n" + json.dumps([*_place(), name, *more]) + "\n" for name in names]
    with (folder / f"{socket.gethostname()}-{os.getpid()}.jsonl").open("a") as notes:
        notes.write("".join(lines))


def process_is_gone(pid: int) -> bool:
    """Tell whether no process of this host has that number, or one that has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and nobody took notice: so it stays in many a container."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] == "Z"


def pending_names(*, mine: bool = True) -> set[str]:
    """Return the names that living processes, of any host, have noted: hands off these files.

    Parameters
    ----------
    mine : bool
        Also those that this process has noted.
    """
    names: set[str] = set()
    here = socket.gethostname()
    for notes in _folder().glob("*.jsonl"):
        host, _, pid = notes.stem.rpartition("-")
        if host == here and pid.isdigit() and process_is_gone(int(pid)):
            continue
        if not mine and host == here and pid == str(os.getpid()):
            continue
        for line in _lines(notes):
            with contextlib.suppress(ValueError):
                names.add(json.loads(line)[2])
    return names


def _lines(notes: Path) -> list[str]:
    """Lines of notes; none if another process has just gone through them and removed them."""
    try:
        return [line for line in notes.read_text().splitlines() if line]
    except FileNotFoundError:
        return []


def sweep() -> list[str]:
    """Remove the files that processes of this host stored and, being killed, never committed.

    Returns
    -------
    list of str
        Names of the files removed.
    """
    removed: list[str] = []
    folder = _folder()
    if not folder.is_dir():
        return removed
    here = socket.gethostname()
    for notes in sorted(folder.glob(f"{here}-*.jsonl")):
        pid = notes.stem.rpartition("-")[2]
        if pid.isdigit() and int(pid) != os.getpid() and process_is_gone(int(pid)):
            removed += _sweep_one(notes)
    return removed


def _sweep_one(notes: Path) -> list[str]:
    place = json.dumps(_place())[:-1]  # lines of other places are many at times, and not parsed
    mine: list[str] = []
    kept: set[str] = set()
    others: list[str] = []
    for line in _lines(notes):
        if not line.endswith("]"):
            continue  # the last line of a process killed while writing it: nothing was stored yet
        if not line.startswith(place):
            others.append(line)
            continue
        with contextlib.suppress(ValueError):
            _, _, name, *more = json.loads(line)
            kept.add(name) if _KEPT in more else mine.append(name)
    # The server may still be finishing the commit of a process that is gone: then another time.
    if mine and not settled(1.0):
        return []
    server = current_dataserver()
    # A name may be noted twice: what a living process has stored it is about to commit. Those
    # names are read first: one that leaves them meanwhile is committed, and so it is known.
    pending = pending_names()
    lost = sorted(set(mine) - kept - pending - known_filenames(mine)) if mine else []
    removed = []
    for name in lost:
        with contextlib.suppress(FileMissing):  # another process sweeps at the same time
            server.delete(name)
            removed.append(name)
    if others:
        notes.write_text("\n".join(others) + "\n")
    else:
        notes.unlink(missing_ok=True)
    return removed


def remove_released(names: list[str]) -> None:
    """Remove files of deleted objects; what cannot be removed now is found by ``awlab doctor``.

    Parameters
    ----------
    names : list of str
        Files that no object has any more. One that another process is about to use stays.
    """
    for name in sorted(set(names) - pending_names(mine=False)):
        with contextlib.suppress(AwlabError, OSError):
            current_dataserver().delete(name)


use_file_remover(remove_released)
