"""The examination: every check in turn, none of which can stop the others."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from awlab.backend.database import (
    HeldLock,
    StoredFile,
    current_database,
    files_of_all_objects,
    held_advisory_locks,
    incomplete_objects,
    schema_version,
    server_state,
    settled,
)
from awlab.backend.datamodel import current_dataserver, pending_names, sweep, utc_now
from awlab.backend.doctor.database_state import readable_size
from awlab.backend.doctor.findings import Finding
from awlab.backend.errors import AwlabError, DatabaseUnavailable
from awlab.backend.process import abandoned_jobs, close_abandoned_jobs, remove_left_behind
from awlab.backend.settings import load_settings

__all__ = ["Examination", "examine"]

_LEAST_SPACE = 1_000_000_000
_OLDEST_MAJOR = 15
_LONG_LOCK = 3600.0


@dataclass
class Examination:
    """All findings of one examination."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """True if nothing needs to be done."""
        return all(finding.is_well for finding in self.findings)

    def __str__(self) -> str:
        todo = sum(not finding.is_well for finding in self.findings)
        end = "all is well" if not todo else f"{todo} to look at"
        return "\n".join([*(str(finding) for finding in self.findings), end])


def examine(*, fix: bool = False, sample: int = 50) -> Examination:
    """Look whether everything is in order.

    Parameters
    ----------
    fix : bool
        Mend what can be mended without losing anything: remove files that no object has, close
        jobs whose process is gone.
    sample : int
        How many files, chosen at random, have their checksum taken.
    """
    report = Examination()
    try:
        current_database()
    except DatabaseUnavailable as exc:
        report.findings.append(Finding("database", False, exc.message, exc.hint))
        report.findings.append(_disk())
        return report
    checks: list[Callable[[], list[Finding]]] = [
        lambda: [_database()],
        lambda: [_disk()],
        lambda: [_halves()],
        lambda: _files(fix=fix, sample=sample),
        lambda: [_left_behind()],
        lambda: [_locks()],
        lambda: [_jobs(fix=fix)],
    ]
    for check in checks:
        try:
            report.findings += check()
        except AwlabError as exc:
            report.findings.append(Finding("check", False, exc.message, exc.hint))
    return report


def _database() -> Finding:
    state = server_state()
    text = (
        f"PostgreSQL {state.version}, schema {schema_version(current_database())},"
        f" {readable_size(state.size)}, {state.connections} connections"
    )
    if state.major < _OLDEST_MAJOR:
        return Finding("database", False, text, f"awlab needs PostgreSQL {_OLDEST_MAJOR} or newer")
    return Finding("database", True, text)


def _disk() -> Finding:
    home = load_settings().home
    place = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(place).free
    text = f"{readable_size(free)} free in {place}"
    if free < _LEAST_SPACE:
        return Finding("disk", False, text, "make room: targets that do not fit are not made")
    return Finding("disk", True, text)


def _halves() -> Finding:
    odd = incomplete_objects()
    if not odd:
        return Finding("objects", True, "every object is whole")
    counts = ", ".join(f"{number} {name}" for name, number in odd.items())
    return Finding(
        "objects", False, f"not whole: {counts}", "restore the database from its last backup"
    )


def _files(*, fix: bool, sample: int) -> list[Finding]:
    sweep()
    server = current_dataserver()
    there = set(server.names())
    # What a living process has just stored, it is about to commit; what has been committed
    # meanwhile is read afterwards, so that nothing is taken for an orphan too early.
    pending = pending_names()
    settled()
    files = files_of_all_objects()
    there |= {f.filename for f in files if f.filename not in there and server.exists(f.filename)}
    missing = [file for file in files if file.filename not in there]
    orphans = sorted(there - {file.filename for file in files} - pending)
    return [_missing(files, missing), _orphans(orphans, fix=fix), _checksums(files, there, sample)]


def _missing(files: list[StoredFile], missing: list[StoredFile]) -> Finding:
    if not missing:
        return Finding("files", True, f"{len(files)} files, none is missing")
    first = missing[0]
    return Finding(
        "files",
        False,
        f"{len(missing)} of {len(files)} files are missing, first {first.filename}",
        f"bring them back from a copy, or invalidate {first.class_name} {first.object_id}",
    )


def _orphans(orphans: list[str], *, fix: bool) -> Finding:
    if not orphans:
        return Finding("orphans", True, "no file without an object")
    if fix:
        for name in orphans:
            current_dataserver().delete(name)
        return Finding("orphans", True, f"{len(orphans)} files without an object removed")
    return Finding(
        "orphans",
        False,
        f"{len(orphans)} files belong to no object, first {orphans[0]}",
        "awlab doctor --fix removes them",
    )


def _checksums(files: list[StoredFile], there: set[str], sample: int) -> Finding:
    present = [file for file in files if file.filename in there]
    chosen = random.sample(present, min(sample, len(present)))
    bad = []
    for file in chosen:
        try:
            current_dataserver().retrieve(file.filename, file.sha256, fresh=True)
        except AwlabError as exc:
            bad.append(exc.message)
    if bad:
        return Finding(
            "checksums",
            False,
            f"{len(bad)} of {len(chosen)} differ: {bad[0]}",
            "bring the files back from a copy; the objects are to be invalidated",
        )
    return Finding("checksums", True, f"{len(chosen)} files of {len(present)} are as stored")


def _left_behind() -> Finding:
    removed = remove_left_behind()
    text = "nothing left behind by processes that are gone"
    return Finding("work", True, f"removed {len(removed)} folders" if removed else text)


def _is_long(lock: HeldLock) -> bool:
    age = (utc_now() - lock.since).total_seconds() if lock.since else 0.0
    return lock.is_idle_in_transaction or age > _LONG_LOCK


def _locks() -> Finding:
    locks = held_advisory_locks()
    old = [lock for lock in locks if _is_long(lock)]
    if not old:
        return Finding("locks", True, f"{len(locks)} targets are being made")
    first = old[0]
    return Finding(
        "locks",
        False,
        f"{len(old)} locks are held for long, first by {first.user} (server process {first.pid})",
        "look whether that process still works; when it ends, the lock is free",
    )


def _jobs(*, fix: bool) -> Finding:
    lost = abandoned_jobs()
    if not lost:
        return Finding("jobs", True, "no job has lost its process")
    if fix:
        close_abandoned_jobs()
        return Finding("jobs", True, f"{len(lost)} jobs without a process closed")
    return Finding(
        "jobs",
        False,
        f"{len(lost)} jobs say they run but their process is gone, first job {lost[0]['id']}",
        "awlab doctor --fix closes them; run them again",
    )
