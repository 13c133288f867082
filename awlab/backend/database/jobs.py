"""Jobs as rows: who ran what, when, with which outcome; any process can look."""

from __future__ import annotations

import os
import socket
from typing import Any

import sqlalchemy as sa
import uuid_utils

from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, now
from awlab.backend.database.registry_tables import job, job_target
from awlab.backend.database.restarts import through_restarts

__all__ = [
    "cancel_job",
    "close_job",
    "create_job",
    "job_row",
    "job_rows",
    "mean_seconds",
    "open_jobs",
    "target_rows",
    "update_job",
    "update_target",
]


def create_job(sequence: str, parameters: dict[str, Any], targets: list[tuple[str, str]]) -> int:
    """Write a new job with its targets.

    Parameters
    ----------
    sequence : str
        What is run.
    parameters : dict
        Key and process parameters, plain values.
    targets : list of (str, str)
        Class name and label of every target.

    Returns
    -------
    int
        Number of the job.
    """
    values = {
        "uid": str(uuid_utils.uuid7()),
        "member": context.user,
        "project": context.project,
        "sequence": sequence,
        "parameters": parameters,
        "status": "queued",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "submitted": now(),
        "heartbeat": now(),
    }
    rows = [
        {"ordinal": i, "class_name": name, "label": label, "status": "queued"}
        for i, (name, label) in enumerate(targets)
    ]
    with current_database().transaction() as connection:
        number = connection.execute(job.insert().values(**values).returning(job.c.id)).scalar_one()
        if rows:
            connection.execute(job_target.insert(), [row | {"job": number} for row in rows])
    return int(number)


def update_job(number: int, **values: Any) -> None:
    """Change columns of a job; every change is a heartbeat."""

    def work() -> None:
        with current_database().transaction() as connection:
            new = values | {"heartbeat": now()}
            connection.execute(job.update().where(job.c.id == number).values(**new))

    through_restarts(work)


def update_target(number: int, ordinal: int, **values: Any) -> None:
    """Change columns of one target of a job; every change is a heartbeat."""
    where = (job_target.c.job == number, job_target.c.ordinal == ordinal)

    def work() -> None:
        with current_database().transaction() as connection:
            connection.execute(job_target.update().where(*where).values(**values))
            connection.execute(job.update().where(job.c.id == number).values(heartbeat=now()))

    through_restarts(work)


def close_job(number: int, error: str) -> None:
    """Write that a job, and what it was about to make, has failed, if it has not ended itself."""
    is_open = job.c.status.in_(["queued", "running"])
    ended = {"status": "failed", "error": error, "finished": now()}
    begun = (job_target.c.job == number, job_target.c.status.in_(["queued", "running"]))
    with current_database().transaction() as connection:
        found = connection.execute(job.update().where(job.c.id == number, is_open).values(**ended))
        if found.rowcount:
            lost = {"status": "failed", "message": error}
            connection.execute(job_target.update().where(*begun).values(**lost))


def cancel_job(number: int) -> bool:
    """Write that a job shall stop, if it has not ended; whoever runs it reads it there.

    Returns
    -------
    bool
        Whether it had not ended.
    """
    is_open = job.c.status.in_(["queued", "running"])
    statement = job.update().where(job.c.id == number, is_open).values(status="cancelled")
    with current_database().transaction() as connection:
        return bool(connection.execute(statement).rowcount)


def job_row(number: int) -> dict[str, Any] | None:
    """Return one job with the counts of its targets by status."""
    found = job_rows(number=number)
    return found[0] if found else None


def job_rows(limit: int = 50, *, number: int | None = None) -> list[dict[str, Any]]:
    """Return jobs of the user and of the user's projects, newest first, with counts of targets."""
    wanted = sa.or_(job.c.member == context.user, job.c.project.in_(context.projects))
    if number is not None:
        wanted = sa.and_(wanted, job.c.id == number)
    newest = sa.select(job.c.id).where(wanted).order_by(job.c.id.desc()).limit(limit)
    # Only the targets of these jobs are counted, however many jobs there were before.
    counts = (
        sa.select(
            job_target.c.job,
            sa.func.count().label("targets"),
            sa.func.count().filter(job_target.c.status == "finished").label("finished_targets"),
            sa.func.count().filter(job_target.c.status == "failed").label("failed_targets"),
        )
        .where(job_target.c.job.in_(newest))
        .group_by(job_target.c.job)
        .subquery()
    )
    statement = (
        sa.select(job, counts.c.targets, counts.c.finished_targets, counts.c.failed_targets)
        .outerjoin(counts, counts.c.job == job.c.id)
        .where(job.c.id.in_(newest))
        .order_by(job.c.id.desc())
    )
    return [dict(row._mapping) for row in current_database().rows(statement)]


def target_rows(number: int) -> list[dict[str, Any]]:
    """Return the targets of a job in order."""
    statement = (
        sa.select(job_target).where(job_target.c.job == number).order_by(job_target.c.ordinal)
    )
    return [dict(row._mapping) for row in current_database().rows(statement)]


def mean_seconds(names: set[str]) -> dict[str, float]:
    """Return how long targets of classes took on average [s]."""
    if not names:
        return {}
    took = sa.func.extract("epoch", job_target.c.finished - job_target.c.started)
    statement = (
        sa.select(job_target.c.class_name, sa.func.avg(took))
        .where(job_target.c.status == "finished", job_target.c.class_name.in_(sorted(names)))
        .group_by(job_target.c.class_name)
    )
    return {name: float(seconds) for name, seconds in current_database().rows(statement)}


def open_jobs() -> list[dict[str, Any]]:
    """Return the jobs of all users that are said to run, ``silent`` for how many seconds."""
    silent = sa.func.extract("epoch", sa.literal(now()) - job.c.heartbeat).label("silent")
    statement = sa.select(job, silent).where(job.c.status.in_(["queued", "running"]))
    return [dict(row._mapping) for row in current_database().rows(statement)]
