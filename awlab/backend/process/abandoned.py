"""Jobs whose process is gone: killed with its kernel, or with its machine."""

from __future__ import annotations

import socket
import threading
from typing import Any

from awlab.backend.database import close_job, open_jobs, update_job
from awlab.backend.datamodel import process_is_gone

__all__ = ["Heartbeat", "abandoned_jobs", "close_abandoned_jobs"]

_BEAT = 20.0
#: A job of another host whose heart has not beaten for this long has lost its process [s].
_SILENCE = 6 * _BEAT


def abandoned_jobs() -> list[dict[str, Any]]:
    """Return jobs that are said to run but whose process is gone."""
    here = socket.gethostname()
    return [
        row
        for row in open_jobs()
        if (row["host"] == here and process_is_gone(row["pid"])) or row["silent"] > _SILENCE
    ]


def close_abandoned_jobs() -> list[int]:
    """Write down that abandoned jobs have failed; return their numbers."""
    numbers = [int(row["id"]) for row in abandoned_jobs()]
    for number in numbers:
        close_job(number, "its process is gone")
    return numbers


class Heartbeat:
    """While it is entered, says again and again that the process of a job lives."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heart of {number}", daemon=True)

    def _beat(self) -> None:
        while not self._over.wait(_BEAT):
            update_job(self._number)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
