"""A camera, targets, files on an S3 server, and two Dask workers with caches of their own."""

from __future__ import annotations

import os
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

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

    def frames(self, *chips: str) -> list:
        """The frames of chips, in the order in which they were taken."""
        from dask_targets import DaskFrame

        found = [frame for chip in chips for frame in DaskFrame.select(chip=chip)]
        return sorted(found, key=lambda frame: (frame.chip.name, frame.raw.DATE_OBS))

    def raws(self, chip: str) -> list:
        """Raw science frames of a chip."""
        from awlab.backend.datamodel import RawScienceFrame

        return list(RawScienceFrame.select(chip=chip))

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


# Not for the package: tests of other folders run between its modules, in homes of their own.
@pytest.fixture(scope="module")
def stage(tmp_path_factory, repository):
    """A home of its own, files on an S3 server, targets as a module that workers can import."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("distributed", reason="NO DASK: pip install 'awlab[dask]'")
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
