"""Contract, section 7: jobs are rows; they are followed, awaited, cancelled, and found dead."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from awlab.backend.database import (
    class_named,
    context,
    create_job,
    target_rows,
    update_job,
    update_target,
)
from awlab.backend.datamodel import RawBiasFrame, RawScienceFrame, utc_now
from awlab.backend.doctor import examine
from awlab.backend.errors import AccessDenied, MakeFailed, ObjectNotFound, TargetError
from awlab.backend.process import lpu

TargetFrame = class_named("TargetFrame")
FIRST = "2000-04-28"


@pytest.fixture
def key(night):
    """Key of four frames that are not made yet."""
    night.take(RawScienceFrame, FIRST, 700.0, 4)
    return {"instrument": "TCAM", "chip": night.chip.name, "date": FIRST, "processes": 0}


@pytest.fixture
def gate(monkeypatch):
    """Holds every make until it is opened."""
    opened, reached = threading.Event(), threading.Event()
    make = TargetFrame.make

    def held(self):
        reached.set()
        assert opened.wait(60.0)
        make(self)

    monkeypatch.setattr(TargetFrame, "make", held)
    yield opened, reached
    opened.set()


def test_a_run_is_a_row_with_products_and_a_log(key):
    job = lpu.run(TargetFrame, **key)
    assert (job.status, job.progress, job.error) == ("finished", (4, 4), "")
    assert len(job.products) == 5
    assert all(isinstance(item, TargetFrame) for item in job.products)
    lines = job.logs().splitlines()
    assert len(lines) == 4
    assert all(": finished" in line and line.count("TargetFrame") == 1 for line in lines)
    other = lpu.job(job.number).wait()  # as another notebook sees it
    assert (other.status, len(other.products)) == ("finished", 4)
    assert lpu.jobs(1)[0]["id"] == job.number
    again = lpu.run(TargetFrame, **key)
    assert (again.status, again.progress) == ("finished", (0, 0))
    assert again.products == job.products


def test_a_background_job_is_cancelled_before_its_next_target(key, gate):
    opened, reached = gate
    job = lpu.run(TargetFrame, wait=False, **key)
    assert reached.wait(60.0)
    assert job.wait(0.05).status == "running"
    job.cancel()
    opened.set()
    with pytest.raises(TargetError, match="the run was cancelled"):
        job.wait()
    assert (job.status, job.progress) == ("cancelled", (1, 4))
    assert len(job.products) == 1


def test_another_notebook_cancels_a_job_through_its_row(key, gate):
    opened, reached = gate
    job = lpu.run(TargetFrame, wait=False, **key)
    assert reached.wait(60.0)
    lpu.job(job.number).cancel()  # knows the row alone
    opened.set()
    with pytest.raises(TargetError, match="the run was cancelled"):
        job.wait()
    assert job.status == "cancelled"
    assert job.progress[0] < 4
    lpu.job(job.number).cancel()  # what is over stays as it is
    assert job.status == "cancelled"


def test_the_job_of_somebody_else_is_not_cancelled(key, gate):
    opened, reached = gate
    job = lpu.run(TargetFrame, wait=False, **key)
    assert reached.wait(60.0)
    update_job(job.number, member="somebody")
    try:
        with pytest.raises(AccessDenied, match="is a job of somebody"):
            lpu.job(job.number).cancel()
    finally:
        update_job(job.number, member=context.user)
        opened.set()
    assert job.wait().status == "finished"


def test_a_part_of_a_plan_is_run(key):
    words = {name: value for name, value in key.items() if name != "processes"}
    plan = TargetFrame.plan(**words)
    assert len(plan.work) == 4
    part = plan.only(plan.work[1:3])
    assert [plan.label(node) for node in part.work] == [plan.label(n) for n in plan.work[1:3]]
    job = lpu.run_plan(part, processes=0, **words)
    assert (job.status, job.progress) == ("finished", (2, 2))
    assert lpu.jobs(1)[0]["parameters"]["date"] == FIRST
    assert len(TargetFrame.plan(**words).work) == 2
    with pytest.raises(TargetError, match="nothing of what was chosen"):
        plan.only([])


def test_a_part_of_a_plan_has_the_inputs_it_needs(night):
    night.take(RawBiasFrame, FIRST, 100.0, 3)
    night.take(RawScienceFrame, FIRST, 700.0, 2)
    plan = TargetFrame.plan(instrument="TCAM", chip=night.chip.name, date=FIRST)
    part = plan.only([plan.roots[0]])
    names = [node.cls.__name__ for node in part.work]
    assert names[-1] == "TargetFrame"
    assert "TargetBias" in names
    assert part.roots == [plan.roots[0]]
    product = lpu.run_plan(part, processes=0).products[0]
    assert product.uptodate()


def test_a_job_is_awaited_while_the_loop_goes_on(key, gate):
    opened, _ = gate
    job = lpu.run(TargetFrame, wait=False, **key)

    async def cell():
        async def widget():
            opened.set()
            return "answered"

        waited, said = await asyncio.gather(job._awaited(), widget())
        return waited, said, await job

    # In a thread: another test of this process may have left a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, cell()).result() == (job, "answered", job)
    assert job.status == "finished"


def test_a_failure_is_in_the_row_and_reaches_who_waits(key, monkeypatch):
    def broken(self):
        raise KeyError("EXPTIME")

    monkeypatch.setattr(TargetFrame, "make", broken)
    with pytest.raises(MakeFailed, match=r"KeyError: 'EXPTIME'; 4 of 5 targets"):
        lpu.run(TargetFrame, **key)
    job = lpu.job(lpu.jobs(1)[0]["id"])
    assert job.status == "failed"
    assert "KeyError" in job.error
    assert job.logs().count("failed") == 4
    with pytest.raises(TargetError, match=rf"job {job.number} failed: .*KeyError"):
        job.wait()


def lost_job(pid, host=None):
    """A job of a process that is gone, in the middle of its first target."""
    number = create_job("Lost", {}, [("TargetFrame", "one"), ("TargetFrame", "two")])
    update_target(number, 0, status="running", started=utc_now())
    update_job(number, status="running", pid=pid, host=host or socket.gethostname())
    return number


@pytest.fixture
def dead():
    """Number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def test_the_job_of_a_dead_kernel_is_seen_and_closed(night, dead):
    number = lost_job(dead)
    found = next(f for f in examine(sample=0).findings if f.what == "jobs")
    assert not found.is_well
    assert found.text == f"1 jobs say they run but their process is gone, first job {number}"
    fixed = next(f for f in examine(fix=True, sample=0).findings if f.what == "jobs")
    assert fixed.is_well
    assert lpu.job(number).error == "its process is gone"
    assert [row["status"] for row in target_rows(number)] == ["failed", "failed"]


def test_waiting_for_the_job_of_a_dead_kernel_ends(night, dead):
    number = lost_job(dead)
    with pytest.raises(TargetError, match=f"job {number} failed: its process is gone"):
        lpu.job(number).wait(60.0)


def test_a_living_process_keeps_its_job_and_another_host_its_time(night):
    mine, theirs = lost_job(os.getpid()), lost_job(1, host="elsewhere")
    rows = {row["id"]: row["status"] for row in lpu.jobs()}
    assert rows[mine] == rows[theirs] == "running"
    for number in (mine, theirs):
        update_job(number, status="finished")


def test_no_such_job(night):
    with pytest.raises(ObjectNotFound, match="no job 999999 of yours"):
        lpu.job(999999)
    with pytest.raises(TargetError, match="no sequence 'Redeuce'"):
        lpu.run("Redeuce", date=FIRST)
