"""Following something that goes on elsewhere: looked at from a thread, told when it changes.

The kernel stays free, and what is told arrives also while a cell is busy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from awlab.widgets.awlab_widget import one_line

__all__ = ["Follower"]

# Ten messages a second are the most that a widget may send.
_SHORTEST = 0.1


class Follower:
    """Looks again and again, until it is over or nobody is interested any more.

    Parameters
    ----------
    look : callable
        Returns what there is, as plain data, and whether it is over.
    tell : callable
        Called from the thread with what there is, whenever it has changed; at the end with
        ``over`` set. After an error with ``failure``, one line.
    pause : float
        Between two looks [s].
    """

    def __init__(
        self,
        look: Callable[[], tuple[dict[str, Any], bool]],
        tell: Callable[[dict[str, Any]], None],
        *,
        pause: float = 0.3,
    ) -> None:
        self._look, self._tell, self._pause = look, tell, max(pause, _SHORTEST)
        self._stopped = threading.Event()
        self._until = float("inf")
        self._thread: threading.Thread | None = None

    @property
    def is_following(self) -> bool:
        """True while it looks."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, *, seconds: float = float("inf")) -> None:
        """Look from now on, for so long; called again while it looks it only looks longer.

        Parameters
        ----------
        seconds : float
            For how long [s].
        """
        self._until = time.monotonic() + seconds
        if not self.is_following:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._follow, name="awlab view", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def wait(self, timeout: float) -> None:
        """Wait until it looks no more, at most so long [s]."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _follow(self) -> None:
        last: dict[str, Any] | None = None
        while not self._stopped.is_set() and time.monotonic() < self._until:
            try:
                found, over = self._look()
                if found != last or over:
                    last = found
                    self._tell({**found, "over": over})
            # A thread has nobody above it: the view is the one to tell.
            except Exception as exc:
                self._tell({"failure": one_line(exc), "over": True})
                return
            if over:
                return
            self._stopped.wait(self._pause)
