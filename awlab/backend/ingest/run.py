"""Ingest files and folders: detect, translate, split per chip, store, commit.

One file is one transaction, and one bad file never stops the rest. The same content twice is one
object, whatever the file is called.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awlab.backend.database import And, In, Query, commit_objects, read_records
from awlab.backend.datamodel import RawFits, sweep
from awlab.backend.dataserver import hash_file, read_headers, write_extension_as_image
from awlab.backend.errors import AwlabError, FileMissing, UnknownInstrument
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.detect import check_is_fits
from awlab.backend.ingest.equipment import Equipment
from awlab.backend.ingest.frames import raw_frame
from awlab.backend.ingest.instruments import Instruments, load_instruments
from awlab.backend.ingest.report import FileRow, IngestReport
from awlab.backend.ingest.split import SplitPlan, describe, plan_split
from awlab.backend.settings import load_settings

__all__ = ["find_files", "ingest"]

Progress = Callable[[int, int, str], None]

_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz", ".fits.bz2", ".fits.xz")


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was looked at, with its content hash."""

    path: Path
    digest: str
    size: int


def find_files(paths: Iterable[str | Path]) -> tuple[list[Path], list[FileRow]]:
    """Find the files to ingest; folders are searched, what is named is taken as it is.

    Returns
    -------
    tuple of (list of Path, list of FileRow)
        The files, and a row for every path that cannot be read.
    """
    files: list[Path] = []
    refused: list[FileRow] = []
    for given in paths:
        path = Path(given).expanduser()
        try:
            if path.is_dir():
                files += sorted(item for item in path.rglob("*") if _is_wanted(item, path))
                continue
            if not path.exists():
                raise FileMissing(f"there is no file {path}", "check the name")
            files.append(path)
        except (OSError, FileMissing) as exc:
            text = (
                exc.message if isinstance(exc, FileMissing) else f"cannot be read: {exc.strerror}"
            )
            refused.append(FileRow(str(path), "refused", why=text))
    return list(dict.fromkeys(files)), refused


def _is_wanted(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.is_file() and path.name.lower().endswith(_SUFFIXES)


def ingest(
    paths: str | Path | Iterable[str | Path],
    *,
    instrument: str | None = None,
    purpose: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
    instruments: Sequence[str | Path] = (),
) -> IngestReport:
    """Bring files into the database and onto the data server.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders.
    instrument : str, optional
        Name of the instrument, where the headers do not tell.
    purpose : str, optional
        What the frames were taken for, stronger than the headers.
    dry_run : bool
        Only say what would be done.
    progress : callable, optional
        Called with (done, total, name) after every file.
    instruments : sequence of path, optional
        Further instrument definitions.

    Returns
    -------
    IngestReport
        One row per file; prints as a table.

    Raises
    ------
    UnknownInstrument
        If ``instrument`` is not known.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    known = load_instruments(load_settings().home, [Path(item) for item in instruments])
    if instrument is not None:
        known = _only(known, instrument)
    files, refused = find_files(given)
    return _Ingest(known, purpose, dry_run=dry_run).run(files, refused, progress)


def _only(known: Instruments, name: str) -> Instruments:
    if name not in known.names:
        raise UnknownInstrument(f"no instrument {name!r}", f"known: {', '.join(known.names)}")
    from dataclasses import replace

    certain = replace(known[name], recognise=({},), priority=1000)
    return known.with_definition(certain)


class _Ingest:
    """One run."""

    def __init__(self, instruments: Instruments, purpose: str, *, dry_run: bool) -> None:
        self._instruments = instruments
        self._purpose = purpose
        self._dry_run = dry_run
        self._equipment = Equipment()
        self._known: dict[str, str] = {}
        self.report = IngestReport()

    def run(
        self, paths: list[Path], refused: list[FileRow], progress: Progress | None
    ) -> IngestReport:
        self.report.rows += refused
        if not self._dry_run:
            sweep()
        files = [item for item in map(self._look, paths) if item is not None]
        self._known = _ingested([item.digest for item in files])
        for done, item in enumerate(files, start=1):
            self.report.rows.append(self._file(item))
            if progress is not None:
                progress(done, len(files), item.path.name)
        return self.report

    def _look(self, path: Path) -> _File | None:
        """Check and hash a file: one pass over its bytes."""
        try:
            check_is_fits(path)
            found = hash_file(path)
            return _File(path, found.digest, found.size)
        except AwlabError as exc:
            self.report.rows.append(FileRow(str(path), "refused", why=str(exc)))
            return None

    def _file(self, item: _File) -> FileRow:
        if item.digest in self._known:
            name = self._known[item.digest]
            return FileRow(str(item.path), "known", why=f"the same content is there as {name}")
        try:
            headers = read_headers(item.path)
            plan = plan_split(headers, self._instruments, str(item.path))
            frames = describe(headers, self._instruments, str(item.path), self._purpose)
            if not self._dry_run:
                self.report.numbers += self._commit(item, plan, frames)
        except AwlabError as exc:
            return FileRow(str(item.path), "refused", why=str(exc))
        self._known[item.digest] = item.path.name
        first = frames[0]
        return FileRow(
            str(item.path),
            "would ingest" if self._dry_run else "new",
            first.kind,
            first.filter or "",
            first.night.isoformat(),
            len(frames),
            "; ".join(sorted({text for frame in frames for text in frame.problems})),
        )

    def _commit(
        self, item: _File, plan: SplitPlan, frames: tuple[FrameDescription, ...]
    ) -> list[int]:
        raw_fits = RawFits(
            orig_filename=item.path.name,
            content_sha256=item.digest,
            orig_size=item.size,
            instrument=self._equipment.instrument(plan.definition, frames[0].instrument),
            DATE_OBS=frames[0].DATE_OBS,
            header_notes=sorted({text for frame in frames for text in frame.problems}),
        )
        with tempfile.TemporaryDirectory(prefix="awlab-ingest-") as folder:
            raws = []
            for frame in frames:
                path = _single(item.path, frame, Path(folder), is_mosaic=plan.is_mosaic)
                raw = raw_frame(frame, str(path), raw_fits, plan.definition, self._equipment)
                raws.append(raw)
            for raw in raws:
                raw.store()
            commit_objects(raws)
        return [int(raw._id) for raw in raws]


def _single(path: Path, frame: FrameDescription, folder: Path, *, is_mosaic: bool) -> Path:
    """Return the single-image file of a frame: the file itself, or split off the mosaic."""
    if not is_mosaic:
        return path
    stem = path.name
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    target = folder / f"{stem}_{frame.extension}.fits"
    write_extension_as_image(path, frame.extension, target)
    return target


def _ingested(digests: list[str]) -> dict[str, str]:
    """Which of these contents are in the database already: one statement."""
    if not digests:
        return {}
    query = Query(RawFits, And((In(("content_sha256",), tuple(digests)),)))
    rows: Any = read_records(query, ("content_sha256", "orig_filename"))
    return dict(rows)
