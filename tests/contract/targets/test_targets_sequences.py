"""Contract, section 7: a chain of sequences is one job where the last one needs the others."""

from __future__ import annotations

import pytest

from awlab.backend.database import class_named
from awlab.backend.datamodel import RawBiasFrame, RawDarkFrame, RawScienceFrame
from awlab.backend.errors import TargetError
from awlab.backend.process import lpu

TargetBias, TargetDark, TargetFrame = (
    class_named(name) for name in ("TargetBias", "TargetDark", "TargetFrame")
)
FIRST = "2000-04-28"


@pytest.fixture
def key(night):
    """Two frames to make, and a bias that is newer than what was made before."""
    night.take(RawScienceFrame, FIRST, 700.0, 2)
    night.take(RawBiasFrame, FIRST, 120.0, 2)
    return {"instrument": "TCAM", "chip": night.chip.name, "date": FIRST}


def new_jobs(run):
    """Number of jobs that a call begins, and what it returns."""
    before = lpu.jobs(1)[0]["id"] if lpu.jobs(1) else 0
    made = run()
    return sum(row["id"] > before for row in lpu.jobs()), made


def test_what_the_last_needs_is_one_job(key):
    number, job = new_jobs(lambda: lpu.run("TargetBias>TargetFrame", processes=0, **key))
    assert number == 1 and job.status == "finished"
    assert {type(item) for item in job.products} == {TargetFrame} and len(job.products) == 3
    assert sum("TargetBias" in line for line in job.logs().splitlines()) == 1
    assert lpu.jobs(1)[0]["sequence"] == "TargetBias>TargetFrame"
    number, again = new_jobs(lambda: lpu.run("TargetBias>TargetFrame", processes=0, **key))
    assert (number, again.progress) == (1, (0, 0)) and again.products == job.products


def test_calibrations_know_nothing_of_the_object_that_the_others_are_asked_by(key, night):
    words = key | {"filter": night.band.name}
    job = lpu.run("TargetBias > TargetFlat > TargetFrame", processes=0, **words)
    assert len(job.products) == 3 and all(item.uptodate() for item in job.products)
    # Alone it is a mistake, and says so.
    with pytest.raises(TargetError, match="TargetBias has no key 'filter'"):
        lpu.run("TargetBias", processes=0, **words)


def test_what_the_last_does_not_need_runs_before_it(key, night):
    night.take(RawDarkFrame, FIRST, 130.0, 2)
    number, job = new_jobs(lambda: lpu.run("TargetFrame>TargetDark", processes=0, **key))
    assert number == 2, "a dark needs no frame"
    assert {type(item) for item in job.products} == {TargetDark}
    assert all(f.uptodate() for f in TargetFrame.get(raw=[frame.raw for frame in night.frames]))


@pytest.mark.parametrize("sequence", ["TargetBias>Nothing", "TargetBias>", "RawBiasFrame"])
def test_what_is_no_sequence_is_one_sentence(key, sequence):
    name = sequence.rpartition(">")[2]
    with pytest.raises(TargetError, match=f"no sequence '{name}'") as caught:
        lpu.run(sequence, **key)
    assert "known: " in caught.value.hint
