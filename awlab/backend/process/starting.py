"""Worker processes begin without the program that asked for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from typing import Any

__all__ = ["dask_without_program", "without_program"]

_WITHOUT = "init_main_"
_DASK = "Dask Worker process"
_lock = threading.Lock()


@contextmanager
def without_program() -> Iterator[None]:
    """Begin processes that do not import the main module, so that a script needs no guard.

    ``multiprocessing`` runs the program again in every new process, for what it defines; a script
    that is not guarded by ``if __name__ == '__main__'`` would ask for its work once more in each.
    A worker needs nothing of it: targets of a class that the program defines are made in the
    program's own process.

    References
    ----------
    Python documentation, "multiprocessing", Programming guidelines, "The spawn and forkserver
    start methods": safe importing of the main module.
    """
    with _lock:
        usual = spawn.get_preparation_data

        def without(name: str) -> dict[str, Any]:
            return {k: v for k, v in usual(name).items() if not k.startswith(_WITHOUT)}

        spawn.get_preparation_data = without
        try:
            yield
        finally:
            spawn.get_preparation_data = usual


def dask_without_program() -> None:
    """Have Dask's nannies begin workers without the main module, now and when a worker died.

    Workers are begun again in the middle of a run, so this stays. Dask itself carries by value
    what it is given of the main module.
    """
    with _lock:
        usual = spawn.get_preparation_data
        if getattr(usual, "_spares_dask", False):
            return

        def without(name: str) -> dict[str, Any]:
            spared = name.startswith(_DASK)
            found = usual(name).items()
            return {k: v for k, v in found if not (spared and k.startswith(_WITHOUT))}

        without._spares_dask = True  # type: ignore[attr-defined]
        spawn.get_preparation_data = without
