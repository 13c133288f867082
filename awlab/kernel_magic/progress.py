"""Progress bars of what takes time: in a notebook as a widget, in a terminal as a line."""

from __future__ import annotations

from typing import Any, Self

from awlab.backend.process import Job

__all__ = ["Bar", "watch"]


class Bar:
    """A bar that appears with the first step and goes away at the end.

    Parameters
    ----------
    unit : str
        What is counted.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int, name: str = "") -> None:
        """Show that so much is done."""
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit=self._unit, leave=False)
        self._bar.total = total
        self._bar.update(done - self._bar.n)


def watch(job: Job) -> Job:
    """Wait for a job with a bar; an interrupt cancels it before its next target.

    Parameters
    ----------
    job : Job
        Started in this process.
    """
    with Bar(" targets") as bar:
        return job.follow(bar)
