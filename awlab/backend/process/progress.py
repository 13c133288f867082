"""A progress bar while one waits for a job: in a terminal as text, in a notebook as a widget."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["show_progress"]

_STEP = 0.1


def show_progress(total: int, done: Callable[[], int], is_over: Callable[[float], bool]) -> None:
    """Show how far a run is until it is over; nothing where nobody looks.

    Parameters
    ----------
    total : int
        Number of targets.
    done : callable
        Returns how many are finished.
    is_over : callable
        Waits at most so many seconds [s] and tells whether the run is over.
    """
    # A kernel is no terminal, but what it writes is looked at.
    is_seen = "ipykernel" in sys.modules or sys.stderr.isatty()
    if not total or not is_seen:
        while not is_over(_STEP):
            pass
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=" targets", leave=False) as bar:
        over = False
        while not over:
            over = is_over(_STEP)
            bar.update(done() - bar.n)
