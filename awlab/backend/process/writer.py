"""The one who commits what workers made: many targets in one transaction, each of them once.

A writer holds the lock of every target that is being made for it. Workers need none, and open no
transaction: they return values, and the names of files that they stored.
"""

from __future__ import annotations

import time
from typing import Any, Self

from awlab.backend.database import (
    DBObject,
    KeyLocks,
    commit_objects,
    through_restarts,
    unpack_object,
)
from awlab.backend.errors import AwlabError, ObjectNotFound
from awlab.backend.process.code_version import code_version
from awlab.backend.process.making import Computed, Made, Work, failing, made_meanwhile

__all__ = ["Writer"]

_LOOK = 0.1


class Writer:
    """Locks targets while workers make them, and commits what comes back.

    Parameters
    ----------
    modules : frozenset of str
        Modules whose code the workers were sent: what made an object is known here alone.
    """

    def __init__(self, modules: frozenset[str] = frozenset()) -> None:
        self._modules = modules
        self._locks = KeyLocks()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give all locks back."""
        through_restarts(self._locks.__exit__)

    def take(self, work: Work) -> bool:
        """Lock a target for the one who is to make it; False while another process has it."""
        return through_restarts(lambda: self._locks.take(work.lock))

    def give_back(self, work: Work) -> None:
        """Unlock a target that is committed, or given up."""
        through_restarts(lambda: self._locks.give_back([work.lock]))

    def commit(self, results: list[tuple[Work, Computed]]) -> list[Made | AwlabError]:
        """Commit what workers made: in one transaction, or, where that fails, each by itself.

        Parameters
        ----------
        results : list of (Work, Computed)
            Targets that were taken, and what was made of them.

        Returns
        -------
        list of Made or AwlabError
            For each what is in the database now, or why it is not. The locks stay.
        """
        through_restarts(self._locks.look)
        is_calm = not self._locks.shaken & {work.lock for work, _ in results}
        if is_calm and len(results) > 1:
            try:
                items = [self._unpacked(computed) for _, computed in results]
                through_restarts(_Commit(items))
                pairs = zip(items, results, strict=True)
                return [Made.of(item, computed.seconds) for item, (_, computed) in pairs]
            except AwlabError:
                pass  # one of them is refused: which one, each tells by itself
        return [self._alone(work, computed) for work, computed in results]

    def _alone(self, work: Work, computed: Computed) -> Made | AwlabError:
        try:
            with failing(work.label):
                return through_restarts(lambda: self._once(work, computed))
        except AwlabError as exc:
            return exc

    def _once(self, work: Work, computed: Computed) -> Made:
        """Commit one target; where its lock was lost for a moment, look who made it meanwhile."""
        while not self._locks.take(work.lock):
            time.sleep(_LOOK)
        item = self._unpacked(computed)
        if work.lock in self._locks.shaken and not _is_committed(item):
            found = made_meanwhile(work)
            if found is not None:
                return Made.by_another(found, computed.seconds)
        _Commit([item], look=True)()
        return Made.of(item, computed.seconds)

    def _unpacked(self, computed: Computed) -> Any:
        item = unpack_object(computed.packed)
        cls: Any = type(item)
        if cls.__module__ in self._modules:
            item._state["code_version"] = code_version(cls)
        return item


class _Commit:
    """A commit that can be tried again when its answer was lost: what is there is left alone."""

    def __init__(self, items: list[Any], *, look: bool = False) -> None:
        self._items = items
        self._look = look

    def __call__(self) -> None:
        missing = [i for i in self._items if not (self._look and _is_committed(i))]
        self._look = True
        commit_objects(missing)


def _is_committed(item: Any) -> bool:
    """Tell whether an object is in the database under its identifier, and learn its number."""
    if item._id is None:
        try:
            item._id = DBObject(object_id=item._state["object_id"])._id
        except ObjectNotFound:
            return False
    return True
