"""A night on a Dask cluster: equal to that of this machine, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("distributed", reason="NO DASK: pip install 'awlab[dask]'")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NIGHT = "2000-04-28"
FRAMES = 3

# A calibration and frames with files; a parameter says what goes wrong.
TARGETS = """
import os, time
from pathlib import Path
import numpy as np
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Imstat, RawBiasFrame, RawScienceFrame
from awlab.backend.dataserver import read_image, write_image
from awlab.backend.process import Calibration, ProcessParameters, ProcessTarget

def keep(target, pixels):
    target.pathname = target.new_pathname()
    write_image(target.pathname, pixels, {})
    target.NAXIS2, target.NAXIS1 = pixels.shape
    target.imstat = Imstat(mean=float(pixels.mean()), stdev=float(pixels.std()))

class DaskBiasParameters(ProcessParameters):
    CLIP = persistent("A parameter", float, 3.0)

class DaskBias(BaseFrame, Calibration):
    _product_code = "Bias"
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", DaskBiasParameters)
    def make(self):
        keep(self, np.mean([read_image(raw.retrieve())[0] for raw in self.raw_bias], axis=0))

class DaskFrameParameters(ProcessParameters):
    WHAT = persistent("What happens: word and place", str, "")

class DaskFrame(BaseFrame, ProcessTarget):
    _product_code = "Red"
    SEQUENCE = "DaskReduce"
    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", DaskBias)
    process_params = persistent("Parameters", DaskFrameParameters)
    def make(self):
        word, _, place = self.process_params.WHAT.partition(" ")
        if word:
            happen(word, Path(place))
        bias = read_image(self.bias.retrieve())[0]
        keep(self, read_image(self.raw.retrieve())[0] - bias)

def happen(word, place):
    if word == "fail":
        raise ValueError("no stars")
    if word == "crash":
        os._exit(9)
    if word == "memory":
        np.ones(10**9)
    if word == "hang":
        (place / f"begun-{os.getpid()}-{time.monotonic_ns()}").touch()
        while not (place / "go").exists():
            time.sleep(0.02)
"""


class Stage:
    """A camera, its raw frames, and a cluster of two workers with caches of their own."""

    def __init__(self, folder: Path, cluster) -> None:
        from awlab.backend.datamodel import Instrument

        self.folder, self.cluster = folder, cluster
        self.camera = Instrument(name="DCAM", timezone=0.0).commit()

    @property
    def words(self) -> dict:
        """Where to make things."""
        return {"client": self.cluster.client, "instrument": "DCAM", "date": NIGHT}

    def take(self, *names: str) -> list[str]:
        """Two raw biases and three science frames per chip; the same for all chips."""
        from awlab.backend.database import commit_objects
        from awlab.backend.datamodel import Chip, RawBiasFrame, RawScienceFrame
        from awlab.backend.dataserver import write_image

        frames = []
        for name in names:
            rng, moment = np.random.default_rng(5), datetime(2000, 4, 28, 22)
            chip = Chip(instrument=self.camera, name=name).commit()
            for i, cls in enumerate([RawBiasFrame] * 2 + [RawScienceFrame] * FRAMES):
                moment += timedelta(seconds=1)
                path = self.folder / f"{name}-{i}.fits"
                write_image(path, rng.integers(0, 60000, (32, 32), dtype=np.uint16), {"N": name})
                frame = cls(
                    path, instrument=self.camera, chip=chip, night=NIGHT, DATE_OBS=moment,
                    NAXIS1=32, NAXIS2=32,
                )  # fmt: skip
                frames.append(frame.store())
        commit_objects(frames)
        return list(names)

    def begun(self, place: Path, count: int) -> list[int]:
        """Wait until so many targets hang at a place, and return their processes."""
        until = time.monotonic() + 60.0
        while len(found := sorted(place.glob("begun-*"))) < count:
            assert time.monotonic() < until
            time.sleep(0.02)
        return [int(path.name.split("-")[1]) for path in found]

    def workers(self, count: int = 2) -> None:
        """Wait until so many workers are there."""
        until = time.monotonic() + 60.0
        while len(self.cluster.workers()) < count:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture(scope="module")
def stage(tmp_path_factory, repository):
    """A home of its own, files on an S3 server, targets as a module that workers can import."""
    moto = pytest.importorskip("moto.server")
    folder = tmp_path_factory.mktemp("dask")
    (folder / "dask_targets.py").write_text(TARGETS)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    paths = [str(folder), os.environ.get("PYTHONPATH", str(repository))]
    patch = pytest.MonkeyPatch()
    for name, value in {
        "AWLAB_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join(paths),
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)
    patch.syspath_prepend(str(folder))
    import boto3

    bucket = f"bucket-{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.process.dask_cluster import open_cluster

    connect(dataserver=f"s3://{bucket}/night")
    import dask_targets  # noqa: F401

    cluster = open_cluster(processes=2)
    yield Stage(folder, cluster)
    cluster.close()
    close_database()
    start_embedded(folder / "home").stop()
    server.stop()
    patch.undo()


def frames_of(chips: list[str]) -> list:
    """The frames of chips, in the order in which they were taken."""
    from dask_targets import DaskFrame

    found = [frame for chip in chips for frame in DaskFrame.select(chip=chip)]
    return sorted(found, key=lambda frame: (frame.chip.name, frame.raw.DATE_OBS))


def caches(stage: Stage) -> list[set[str]]:
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
    pairs = list(zip(frames_of(here), frames_of(there), strict=True))
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
    assert len(frames_of(["k0", "k1"])) == 2 * FRAMES
    assert examine(sample=100).is_clean


def test_a_target_that_kills_its_workers_is_given_up(stage, monkeypatch):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.process import cluster_run, dpu

    stage.take("p0")
    stage.workers()
    monkeypatch.setattr(cluster_run, "_PAUSE", 0.1)
    monkeypatch.setattr(cluster_run, "_DEATHS", 2)
    raw = frames_raw("p0")[0]
    pars = {"DaskFrame.process_params.WHAT": "crash"}
    with pytest.raises(MakeFailed, match="2 workers died while making it"):
        dpu.run("DaskReduce", raw=raw, pars=pars, client=stage.cluster.client)
    stage.workers()
    assert dpu.run("DaskReduce", chip="p0", **stage.words).status == "finished"


def frames_raw(chip: str) -> list:
    """Raw science frames of a chip."""
    from awlab.backend.datamodel import RawScienceFrame

    return list(RawScienceFrame.select(chip=chip))


def test_time_and_memory_are_bounded(stage, tmp_path):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.process import dpu

    stage.take("t0")
    words = {"raw": frames_raw("t0")[0], "client": stage.cluster.client}
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
    assert len(frames_of(["c0"])) == 2


@pytest.fixture(scope="module")
def frame(stage):
    """A frame that is made."""
    from dask_targets import DaskFrame

    stage.take("m0")
    return DaskFrame.get(raw=frames_raw("m0")[0])


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
    assert len(frames_of(["h0"])) == FRAMES
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
