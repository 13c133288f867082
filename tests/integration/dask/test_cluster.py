"""A night on a Dask cluster is that of this machine; code of the user travels."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NIGHT = "2000-04-28"
FRAMES = 3


def caches(stage) -> list[set[str]]:
    """Names of the files in the cache of each worker."""

    def names(dask_worker) -> set[str]:
        folder = Path(dask_worker.local_directory) / "awlab-cache"
        return {path.name for path in folder.glob("???/*/*")}

    return list(stage.cluster.client.run(names).values())


def test_a_night_is_that_of_this_machine(stage):
    from awlab.backend.dataserver import read_image
    from awlab.backend.process import dpu, lpu

    here, there = stage.take("l0", "l1"), stage.take("d0", "d1")
    words = {name: value for name, value in stage.words.items() if name != "client"}
    lpu.run("DaskReduce", chip=here, processes=0, **words)
    job = dpu.run("DaskReduce", chip=there, **stage.words)
    assert (job.status, job.progress) == ("finished", (8, 8))
    assert job.dashboard == stage.cluster.client.dashboard_link
    pairs = list(zip(stage.frames(*here), stage.frames(*there), strict=True))
    assert len(pairs) == 2 * FRAMES
    for mine, theirs in pairs:
        assert np.array_equal(*(read_image(each.retrieve())[0] for each in (mine, theirs)))
        assert mine.imstat == theirs.imstat
        assert mine.code_version == theirs.code_version
        assert mine.process_params == theirs.process_params  # one object for both
        assert theirs.upstream().counts() == mine.upstream().counts()
        assert theirs.uptodate()
    assert set(job.products) == {theirs for _, theirs in pairs}
    # Every worker fetched files for itself, and no raw frame was fetched by both.
    held = caches(stage)
    fetched = Counter(name for names in held for name in names if name[:2] in ("d0", "d1"))
    assert all(held)
    assert len(fetched) == 2 * (2 + FRAMES)
    assert set(fetched.values()) == {1}
    again = dpu.run("DaskReduce", chip=there, **stage.words)
    assert (again.status, again.progress) == ("finished", (0, 0))


@pytest.fixture
def frame(stage):
    """A frame that is made."""
    from dask_targets import DaskFrame

    if not stage.raws("m0"):
        stage.take("m0")
    return DaskFrame.get(raw=stage.raws("m0")[0])


SCRIPT = """
from awlab.backend.datamodel import connect
from awlab.backend.database import persistent
from awlab.backend.process import ProcessTarget, dpu
import dask_targets

FACTOR = 2.0

def doubled(value):
    return FACTOR * value

class Plain(ProcessTarget, abstract=True):
    def make(self):
        self.level = 1.0

class DaskLevel(Plain):
    '''Level of one frame.'''
    frame = persistent("Frame", dask_targets.DaskFrame)
    level = persistent("Level [ADU]", float)
    def make(self):
        super().make()
        self.level += doubled(self.frame.imstat.mean)

connect(dataserver={place!r})
frame = dask_targets.DaskFrame.select(chip="m0")[0]
job = dpu.run(DaskLevel, frame=frame, processes=1)
(made,) = job.products
print("level", made.level == 1.0 + 2.0 * frame.imstat.mean, bool(made.uptodate(code=True)))
"""


def test_a_class_of_the_program_travels_to_workers_of_its_own(stage, frame):
    from awlab.backend.datamodel import dataserver_location

    script = stage.folder / "own.py"
    script.write_text(SCRIPT.format(place=dataserver_location()))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == ["level True True"], done.stderr


def test_a_module_named_by_its_path_travels(stage, frame):
    from awlab.backend.errors import TargetError
    from awlab.backend.process import dpu

    place = stage.folder / "elsewhere" / "dask_own.py"
    place.parent.mkdir()
    place.write_text(
        "from awlab.backend.database import persistent\n"
        "from awlab.backend.process import ProcessTarget\n"
        "from dask_targets import DaskFrame\n"
        "class DaskOwn(ProcessTarget):\n"
        "    frame = persistent('Frame', DaskFrame)\n"
        "    level = persistent('Level [ADU]', float)\n"
        "    def make(self):\n"
        "        self.level = self.frame.imstat.mean\n"
    )
    job = dpu.run("DaskOwn", frame=frame, code=place, client=stage.cluster.client)
    assert job.products[0].level == frame.imstat.mean
    with pytest.raises(TargetError, match="there is no such Python file"):
        dpu.run("DaskOwn", frame=frame, code="nowhere.py", client=stage.cluster.client)


def test_what_cannot_be_is_said_in_a_sentence(stage, monkeypatch):
    from awlab.backend.errors import TargetError
    from awlab.backend.process import dask_cluster, dpu

    stage.take("u0")
    words = {"chip": "u0", "instrument": "DCAM", "date": NIGHT}
    monkeypatch.setattr(dask_cluster, "_ANSWER", 0.5)
    for wrong, said in {
        "tcp://127.0.0.1:1": "no Dask scheduler answers at tcp://127.0.0.1:1",
        "nonsense": "'nonsense' is no address of a Dask scheduler",
        "nowhere.json": "there is no scheduler file nowhere.json",
        7: "7 is no Dask scheduler",
    }.items():
        with pytest.raises(TargetError, match=said):
            dpu.run("DaskReduce", scheduler=wrong, **words)
    with pytest.raises(TargetError, match="'x' is no connected Dask client"):
        dpu.run("DaskReduce", client="x", **words)
    with pytest.raises(TargetError, match="memory_limit='much' is not understood"):
        dpu.run("DaskReduce", client=stage.cluster.client, memory_limit="much", **words)
    monkeypatch.setattr(dask_cluster, "find_spec", lambda name: None)
    with pytest.raises(TargetError, match=r"dpu needs dask.distributed \(pip install"):
        dpu.run("DaskReduce", **words)
