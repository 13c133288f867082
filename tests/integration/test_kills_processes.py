"""Makers, kernels and the PostgreSQL server are killed at random moments; nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

NIGHT = "2000-04-28"
KILLS = {"maker": 20, "server": 14, "kernel": 16}
FRAMES = 3

# What is made: a calibration and three frames with files, a little slow.
TARGETS = """
import time
from typing import ClassVar
import numpy as np
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, RawBiasFrame, RawScienceFrame
from awlab.backend.dataserver import read_image, write_image
from awlab.backend.process import Calibration, ProcessParameters, ProcessTarget

def keep(target, pixels):
    target.pathname = target.new_pathname()
    write_image(target.pathname, pixels, {})
    time.sleep(0.01)
    target.NAXIS2, target.NAXIS1 = pixels.shape

class KillBiasParameters(ProcessParameters):
    CLIP = persistent("A parameter", float, 3.0)

class KillBias(BaseFrame, Calibration):
    _product_code = "Bias"
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", KillBiasParameters)
    def make(self):
        keep(self, np.mean([read_image(raw.retrieve())[0] for raw in self.raw_bias], axis=0))

class KillFrameParameters(ProcessParameters):
    LEVEL = persistent("A parameter", float, 1.5)

class KillFrame(BaseFrame, ProcessTarget):
    _product_code = "Red"
    SEQUENCE = "Kill"
    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", KillBias)
    process_params = persistent("Parameters", KillFrameParameters)
    def make(self):
        bias = read_image(self.bias.retrieve())[0]
        keep(self, read_image(self.raw.retrieve())[0] - bias)
"""

# Forks a process for every line "role chip file" and says its number; the file gets what the
# process says: every object that was acknowledged, at once. "reap" waits for the last one.
FORKS = """
import os, sys, traceback
import kill_targets
from kill_targets import KillBias, KillFrame
from awlab.backend.errors import AwlabError
from awlab.backend.process import lpu
import awlab.backend.doctor

def maker(chip, say):
    say(KillBias.get(instrument="KCAM", chip=chip, date="2000-04-28").object_id)
    for raw in KillFrame._attributes["raw"].type.select(chip=chip):
        say(KillFrame.get(raw=raw).object_id)

def kernel(chip, say):
    job = lpu.run("Kill", instrument="KCAM", chip=chip, date="2000-04-28", processes=0, wait=False)
    seen = set()
    while True:
        over = job._is_over(0.005)
        for item in job.products:
            if item.object_id not in seen:
                seen.add(item.object_id)
                say(item.object_id)
        if over:
            job.wait()
            return

for line in sys.stdin:
    if line == "reap\\n":
        print(os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]), flush=True)
        continue
    role, chip, place = line.split(" ", 2)
    child = os.fork()
    if child:
        print(child, flush=True)
        continue
    out = open(place.strip(), "w", buffering=1)
    say = lambda text: out.write(f"{text}\\n")
    status = 1
    try:
        say("begun")
        (kernel if role == "kernel" else maker)(chip, say)
        status = 0
    except AwlabError as exc:
        say(f"error {exc}")
        status = 3
    except BaseException:
        say(traceback.format_exc())
    finally:
        os._exit(status)
"""


class Stage:
    """A camera with one chip per kill, and a process that forks makers."""

    def __init__(self, folder: Path) -> None:
        from awlab.backend.datamodel import Instrument

        self.folder = folder
        self.camera = Instrument(name="KCAM", timezone=0.0).commit()
        self.forks = subprocess.Popen(
            [sys.executable, "-c", FORKS], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, line: str) -> int:
        """Say a line to the forking process, and return the number it answers."""
        self.forks.stdin.write(line + "\n")
        self.forks.stdin.flush()
        return int(self.forks.stdout.readline())

    def begin(self, role: str, chip: str) -> int:
        """Begin a process, and return its number when it runs."""
        pid = self.ask(f"{role} {chip} {self.folder / chip}")
        until = time.monotonic() + 30.0
        while not self.said(chip):
            assert time.monotonic() < until
            time.sleep(0.001)
        return pid

    def said(self, chip: str) -> list[str]:
        """What the process of a chip has said."""
        place = self.folder / chip
        return place.read_text().splitlines() if place.exists() else []

    def take(self, names: list[str]) -> None:
        """Two raw biases and three raw science frames per chip."""
        from awlab.backend.database import commit_objects
        from awlab.backend.datamodel import Chip, RawBiasFrame, RawScienceFrame
        from awlab.backend.dataserver import write_image

        rng = np.random.default_rng(5)
        moment = datetime(2000, 4, 28, 22)
        for name in names:
            chip = Chip(instrument=self.camera, name=name).commit()
            frames = []
            for i, cls in enumerate([RawBiasFrame] * 2 + [RawScienceFrame] * FRAMES):
                moment += timedelta(seconds=1)
                path = self.folder / f"{name}-{i}.fits"
                write_image(path, rng.integers(0, 60000, (32, 32), dtype=np.uint16), {})
                frame = cls(
                    path, instrument=self.camera, chip=chip, night=NIGHT, DATE_OBS=moment,
                    NAXIS1=32, NAXIS2=32,
                )  # fmt: skip
                frames.append(frame.store())
            commit_objects(frames)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A home of its own, the targets as a module that processes can import."""
    folder = tmp_path_factory.mktemp("kills")
    (folder / "kill_targets.py").write_text(TARGETS)
    patch = pytest.MonkeyPatch()
    patch.setenv("AWLAB_HOME", str(folder / "home"))
    paths = [str(folder), os.environ.get("PYTHONPATH", str(Path(__file__).resolve().parents[2]))]
    patch.setenv("PYTHONPATH", os.pathsep.join(paths))
    patch.syspath_prepend(str(folder))
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect

    connect()
    stage = Stage(folder)
    yield stage
    stage.forks.communicate(timeout=30)
    close_database()
    start_embedded(folder / "home").stop()
    patch.undo()


