"""Locks that make something once, whoever asks at the same moment.

A session-level advisory lock belongs to a connection of its own: PostgreSQL drops it when the
process dies, even by ``kill -9``, and no transaction stays open meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.connection import current_database
from awlab.backend.errors import TargetError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["HeldKey", "held_lock", "held_locks", "lock_number"]


def lock_number(key: str) -> int:
    """Return the 64-bit number of a lock: the same in every process."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class HeldKey:
    """A lock that is held on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """Make sure that the server which gave the lock still lives.

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            If it does not: another process may have the lock by now.
        """
        self._connection.execute(sa.select(1))


@contextlib.contextmanager
def held_lock(key: str, timeout: float | None = None) -> Iterator[HeldKey]:
    """Hold the lock of ``key``; wait while another process holds it.

    Parameters
    ----------
    key : str
        What is locked, in words.
    timeout : float, optional
        Longest wait [s]; for ever by default.

    Yields
    ------
    HeldKey
        Its ``check()`` tells whether the lock is held: a server that is restarted forgets them.

    Raises
    ------
    TargetError
        If the lock is still held by another process after that time.
    """
    number = lock_number(key)
    with current_database().autocommit() as connection:
        start, pause = time.monotonic(), 0.005
        # Polling, because psycopg2 cannot be interrupted while it waits inside PostgreSQL.
        while not connection.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar():
            if timeout is not None and time.monotonic() - start > timeout:
                raise TargetError(
                    f"{key} is being made by another process since {timeout:.0f} s",
                    "see `%awe jobs`; wait for it or end it",
                )
            time.sleep(pause)
            pause = min(0.25, pause * 1.5)
        try:
            yield HeldKey(connection)
        finally:
            _release(connection, number)


@contextlib.contextmanager
def held_locks(keys: list[str]) -> Iterator[set[str]]:
    """Hold the locks of many keys, without waiting: one statement to take and one to give back.

    Parameters
    ----------
    keys : list of str
        What is locked, in words.

    Yields
    ------
    set of str
        The keys that are held; the others are held by other processes.
    """
    key = sa.func.unnest(sa.literal([lock_number(k) for k in keys], sa.ARRAY(sa.BigInteger)))
    numbers = sa.select(key.label("number")).subquery()
    take = sa.select(numbers.c.number, sa.func.pg_try_advisory_lock(numbers.c.number))
    with current_database().autocommit() as connection:
        taken = {row[0] for row in connection.execute(take) if row[1]}
        try:
            yield {k for k in keys if lock_number(k) in taken}
        finally:
            held = sa.literal(sorted(taken), sa.ARRAY(sa.BigInteger))
            _release(connection, sa.func.unnest(held))


def _release(connection: Connection, numbers: Any) -> None:
    if connection.invalidated:
        return
    try:
        connection.execute(sa.select(sa.func.pg_advisory_unlock(numbers)))
    except sa.exc.DBAPIError as exc:
        if not exc.connection_invalidated:  # with the connection the locks are gone too
            raise
