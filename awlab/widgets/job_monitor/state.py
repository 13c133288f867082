"""What a job monitor shows, as plain data: jobs as rows, and the targets of one of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from awlab.backend.database import job_row, target_rows
from awlab.backend.errors import ObjectNotFound, QueryError
from awlab.backend.process import lpu

__all__ = ["MOST_TARGETS", "NEWEST", "job_card", "job_cards", "one_job", "target_card"]

NEWEST = 100
MOST_TARGETS = 1_000
_OPEN = ("queued", "running")
_LONGEST = 300


def job_cards(newest: int = NEWEST) -> dict[str, Any]:
    """Return the newest jobs of the user and of the user's projects.

    Parameters
    ----------
    newest : int
        How many at most.

    Returns
    -------
    dict
        ``jobs`` and ``told``, a line that counts them.
    """
    cards = [job_card(row) for row in lpu.jobs(newest)]
    open_ = sum(card["is_open"] for card in cards)
    failed = sum(card["status"] == "failed" for card in cards)
    more = "the newest " if len(cards) == newest else ""
    count = "1 job" if len(cards) == 1 else f"{len(cards)} jobs"
    told = f"{more}{count}, {open_} open, {failed} failed"
    return {"jobs": cards, "told": told if cards else "no jobs yet"}


def job_card(row: dict[str, Any]) -> dict[str, Any]:
    """Return one job as a row shows it.

    Parameters
    ----------
    row : dict
        As `lpu.jobs` gives it.
    """
    done, failed, total = (
        int(row[name] or 0) for name in ("finished_targets", "failed_targets", "targets")
    )
    return {
        "number": row["id"],
        "status": row["status"],
        "is_open": row["status"] in _OPEN,
        "sequence": row["sequence"],
        "done": done,
        "failed": failed,
        "total": total,
        "started": _time(row["started"] or row["submitted"]),
        "took": _took(row["started"], row["finished"]),
        "who": f"{row['member']}, {row['project']}",
        "where": f"{row['host']}, process {row['pid']}",
        "error": _short(row["error"]),
        "asked": ", ".join(f"{name}={_word(v)}" for name, v in row["parameters"].items()),
    }


def one_job(number: Any) -> dict[str, Any]:
    """Return one job with its targets, those that run or failed first.

    Parameters
    ----------
    number : int
        Number of the job.

    Raises
    ------
    QueryError
        If it is no number.
    ObjectNotFound
        If there is no such job, or it is that of somebody else.
    """
    if not isinstance(number, int):
        raise QueryError(f"{number!r} is not the number of a job")
    row = job_row(number)
    if row is None:
        raise ObjectNotFound(f"no job {number} of yours", "lpu.jobs() lists them")
    cards = [target_card(target) for target in target_rows(number)]
    urgent = {"failed": 0, "running": 1}
    cards.sort(key=lambda card: urgent.get(card["status"], 2))
    return {
        **job_card(row),
        "targets": cards[:MOST_TARGETS],
        "targets_left": max(0, len(cards) - MOST_TARGETS),
        "python": f"lpu.job({number})",
    }


def target_card(row: dict[str, Any]) -> dict[str, Any]:
    """Return one target of a job as a row shows it.

    Parameters
    ----------
    row : dict
        As `target_rows` gives it.
    """
    return {
        "ordinal": row["ordinal"],
        "label": row["label"],
        "status": row["status"],
        "took": _took(row["started"], row["finished"]),
        "message": _short(row["message"]),
    }


def _took(start: datetime | None, end: datetime | None) -> str:
    """How long something took; nothing while it runs, so that a row changes only with its state."""
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    return f"{seconds:.2f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _time(when: datetime | None) -> str:
    return "" if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def _short(text: str | None) -> str:
    plain = " ".join((text or "").split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _word(value: Any) -> str:
    return _short(value if isinstance(value, str) else json.dumps(value, default=str))
