"""Locks that make something once, whoever asks at the same moment.

A session-level advisory lock belongs to a connection of its own: PostgreSQL drops it when the
process dies, even by ``kill -9``, and no transaction stays open meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.connection import current_database
from awlab.backend.database.restarts import is_connection_lost
from awlab.backend.errors import TargetError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["HeldKey", "KeyLocks", "held_lock", "held_locks", "lock_number"]


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


class KeyLocks:
    """Locks of many keys on one connection, taken and given back one by one, without waiting.

    A server that is restarted forgets them. They are taken again, and `shaken` says of which keys
    another process may have made use meanwhile. Not to be used by two threads.

    Attributes
    ----------
    shaken : set of str
        Keys whose lock was lost for a moment, or is lost still.
    """

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._opened = contextlib.ExitStack()
        self._connection: Connection | None = None
        self.shaken: set[str] = set()

    def __enter__(self) -> KeyLocks:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back all of them."""
        self.give_back(self._held)
        self._opened.close()

    def take(self, key: str) -> bool:
        """Take the lock of a key, unless another process holds it; tell whether it is held now."""
        if key not in self._held:
            self._try({key})
        return key in self._held

    def give_back(self, keys: Iterable[str]) -> None:
        """Give back the locks of some keys, and forget that they were shaken."""
        mine = set(keys) & self._held
        self._held -= mine
        self.shaken -= set(keys)
        if mine and self._connection is not None:
            _release(self._connection, sa.func.unnest(_numbers(mine)))

    def look(self) -> None:
        """Find out whether the server forgot the locks, and take them again if so."""
        if self._held:
            self._try(set())

    def _try(self, keys: set[str]) -> None:
        """Take what can be taken of the keys, on a new connection if the old one is lost."""
        try:
            self._held |= self._taken(keys)
            return
        except sa.exc.DBAPIError as exc:
            if not is_connection_lost(exc):
                raise
        self._opened.close()
        self._connection = None
        lost, self._held = self._held, set()
        self.shaken |= lost
        self._held = self._taken(lost | keys)

    def _taken(self, keys: set[str]) -> set[str]:
        if self._connection is None:
            self._connection = self._opened.enter_context(current_database().autocommit())
        numbers = sa.select(sa.func.unnest(_numbers(keys)).label("number")).subquery()
        take = sa.select(numbers.c.number, sa.func.pg_try_advisory_lock(numbers.c.number))
        got = {row[0] for row in self._connection.execute(take) if row[1]}
        return {key for key in keys if lock_number(key) in got}


def _numbers(keys: set[str]) -> Any:
    return sa.literal([lock_number(key) for key in sorted(keys)], sa.ARRAY(sa.BigInteger))


def _release(connection: Connection, numbers: Any) -> None:
    if connection.invalidated:
        return
    try:
        connection.execute(sa.select(sa.func.pg_advisory_unlock(numbers)))
    except sa.exc.DBAPIError as exc:
        if not exc.connection_invalidated:  # with the connection the locks are gone too
            raise
