"""Worker processes begin without the program that asked for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from typing import Any

__all__ = ["without_program"]

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
            return {k: v for k, v in usual(name).items() if not k.startswith("init_main_")}

        spawn.get_preparation_data = without
        try:
            yield
        finally:
            spawn.get_preparation_data = usual
