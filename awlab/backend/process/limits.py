"""Bounds of time and memory for one target, kept by the process that makes it."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one target may take at most.

    Attributes
    ----------
    seconds : float or None
        Time [s]. The process that is still at it ends then, however it hangs, and says on its
        error output where: its targets cannot be trusted to give up by themselves.
    memory : int or None
        Memory besides what the process has already [bytes]. More is refused, which NumPy tells as
        a MemoryError. Kept on Linux; elsewhere only by the limits of the cluster.
    """

    seconds: float | None = None
    memory: int | None = None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the limits for what runs inside the ``with``."""
        with self._memory_kept():
            if self.seconds is None:
                yield
                return
            # A thread of C watches the time: no loop that holds Python's lock can stop it.
            faulthandler.dump_traceback_later(self.seconds, exit=True, file=_error_output())
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()

    @contextlib.contextmanager
    def _memory_kept(self) -> Iterator[None]:
        used = _data_bytes()
        if self.memory is None or used is None:
            yield
            return
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = used + self.memory
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """Private writable memory of this process [bytes], None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("VmData:")), None)
    return None if found is None else int(found) * 1024


def _error_output() -> int:
    """The error output of the process itself: what Python has in its place may have no number."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        if sys.__stderr__ is not None:
            return sys.__stderr__.fileno()
    return 2
