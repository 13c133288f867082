"""Open a Dask cluster: workers of this machine, or any scheduler that answers."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from awlab.backend.errors import TargetError
from awlab.backend.process.starting import dask_without_program

__all__ = ["Cluster", "open_cluster"]

_log = logging.getLogger("awlab.jobs")
# A scheduler that does not answer within this time is not there [s].
_ANSWER = 10.0
_ADDRESS = re.compile(r"^((tcp|tls|ws|wss|ucx)://)?[^/]+:\d+$|^inproc://")


class Cluster:
    """A client of a Dask scheduler; what was begun here ends with `close`.

    Parameters
    ----------
    client : distributed.Client
        Connected client.
    own : list
        What to close at the end, in that order: the client, a cluster of this machine.
    """

    def __init__(self, client: Any, own: list[Any]) -> None:
        self.client = client
        self._own = own

    @property
    def dashboard(self) -> str:
        """Address of the Dask dashboard, empty where there is none."""
        if self._own[1:] and find_spec("bokeh") is None:
            return ""  # a page that only says that bokeh is missing
        return str(self.client.dashboard_link or "")

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is there."""
        return bool(self.client.status == "running")

    def workers(self) -> list[str]:
        """Return the addresses of the workers that take work, those longest there first.

        Raises
        ------
        TargetError
            If the scheduler is gone.
        """
        try:
            found = self.client.scheduler_info()["workers"]
        except (OSError, KeyError, ValueError) as exc:
            raise self.gone() from exc
        return [address for address, each in found.items() if each.get("status") == "running"]

    def gone(self) -> TargetError:
        """Say that the scheduler went away."""
        address = getattr(self.client.scheduler, "address", "")
        return TargetError(
            f"the Dask scheduler {address} went away", "what was finished stays; run it again"
        )

    def close(self) -> None:
        """Close what was begun here; a client of the user goes on."""
        for item in self._own:
            # The end of a run must not hide how it went.
            with contextlib.suppress(Exception):
                item.close()


def open_cluster(
    client: Any = None, scheduler: Any = None, *, processes: int | None = None
) -> Cluster:
    """Connect to a scheduler, or begin workers of this machine.

    Parameters
    ----------
    client : distributed.Client, optional
        A client that is connected already; it stays open.
    scheduler : str or cluster, optional
        Address (``tcp://host:8786``), path of a scheduler file (``.json``), or a cluster object
        of ``dask_jobqueue`` or ``dask_kubernetes``. Without both, that of Dask's configuration
        (``DASK_SCHEDULER_ADDRESS``) or, if it has none, workers of this machine.
    processes : int, optional
        Workers of this machine; by default one per processor.

    Raises
    ------
    TargetError
        If Dask is not installed, or the scheduler does not answer.
    """
    if find_spec("distributed") is None:
        raise TargetError("dpu needs dask.distributed", "pip install 'awlab[dask]', or use lpu")
    dask, distributed = import_module("dask"), import_module("distributed")
    if client is not None:
        if not isinstance(client, distributed.Client) or client.status != "running":
            raise TargetError(f"{client!r} is no connected Dask client", "give a new Client(...)")
        return Cluster(client, [])
    scheduler = scheduler or dask.config.get("scheduler-address", None)
    if scheduler is None:
        return _of_this_machine(processes)
    return _of_scheduler(scheduler)


def _of_scheduler(scheduler: Any) -> Cluster:
    if not isinstance(scheduler, (str, os.PathLike)) and not hasattr(scheduler, "scheduler_info"):
        raise TargetError(
            f"{scheduler!r} is no Dask scheduler", "give an address, a scheduler file or a cluster"
        )
    is_file = str(scheduler).endswith(".json")
    where = {"scheduler_file": str(scheduler)} if is_file else {"address": scheduler}
    if is_file and not os.path.exists(scheduler):
        raise TargetError(f"there is no scheduler file {scheduler}", "`dask scheduler` writes it")
    # Dask leaves half a client behind when it is given anything else.
    if not is_file and isinstance(scheduler, str) and not _ADDRESS.match(scheduler):
        raise TargetError(
            f"{scheduler!r} is no address of a Dask scheduler", "it looks like tcp://host:8786"
        )
    try:
        client = import_module("distributed").Client(
            **where, timeout=_ANSWER, set_as_default=False, name="awlab"
        )
    except (OSError, ValueError) as exc:
        raise TargetError(
            f"no Dask scheduler answers at {scheduler}",
            "begin one with `dask scheduler`, or leave scheduler= out for workers of this machine",
        ) from exc
    return Cluster(client, [client])


def _of_this_machine(processes: int | None) -> Cluster:
    distributed = import_module("distributed")
    dask_without_program()
    count = processes or max(1, os.cpu_count() or 1)
    cluster = distributed.LocalCluster(
        n_workers=count,
        # One target at a time per process: its memory and its time are known then.
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        # Others of this machine could have code run through an open port.
        security=find_spec("cryptography") is not None,
        # A target that kills its worker is tried again by the run, which counts and waits.
        scheduler_kwargs={"allowed_failures": 0},
        silence_logs=logging.ERROR,
    )
    client = distributed.Client(cluster, set_as_default=False, name="awlab")
    return Cluster(client, [client, cluster])
