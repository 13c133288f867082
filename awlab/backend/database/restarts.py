"""Work that outlives a restart of the server: what was lost with the connection is done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from awlab.backend.errors import DatabaseUnavailable

__all__ = ["is_connection_lost", "through_restarts"]

T = TypeVar("T")


def is_connection_lost(exc: BaseException | None) -> bool:
    """Tell whether an error means that the server went away in the middle."""
    return isinstance(exc, sa.exc.DBAPIError) and bool(exc.connection_invalidated)


def through_restarts(work: Callable[[], T], tries: int = 4) -> T:
    """Run ``work``, and again if the server went away meanwhile.

    Parameters
    ----------
    work : callable
        It must look for what it did before: the answer to a commit may have been lost.
    tries : int
        How often it is begun at most.

    Raises
    ------
    DatabaseUnavailable
        If the connection was lost every time.
    """
    for _ in range(tries):
        try:
            return work()
        except sa.exc.DBAPIError as exc:
            if not is_connection_lost(exc):
                raise
            lost = exc
    reason = str(lost.orig).strip().splitlines()[0]
    raise DatabaseUnavailable(
        f"the database went away {tries} times: {reason}", "see `awlab doctor`"
    ) from lost
