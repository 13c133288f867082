"""Ingest files and folders: look, describe, split per chip, measure, store, commit.

One file is one transaction, and one bad file never stops the rest. The same content twice is one
object, whatever the file is called. What needs no database is done ahead by threads; commits
follow one another in the order of the files. The disk is waited for once for several commits, and
a file is called new only after that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

from awlab.backend.database import commit_objects, held_lock, held_locks, make_durable
from awlab.backend.datamodel import RawFits, current_dataserver, note_kept, sweep
from awlab.backend.errors import AwlabError, DatabaseUnavailable
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.equipment import Equipment
from awlab.backend.ingest.finding import find_files
from awlab.backend.ingest.frames import raw_frame
from awlab.backend.ingest.instruments import Instruments, load_instruments
from awlab.backend.ingest.known import find_known, may_be_known
from awlab.backend.ingest.moving import STAYS, finish_move, take_away
from awlab.backend.ingest.preparing import Preparation, Prepared, outcome, sentence
from awlab.backend.ingest.report import FileRow, IngestReport
from awlab.backend.ingest.split import shared_moments
from awlab.backend.ingest.storing import DeliveredFile
from awlab.backend.settings import load_settings

__all__ = ["Progress", "ingest"]

Progress = Callable[[int, int, str], None]

_BATCH = 64  # files looked up in one statement
_GROUP = 16  # files whose commits share one flush
_MOST_THREADS = 4
_LOCK = "ingest of "


class IngestHints(TypedDict, total=False):
    """What a user can add to what the headers tell, see `ingest`."""

    instrument: str | None
    purpose: str
    instruments: Sequence[str | Path]


def ingest(
    paths: str | Path | Iterable[str | Path],
    *,
    dry_run: bool = False,
    move: bool = False,
    progress: Progress | None = None,
    **hints: Unpack[IngestHints],
) -> IngestReport:
    """Bring files into the database and onto the data server.

    Parameters
    ----------
    paths : path or iterable of paths
        Files and folders; folders are searched to any depth.
    dry_run : bool
        Only say what would be done; nothing is written.
    move : bool
        Give the files themselves to the data server: without a copy where it is on the same file
        system. An original goes when its frame is committed. What is refused, known already, a
        mosaic (its chips are kept one by one) or a symbolic link stays where it is.
    progress : callable, optional
        Called with (done, total, name) after every file.
    **hints
        ``instrument``, its name where the headers do not tell; ``purpose``, what the frames were
        taken for, stronger than the headers; ``instruments``, paths of further definitions.

    Returns
    -------
    IngestReport
        One row per file; prints as a table.

    Raises
    ------
    UnknownInstrument
        If ``instrument`` is not known.
    DatabaseUnavailable
        If the database is gone; what was committed stays, and a second run does the rest.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    known, purpose = _understood(**hints)
    files, refused = find_files(given)
    run = _Ingest(Preparation(known, purpose, dry_run=dry_run, move=move))
    run.report.rows += [FileRow(str(path), "refused", why=why) for path, why in refused]
    run.run(files, progress or (lambda done, total, name: None))
    return run.report


def _understood(
    instrument: str | None = None, purpose: str = "", instruments: Sequence[str | Path] = ()
) -> tuple[Instruments, str]:
    known = load_instruments(load_settings().home, [Path(item) for item in instruments])
    if instrument is not None:
        # FITS files begin with SIMPLE, whatever its value: the one definition fits them all.
        known = Instruments((replace(known[instrument], recognise=({"SIMPLE": ""},)),))
    return known, purpose


class _Committed(NamedTuple):
    """A file whose commit a power cut may still undo."""

    delivered: DeliveredFile
    prepared: Prepared
    numbers: list[int]


