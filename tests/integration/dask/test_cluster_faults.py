"""Targets that fail, hang or crash; workers, clients and schedulers that die; cancelled runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NIGHT = "2000-04-28"
FRAMES = 3


def test_a_target_that_fails_has_its_reason(stage):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.process import dpu, lpu

    stage.take("f0")
    pars = {"DaskFrame.process_params.WHAT": "fail"}
    with pytest.raises(MakeFailed, match=r"ValueError: no stars; 3 of 3 targets"):
        dpu.run("DaskReduce", chip="f0", pars=pars, **stage.words)
    log = lpu.job(lpu.jobs(1)[0]["id"]).logs()
    assert (log.count(": failed"), log.count(": finished")) == (FRAMES, 1)


def test_a_killed_worker_costs_time_alone(stage, tmp_path):
    from awlab.backend.doctor import examine
    from awlab.backend.process import dpu

    stage.take("k0", "k1")
    stage.workers()
    pars = {"DaskFrame.process_params.WHAT": f"hang {tmp_path}"}
    job = dpu.run("DaskReduce", chip=["k0", "k1"], pars=pars, wait=False, **stage.words)
    os.kill(stage.begun(tmp_path, 2)[0], signal.SIGKILL)
    stage.begun(tmp_path, 3)  # begun again
    (tmp_path / "go").touch()
    job.wait()
    assert (job.status, job.progress) == ("finished", (8, 8))
    assert job.logs().count("made at attempt 2") == 1
    assert len(stage.frames("k0", "k1")) == 2 * FRAMES
    assert examine(sample=100).is_clean


def test_a_target_that_kills_its_workers_is_given_up(stage, monkeypatch):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.process import cluster_run, dpu

    stage.take("p0")
    stage.workers()
    monkeypatch.setattr(cluster_run, "_PAUSE", 0.1)
    monkeypatch.setattr(cluster_run, "_DEATHS", 2)
    raw = stage.raws("p0")[0]
    pars = {"DaskFrame.process_params.WHAT": "crash"}
    with pytest.raises(MakeFailed, match="2 workers died while making it"):
        dpu.run("DaskReduce", raw=raw, pars=pars, client=stage.cluster.client)
    stage.workers()
    assert dpu.run("DaskReduce", chip="p0", **stage.words).status == "finished"


def test_time_and_memory_are_bounded(stage, tmp_path):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.process import dpu

    stage.take("t0")
    words = {"raw": stage.raws("t0")[0], "client": stage.cluster.client}
    pars = {"DaskFrame.process_params.WHAT": "memory"}
    with pytest.raises(MakeFailed, match="needs more than the 500 MiB it may take"):
        dpu.run("DaskReduce", pars=pars, memory_limit="500 MiB", **words)
    pars = {"DaskFrame.process_params.WHAT": f"hang {tmp_path}"}
    with pytest.raises(MakeFailed, match=r"takes longer than 1\.5 s"):
        dpu.run("DaskReduce", pars=pars, time_limit="1500 ms", **words)
    stage.workers()
    assert dpu.run("DaskReduce", time_limit=60, memory_limit=2**30, **words).status == "finished"


def test_a_cancelled_run_keeps_what_was_being_made(stage, tmp_path):
    from awlab.backend.errors import TargetError
    from awlab.backend.process import dpu, lpu

    stage.take("c0")
    stage.workers()
    pars = {"DaskFrame.process_params.WHAT": f"hang {tmp_path}"}
    job = dpu.run("DaskReduce", chip="c0", pars=pars, wait=False, **stage.words)
    stage.begun(tmp_path, 2)
    lpu.job(job.number).cancel()  # as another notebook does
    threading.Timer(1.0, (tmp_path / "go").touch).start()
    with pytest.raises(TargetError, match="the run was cancelled"):
        job.wait()
    assert job.status == "cancelled"
    assert job.progress == (3, 4)  # the bias, and the two that were being made
    assert len(stage.frames("c0")) == 2


@pytest.fixture
def by_hand(stage, tmp_path):
    """A scheduler and a worker in processes of their own, as on any two machines."""
    place = tmp_path / "scheduler.json"
    scheduler = [
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
    ]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    worker += ["--local-directory", str(tmp_path)]
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", *words, "--scheduler-file", str(place)],
            stderr=subprocess.DEVNULL,
        )
        for words in (scheduler, worker)
    ]
    until = time.monotonic() + 60.0
    while not place.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    yield place, begun[0]
    for process in begun:
        process.kill()
        process.wait()


CLIENT = """
from awlab.backend.datamodel import connect
from awlab.backend.process import dpu
import dask_targets
connect(dataserver={place!r})
pars = {{"DaskFrame.process_params.WHAT": {what!r}}}
words = {{"chip": "h0", "instrument": "DCAM", "date": "2000-04-28"}}
dpu.run("DaskReduce", pars=pars, scheduler={scheduler!r}, **words)
"""


def test_client_and_scheduler_may_die(stage, by_hand, tmp_path):
    from awlab.backend.database import known_filenames
    from awlab.backend.datamodel import current_dataserver, dataserver_location
    from awlab.backend.errors import TargetError
    from awlab.backend.process import dpu, lpu

    stage.take("h0")
    place, scheduler = by_hand
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    script = CLIENT.format(place=dataserver_location(), what=f"hang {first}", scheduler=str(place))
    client = subprocess.Popen([sys.executable, "-c", script])
    stage.begun(first, 1)
    client.kill()
    client.wait()
    lost = lpu.jobs(1)[0]
    assert (lost["status"], lost["error"]) == ("failed", "its process is gone")
    (first / "go").touch()  # a file is stored that nobody will commit
    words = {name: value for name, value in stage.words.items() if name != "client"}
    job = dpu.run("DaskReduce", chip="h0", scheduler=str(place), **words)
    assert job.status == "finished"
    assert len(stage.frames("h0")) == FRAMES
    until = time.monotonic() + 60.0
    while known_filenames(names := list(current_dataserver().names())) != set(names):
        assert time.monotonic() < until
        time.sleep(0.2)

    pars = {"DaskFrame.process_params.WHAT": f"hang {second}"}
    words = {"chip": "h0", "pars": pars, "wait": False} | words
    job = dpu.run("DaskReduce", scheduler=str(place), **words)
    stage.begun(second, 1)
    scheduler.kill()
    with pytest.raises(TargetError, match=r"the Dask scheduler tcp://127\.0\.0\.1:\d+ went away"):
        job.wait(60.0)
    assert job.status == "failed"
    (second / "go").touch()
    assert dpu.run("DaskReduce", client=stage.cluster.client, **words).wait().status == "finished"
