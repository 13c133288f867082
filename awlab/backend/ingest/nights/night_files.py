"""The files of one demo night on disk, and how a half-made one never passes for a whole one.

A night is built in a scratch folder beside its final place and moved there in one rename. The
marker ``night.json`` names the recipe (what was asked for) and every file with its size, so a
later call can tell in milliseconds whether the night is there, complete, and the one wanted.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from awlab.backend.errors import IngestError

__all__ = ["NightFiles", "Progress", "building", "finished_night", "load_night", "write_marker"]

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""

_MARKER = "night.json"


@dataclass(frozen=True, slots=True)
class NightFiles:
    """One demo night, complete on disk.

    Attributes
    ----------
    name : str
        ``wfi`` or ``sa112``.
    folder : Path
        Folder of the night.
    paths : tuple of Path
        The raw frames, sorted by name; this is what is ingested.
    truth : Path or None
        Folder with the known truth, where the night was simulated.
    summary : dict
        Number of exposures per kind.
    reused : bool
        True if the night was there already and nothing was made or fetched.
    """

    name: str
    folder: Path
    paths: tuple[Path, ...]
    truth: Path | None
    summary: Mapping[str, int]
    reused: bool

    @property
    def raw(self) -> Path:
        """Folder that holds the raw frames and nothing else."""
        return self.folder / "raw"


def write_marker(
    folder: Path, name: str, recipe: Mapping[str, object], kinds: Mapping[str, str]
) -> None:
    """Write the marker of a night whose files are all in place.

    Parameters
    ----------
    folder : Path
        Folder of the night; raw frames are in its sub-folder ``raw``.
    name : str
        Name of the night.
    recipe : mapping
        What the night was made from; a call with another recipe remakes it.
    kinds : mapping
        Kind of each raw frame by file name.
    """
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    marker = {"name": name, "recipe": dict(recipe), "kinds": dict(kinds), "files": files}
    (folder / _MARKER).write_text(json.dumps(marker, indent=1), encoding="utf-8")


def load_night(folder: Path, name: str, recipe: Mapping[str, object]) -> NightFiles | None:
    """Return the night in a folder if it is complete and of this recipe.

    Parameters
    ----------
    folder : Path
        Folder of the night.
    name : str
        Name of the night.
    recipe : mapping
        What the night must have been made from.

    Returns
    -------
    NightFiles or None
        None if the folder holds no such night, another one, or an incomplete one.
    """
    marker = _read_marker(folder)
    if marker is None or marker.get("name") != name or marker.get("recipe") != dict(recipe):
        return None
    for relative, size in marker["files"].items():
        try:
            if (folder / relative).stat().st_size != size:
                return None
        except OSError:
            return None
    kinds: dict[str, str] = marker["kinds"]
    truth = folder / "truth"
    return NightFiles(
        name=name,
        folder=folder,
        paths=tuple(folder / "raw" / file_name for file_name in sorted(kinds)),
        truth=truth if truth.is_dir() else None,
        summary=dict(Counter(kinds.values())),
        reused=True,
    )


def finished_night(folder: Path, name: str, recipe: Mapping[str, object]) -> NightFiles:
    """Return the night that has just been built in a folder.

    Parameters
    ----------
    folder : Path
        Folder of the night.
    name : str
        Name of the night.
    recipe : mapping
        What it was made from.

    Returns
    -------
    NightFiles
        With ``reused`` false.

    Raises
    ------
    IngestError
        If another process has put another night there in the meantime.
    """
    with _alone(folder.parent):
        night = load_night(folder, name, recipe)
    if night is None:
        raise IngestError(
            f"{folder} was changed by another process while the night {name} was made",
            "give each night its own folder and try again",
        )
    return replace(night, reused=False)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Give a scratch folder that becomes `folder` when the block ends well.

    Parameters
    ----------
    folder : Path
        Final place of the night. An older demo night there is replaced.

    Yields
    ------
    Path
        Empty scratch folder on the same file system; removed again if the block raises.

    Raises
    ------
    IngestError
        If `folder` holds something that is not a demo night.
    """
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield scratch
        scratch.chmod(0o755)  # mkdtemp makes it private; a night may be shared
        with _alone(folder.parent):
            _move_into_place(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Keep other makers from looking between the two renames of a replacement."""
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_marker(folder: Path) -> dict[str, Any] | None:
    try:
        marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) and {"files", "kinds"} <= marker.keys() else None


def _move_into_place(scratch: Path, folder: Path) -> None:
    _refuse_foreign(folder)
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    try:
        # Renamed, not deleted: nobody shall ever see a night that is half gone.
        with suppress(FileNotFoundError):
            os.replace(folder, old)
        try:
            os.replace(scratch, folder)
        except OSError:
            # Another process was faster by a moment. If it made a night, that one will do.
            if _read_marker(folder) is None:
                raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or (_read_marker(folder) is None and any(folder.iterdir())):
        raise IngestError(
            f"{folder} exists and is not a demo night", "name a new or an empty folder"
        )
