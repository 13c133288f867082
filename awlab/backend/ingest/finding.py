"""Find the files to ingest among what a user names: files, folders, archives that were copied."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from awlab.backend.errors import IngestError

__all__ = ["Refusal", "find_files"]

_FITS_NAME = (".fits", ".fit", ".fts", ".fz")
_PACKED = (".gz", ".bz2", ".xz")
_FITS = b"SIMPLE  ="

#: A path that is not ingested, and why.
Refusal = tuple[Path, str]


def find_files(paths: Iterable[str | os.PathLike[str]]) -> tuple[list[Path], list[Refusal]]:
    """Find files; folders are searched, what is named itself is taken as it is.

    Parameters
    ----------
    paths : iterable of path
        Files and folders. In folders hidden files (``._a.fits`` of a Mac too) and files that are
        not FITS, neither by their name nor by how they begin, are passed over.

    Returns
    -------
    tuple of (list of Path, list of (Path, str))
        The files in the order given, each once; and what cannot be searched, with the reason.
    """
    files: dict[Path, None] = {}
    refused: list[Refusal] = []
    for given in paths:
        path = Path(given).expanduser()
        try:
            if not path.exists():
                raise IngestError(f"there is no file or folder {path}", "check the path")
            found = list(_search(path, refused)) if path.is_dir() else [path]
        except OSError as exc:
            refused.append((path, f"{path} cannot be read: {exc.strerror or exc}"))
            continue
        except IngestError as exc:
            refused.append((path, str(exc)))
            continue
        if not found and not any(path == place or path in place.parents for place, _ in refused):
            refused.append((path, f"there is no FITS file in the folder {path}"))
        files.update(dict.fromkeys(found))
    return list(files), refused


def _search(root: Path, refused: list[Refusal]) -> Iterator[Path]:
    def refuse(exc: OSError) -> None:
        place = Path(exc.filename or root)
        refused.append((place, f"the folder {place} cannot be read: {exc.strerror or exc}"))

    # os.walk, because Path.rglob passes over folders it may not read without a word.
    for folder, subfolders, names in os.walk(root, onerror=refuse):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and _looks_like_fits(path):
                yield path


def _looks_like_fits(path: Path) -> bool:
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    if name.endswith(_FITS_NAME):
        return True
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return file.read(len(_FITS)) == _FITS
    except OSError:
        return False  # nothing says that it is FITS
