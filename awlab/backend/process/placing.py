"""Which worker makes which target: those of one chip stay where the files of the chip are."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

__all__ = ["Chip", "Places"]

#: Instrument and chip; None for a target of several chips.
Chip = tuple[int, int] | None


class Places:
    """Targets that are ready to be made, and the worker that each chip belongs to.

    A worker that has nothing left of its own chips takes a new one or, where none is left, a
    target of another worker's chip: no worker waits while there is work.
    """

    def __init__(self) -> None:
        self._ready: dict[Chip, deque[Any]] = {}
        self._homes: dict[Chip, str] = {}

    def __len__(self) -> int:
        return sum(map(len, self._ready.values()))

    def put(self, item: Any, chip: Chip, *, first: bool = False) -> None:
        """Add a target that is ready; behind the others of its chip, or before them."""
        queue = self._ready.setdefault(chip, deque())
        (queue.appendleft if first else queue.append)(item)

    def take(self, worker: str) -> Any:
        """Return the target that a free worker should make next, None if there is none.

        Parameters
        ----------
        worker : str
            Its address.
        """
        chip = self._chosen(worker)
        if chip is _NOTHING:
            return None
        queue = self._ready[chip]
        item = queue.popleft()
        if not queue:
            del self._ready[chip]
        return item

    def home(self, chip: Chip) -> str:
        """Return the worker that a chip belongs to, empty if none."""
        return self._homes.get(chip, "")

    def forget(self, worker: str) -> None:
        """Take note that a worker is gone, and with it the files it held."""
        self._homes = {chip: home for chip, home in self._homes.items() if home != worker}

    def _chosen(self, worker: str) -> Any:
        own = [chip for chip in self._ready if self._homes.get(chip) == worker]
        if own:
            return own[0]
        new = [chip for chip in self._ready if chip is not None and chip not in self._homes]
        if new:
            self._homes[new[0]] = worker
            return new[0]
        # What belongs to no chip has waited for all of its inputs; then whoever has most to do.
        if None in self._ready:
            return None
        waiting = Counter({chip: len(queue) for chip, queue in self._ready.items()})
        return waiting.most_common(1)[0][0] if waiting else _NOTHING


class _Nothing:
    """No chip at all, where None is the chip of a target of several chips."""


_NOTHING = _Nothing()