def check_chip(chip: str, acknowledged: set[str]) -> None:
    """The next get succeeds; everything of a chip exists once, whole, with its file and lineage."""
    from kill_targets import KillBias, KillFrame

    from awlab.backend.datamodel import RawBiasFrame, RawScienceFrame
    from awlab.backend.dataserver import hash_file

    frames = KillFrame.get(instrument="KCAM", chip=chip, date=NIGHT)
    (bias,) = KillBias.select(chip=chip)
    assert set(KillFrame.select(chip=chip)) == set(frames)
    assert {frame.raw for frame in frames} == set(RawScienceFrame.select(chip=chip))
    assert len(frames) == FRAMES
    assert set(bias.raw_bias) == set(RawBiasFrame.select(chip=chip))
    assert acknowledged <= {item.object_id for item in (bias, *frames)}
    for item in (bias, *frames):
        assert hash_file(item.retrieve()).digest == item.file_sha256
        assert item.process_params.values() in ({"CLIP": 3.0}, {"LEVEL": 1.5})
    for frame in frames:
        assert set(frame.upstream()) == {frame.raw, bias, *bias.raw_bias}
        assert frame.uptodate()


def kill_one(stage: Stage, role: str, chip: str, delay: float) -> int:
    """Begin a process, kill it or the server after some time, and return how the process ended."""
    from awlab.backend.database import embedded_status

    pid = stage.begin(role, chip)
    time.sleep(delay)
    if role == "server":
        postmaster = embedded_status(stage.folder / "home").pid
        os.kill(postmaster, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)  # it is not reaped yet: the number is nobody else's
    return stage.ask("reap")


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fifty_kills(stage):
    from awlab.backend.database import close_database, incomplete_objects
    from awlab.backend.datamodel import connect
    from awlab.backend.doctor import examine
    from awlab.backend.process import lpu

    roles = [role for role, count in KILLS.items() for _ in range(count)]
    chance = random.Random(20000428)
    chance.shuffle(roles)
    names = [f"kill{i:02d}" for i in range(len(roles))]
    stage.take(["calm", *names])
    started = time.monotonic()
    stage.begin("maker", "calm")
    assert stage.ask("reap") == 0, stage.said("calm")
    usual = aim = time.monotonic() - started

    ends: dict[str, list[int]] = {role: [] for role in KILLS}
    for role, chip in zip(roles, names, strict=True):
        ends[role].append(kill_one(stage, role, chip, chance.uniform(0.0, aim)))
        # A busy machine is not equally busy all the time: who was missed is aimed at earlier.
        aim = aim * 0.8 if ends[role][-1] == 0 and role != "server" else min(usual, aim * 1.05)
        said = stage.said(chip)[1:]
        if ends[role][-1] in (0, -signal.SIGKILL):
            check_chip(chip, set(said))
        else:
            assert ends[role][-1] == 3, "\n".join(said)
            check_chip(chip, {line for line in said if not line.startswith("error")})
    print({role: sorted(found) for role, found in ends.items()}, f"{usual:.2f} s undisturbed")
    for role in ("maker", "kernel"):  # most moments lie before the end
        assert ends[role].count(-signal.SIGKILL) > KILLS[role] // 2
    # Those who lost only their server went on when it was back.
    assert ends["server"].count(0) >= KILLS["server"] - 1

    close_database()
    connect()
    rows = [row for row in lpu.jobs(200) if row["sequence"] == "Kill"]
    assert {row["status"] for row in rows} <= {"finished", "failed"}
    assert all(row["error"] == "its process is gone" for row in rows if row["status"] == "failed")
    assert incomplete_objects() == {}
    report = examine(sample=10_000)
    assert report.is_clean, str(report)


WORKERS = f"""
import sys
from kill_targets import KillFrame
from awlab.backend.process import lpu
if __name__ == "__main__":
    lpu.run("Kill", instrument="KCAM", chip=["w0", "w1", "w2", "w3"], date="{NIGHT}", processes=2)
"""


def children(pid: int) -> list[int]:
    """Processes that a process has begun."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for thread in threads for word in thread.read_text().split()]


def is_worker(pid: int) -> bool:
    """Whether a worker process with that number lives."""
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.slow
def test_workers_end_with_their_kernel(stage):
    from awlab.backend.process import lpu

    names = ["w0", "w1", "w2", "w3"]
    stage.take(names)
    script = stage.folder / "run.py"
    script.write_text(WORKERS)
    kernel = subprocess.Popen([sys.executable, str(script)])
    until = time.monotonic() + 60.0
    while not any(is_worker(pid) for pid in children(kernel.pid)):
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(1.0)
    workers = [pid for pid in children(kernel.pid) if is_worker(pid)]
    kernel.kill()
    kernel.wait()
    assert workers
    until = time.monotonic() + 60.0
    while any(is_worker(pid) for pid in workers):
        assert time.monotonic() < until, "the workers outlive their kernel"
        time.sleep(0.02)
    for name in names:
        check_chip(name, set())
    newest = lpu.jobs(1)[0]
    assert (newest["status"], newest["error"]) == ("failed", "its process is gone")
