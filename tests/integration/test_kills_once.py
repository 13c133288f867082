"""A target that eight processes ask for at the same moment is made once, and nobody notices."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import pytest

from awlab.backend.dataserver import write_image

NIGHT, CHIP = "2000-04-28", "ccd50"
HEIGHT, WIDTH, OVERSCAN = 96, 128, 24

ASK = f"""
import sys
from awlab.backend.datamodel import connect
from awlab.backend.targets import HotPixelMap
connect()
HotPixelMap.plan(date="{NIGHT}", chip="{CHIP}")
print("ready", flush=True)
sys.stdin.readline()
print(HotPixelMap.get(date="{NIGHT}", chip="{CHIP}").object_id, flush=True)
"""


@pytest.fixture(scope="module")
def raws(tmp_path_factory):
    """Raw biases of one chip in an otherwise empty database."""
    folder = tmp_path_factory.mktemp("once")
    before = os.environ["AWLAB_HOME"]
    os.environ["AWLAB_HOME"] = str(folder / "home")
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import Chip, Instrument, RawBiasFrame, connect

    connect()
    camera = Instrument(name="OCAM", timezone=0.0).commit()
    chip = Chip(instrument=camera, name=CHIP).commit()
    rng = np.random.default_rng(1)
    hot = np.zeros((HEIGHT, WIDTH))
    hot[rng.integers(0, HEIGHT, 20), rng.integers(0, WIDTH - OVERSCAN, 20)] = 300.0
    frames = []
    for i in range(5):
        pixels = 200.0 + hot + rng.normal(0.0, 3.0, hot.shape)
        path = folder / f"bias{i}.fits"
        write_image(path, np.round(pixels).astype(np.uint16), {})
        moment = datetime(2000, 4, 28, 22) + timedelta(minutes=i)
        frame = RawBiasFrame(
            path, instrument=camera, chip=chip, night=NIGHT, DATE_OBS=moment,
            NAXIS1=WIDTH, NAXIS2=HEIGHT, BITPIX=16, OVSCX=OVERSCAN, OVSCXPST=2, OVSCXPRE=2,
        )  # fmt: skip
        frames.append(frame.store().commit())
    yield frames
    close_database()
    start_embedded(folder / "home").stop()
    os.environ["AWLAB_HOME"] = before


@pytest.mark.slow
def test_eight_at_the_same_moment_make_it_once_and_in_order(raws):
    from awlab.backend.database import held_advisory_locks, incomplete_objects
    from awlab.backend.datamodel import current_dataserver
    from awlab.backend.process import ProcessTarget
    from awlab.backend.targets import BiasFrame, HotPixelMap, ReadNoise

    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", ASK], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]  # fmt: skip
    assert [each.stdout.readline() for each in crowd] == ["ready\n"] * 8
    assert ProcessTarget.select_all().count() == 0
    for each in crowd:
        each.stdin.write("go\n")
        each.stdin.flush()
    ends = [each.communicate(timeout=120) for each in crowd]
    assert [each.returncode for each in crowd] == [0] * 8, [err for _, err in ends if err]
    answers = {out.strip() for out, _ in ends}
    assert len(answers) == 1

    made = list(ProcessTarget.select_all().order_by("creation_date"))
    assert [type(item) for item in made] == [ReadNoise, BiasFrame, HotPixelMap]
    noise, bias, hot = made
    assert {hot.object_id} == answers
    assert (hot.bias, bias.read_noise) == (bias, noise)
    assert set(bias.raw_bias_frames) == set(noise.raw_bias_frames) == set(raws)
    assert noise.read_noise == pytest.approx(3.0, rel=0.05)
    assert hot.count == 20
    assert [item.verdict() for item in made] == ["1: valid; no flags"] * 3
    # Nothing is left: no lock, no file of one who came too late, no half an object.
    assert held_advisory_locks() == []
    assert set(current_dataserver().names()) == {item.filename for item in (*raws, bias, hot)}
    assert incomplete_objects() == {}


def test_one_alone_makes_nothing_again(raws):
    from awlab.backend.process import ProcessTarget
    from awlab.backend.targets import HotPixelMap

    hot = HotPixelMap.get(date=NIGHT, chip=CHIP)
    count = ProcessTarget.select_all().count()
    assert HotPixelMap.get(date=NIGHT, chip=CHIP) == hot
    assert ProcessTarget.select_all().count() == count == 3
