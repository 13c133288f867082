"""Originals that the data server has: taken away when nothing can be lost by it any more.

On one file system the data server has the file itself, by a second name, and the first one goes;
elsewhere it has a copy. In both cases the original goes last, after a commit that a power cut does
not undo: whoever is killed before leaves it, and the next run finds the content known.
"""

from __future__ import annotations

import os
from pathlib import Path

from awlab.backend.database import make_durable
from awlab.backend.datamodel import current_dataserver, note_kept
from awlab.backend.errors import AccessDenied, AwlabError
from awlab.backend.ingest.known import find_stored

__all__ = ["STAYS", "check_movable", "finish_move", "take_away"]

STAYS = "it stays where it is"


def check_movable(path: Path) -> None:
    """Refuse a file that cannot be taken away afterwards, before anything is done with it.

    Raises
    ------
    AccessDenied
        If its folder may not be changed.
    """
    folder = path.parent
    if not path.is_symlink() and not os.access(folder, os.W_OK | os.X_OK):
        raise AccessDenied(
            f"{path.name} cannot be moved: the folder {folder} may not be written to",
            "ingest it without moving it, or have the folder made writable",
        )


def take_away(path: Path, name: str, digest: str) -> str:
    """Remove the original of a frame that is stored, committed and noted to be kept.

    Parameters
    ----------
    path : Path
        The original.
    name : str
        Name on the data server.
    digest : str
        SHA-256 of both.

    Returns
    -------
    str
        Why it stays, empty if it is gone.
    """
    if path.is_symlink():
        return f"{path.name} is a symbolic link: {STAYS}"
    try:
        current_dataserver().remove_original(path, name, digest)
    except AwlabError as exc:
        return f"{exc.message}: {STAYS}"
    return ""


def finish_move(path: Path, digest: str) -> str:
    """Take away a file whose content is known, if it is the stored file by its first name.

    Such a one is left by a run that was killed between commit and removal. Any other file of a
    known content is a duplicate, and stays.

    Returns
    -------
    str
        Why it stays, empty if it is gone.
    """
    try:
        if os.lstat(path).st_nlink < 2:
            return STAYS
        make_durable()  # whoever committed it may have been killed before
        name = find_stored(digest)
        is_it = name is not None and current_dataserver().is_stored_file(path, name)
    except FileNotFoundError:
        return "it is gone"  # moved a moment ago, by another path or another process
    if name is None or not is_it:
        return STAYS
    note_kept(name)
    return take_away(path, name, digest)