class _Ingest:
    """One run."""

    def __init__(self, how: Preparation) -> None:
        self._how = how
        self._dry_run = how.dry_run
        self._equipment = Equipment()
        self._known: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._locks_are_sure = True
        self._waiting: list[tuple[Path, DeliveredFile | str, FileRow]] = []
        self._committed: dict[Path, Prepared] = {}
        self._not_durable: dict[str, _Committed] = {}
        self._firsts: list[FrameDescription] = []
        self.report = IngestReport()

    def run(self, paths: list[Path], progress: Progress) -> None:
        """Ingest files; threads look and store ahead, batch by batch."""
        if paths and not self._dry_run:
            current_dataserver()
            sweep()
        pool = ThreadPoolExecutor(min(_MOST_THREADS, 2 * (os.cpu_count() or 1)), "awlab-ingest")
        try:
            for done, (path, row) in enumerate(self._rows(paths, pool), start=1):
                self.report.rows.append(row)
                progress(done, len(paths), path.name)
        finally:
            # After an interruption nothing more is begun; files stored without a commit are swept.
            pool.shutdown(wait=True, cancel_futures=True)
        for (name, chip, start), names in shared_moments(self._firsts).items():
            text = f"{len(names)} exposures of {name} {chip} claim to begin at {start}"
            self.report.remarks.append(f"{text}: {', '.join(names[:3])}")

    def _rows(self, paths: list[Path], pool: ThreadPoolExecutor) -> Iterator[tuple[Path, FileRow]]:
        batches = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
        looking = self._look(batches[0] if batches else [], pool)
        for number, batch in enumerate(batches):
            looked = [(p, outcome(p, future)) for p, future in zip(batch, looking, strict=True)]
            busy: list[tuple[Path, DeliveredFile]] = []
            contents = _contents(looked)
            with self._locked(list(contents)) as held:
                preparing = self._begin({d: contents[d] for d in contents if d in held}, pool)
                # The next batch is hashed while this one is committed.
                following = batches[number + 1] if number + 1 < len(batches) else []
                looking = self._look(following, pool)
                for path, found in looked:
                    if isinstance(found, DeliveredFile) and found.checksum.digest not in held:
                        busy.append((path, found))
                        continue
                    if len(self._waiting) >= _GROUP or not _is_ready(found, preparing):
                        yield from self._settle()
                    self._waiting.append((path, found, self._row(path, found, preparing)))
                yield from self._settle()
            for path, found in busy:
                yield path, self._after_others(path, found, pool)

    def _look(self, paths: list[Path], pool: ThreadPoolExecutor) -> list[Future[DeliveredFile]]:
        return [pool.submit(self._how.look, path) for path in paths]

    def _settle(self) -> Iterator[tuple[Path, FileRow]]:
        """Say what became of files, once no power cut can undo it."""
        self._make_durable()
        waiting, self._waiting = self._waiting, []
        for path, found, row in waiting:
            yield path, self._moved(path, found, row)

    def _moved(self, path: Path, found: DeliveredFile | str, row: FileRow) -> FileRow:
        """Take away an original that is to be moved and is not needed any more."""
        prepared = self._committed.pop(path, None)
        if not self._how.move or isinstance(found, str) or row.status == "refused":
            return row
        digest = found.checksum.digest
        if row.status == "would ingest":
            told = ""
        elif prepared is None:
            told = STAYS if self._dry_run else finish_move(path, digest)
        elif prepared.plan.is_mosaic:
            told = f"its chips are stored one by one: {STAYS}"
        else:
            told = take_away(path, prepared.stored[0].filename, digest)
        self.report.moved += int(not (told or self._dry_run))
        return replace(row, why="; ".join(filter(None, (row.why, told))))

    def _make_durable(self) -> None:
        """Wait for the disk, and commit again what a server lost that crashed meanwhile."""
        if not self._not_durable:
            return
        try:
            make_durable()
        except AwlabError:
            raise
        except Exception:  # the server is being restarted
            self._locks_are_sure = False
            make_durable()
        there = find_known(list(self._not_durable))
        for digest, item in self._not_durable.items():
            numbers: list[int] | None = item.numbers
            if digest not in there:
                numbers = self._commit_once(item.delivered, item.prepared, durable=True)
            if numbers is None:  # another process has committed it, from a file of its own
                self._committed.pop(item.delivered.path, None)
            self.report.numbers += numbers or []
        self._not_durable.clear()
        if self._how.move:
            whole = [item for item in self._committed.values() if not item.plan.is_mosaic]
            note_kept(*(item.stored[0].filename for item in whole))

    def _locked(self, digests: list[str]) -> AbstractContextManager[set[str]]:
        """Hold the contents that no other process is ingesting at this moment."""
        return nullcontext(set(digests)) if self._dry_run else _held(digests)

    def _after_others(self, path: Path, found: DeliveredFile, pool: ThreadPoolExecutor) -> FileRow:
        """Wait for the process that has this content; no other lock is held meanwhile."""
        digest = found.checksum.digest
        with held_lock(_LOCK + digest):
            row = self._row(path, found, self._begin({digest: found}, pool))
            self._make_durable()
            return self._moved(path, found, row)

    def _begin(
        self, contents: dict[str, DeliveredFile], pool: ThreadPoolExecutor
    ) -> dict[str, Future[Prepared]]:
        """Begin with every content that is new: by digest, so that each is done once."""
        if not self._dry_run or may_be_known():
            self._known |= find_known(list(contents))
        return {
            digest: pool.submit(self._how.prepare, item)
            for digest, item in contents.items()
            if digest not in self._known and digest not in self._refused
        }

    def _row(
        self, path: Path, found: DeliveredFile | str, preparing: dict[str, Future[Prepared]]
    ) -> FileRow:
        if isinstance(found, str):
            return FileRow(str(path), "refused", why=found)
        digest = found.checksum.digest
        if digest not in self._known and digest not in self._refused:
            row = self._new(found, preparing[digest])
            if row is not None:
                return row
        if digest in self._refused:
            return FileRow(str(path), "refused", why=self._refused[digest])
        return FileRow(str(path), "known", why=f"already ingested as {self._known[digest]}")

    def _new(self, delivered: DeliveredFile, future: Future[Prepared]) -> FileRow | None:
        """Commit a file; None if it is refused or somebody else was faster."""
        digest = delivered.checksum.digest
        name = delivered.path.name
        try:
            prepared = future.result()
            numbers = [] if self._dry_run else self._commit(delivered, prepared)
        except DatabaseUnavailable:
            raise
        except Exception as exc:
            self._refused[digest] = sentence(name, exc)
            return None
        if numbers is None:
            return None
        if numbers:
            self._not_durable[digest] = _Committed(delivered, prepared, numbers)
        self._known[digest] = name
        self._firsts.append(prepared.frames[0])
        if self._dry_run:
            return prepared.row(delivered.path, "would ingest")
        self._committed[delivered.path] = prepared
        return prepared.row(delivered.path, "new")

    def _commit(self, delivered: DeliveredFile, prepared: Prepared) -> list[int] | None:
        """Commit all frames of a file in one transaction; None if they are there already."""
        try:
            return self._commit_once(delivered, prepared)
        except AwlabError:
            raise
        except Exception:
            # The server may have been restarted under our hands, and have forgotten our locks. A
            # second try cannot commit twice, even if only the answer to the first one was lost.
            self._locks_are_sure = False
            return self._commit_once(delivered, prepared)

    def _commit_once(
        self, delivered: DeliveredFile, prepared: Prepared, *, durable: bool = False
    ) -> list[int] | None:
        digest, size = delivered.checksum
        if not self._locks_are_sure:
            known = find_known([digest])
            if known:
                self._known |= known
                return None
        definition, first = prepared.plan.definition, prepared.frames[0]
        raw_fits = RawFits(
            orig_filename=delivered.path.name,
            content_sha256=digest,
            orig_size=size,
            instrument=self._equipment.instrument(definition, first.instrument),
            DATE_OBS=first.DATE_OBS,
            header_notes=prepared.notes,
        )
        raws: list[Any] = [
            raw_frame(item, raw_fits, definition, self._equipment) for item in prepared.stored
        ]
        self._equipment.commit()
        commit_objects(raws, durable=durable)
        return [int(raw._id) for raw in raws]


@contextmanager
def _held(digests: list[str]) -> Iterator[set[str]]:
    with held_locks([_LOCK + digest for digest in digests]) as held:
        yield {key.removeprefix(_LOCK) for key in held}


def _contents(looked: list[tuple[Path, DeliveredFile | str]]) -> dict[str, DeliveredFile]:
    """Files by content, the first of each."""
    found: dict[str, DeliveredFile] = {}
    for _, item in looked:
        if isinstance(item, DeliveredFile):
            found.setdefault(item.checksum.digest, item)
    return found


def _is_ready(found: DeliveredFile | str, preparing: dict[str, Future[Prepared]]) -> bool:
    """Whether a file need not be waited for."""
    future = preparing.get(found.checksum.digest) if isinstance(found, DeliveredFile) else None
    return future is None or future.done()
