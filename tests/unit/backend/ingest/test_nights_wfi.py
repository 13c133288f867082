"""The simulated night as files: what is made, that it is repeatable, and what the headers say."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awlab.backend.errors import FileMissing, IngestError
from awlab.backend.ingest.nights import NightTruth, available_nights, make_wfi_night
from awlab.backend.ingest.nights.layout import CHIPS, Layout

SIZE = (64, 96)
COUNTS = {"bias": 10, "dark": 3, "dome": 40, "twilight": 10, "standard": 4, "science": 10}


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return make_wfi_night(tmp_path_factory.mktemp("wfi") / "night", size=SIZE)


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.suffix == ".fits"
    }


def truth_arrays(folder: Path) -> dict[str, np.ndarray]:
    arrays = {}
    for path in folder.rglob("*.npz"):
        with np.load(path) as stored:
            arrays |= {f"{path.name}:{key}": stored[key] for key in stored}
    return arrays


def test_the_night_has_every_kind_of_exposure(night):
    assert night.summary == COUNTS
    assert len(night.paths) == sum(COUNTS.values())
    assert not night.reused
    assert all(path.is_file() and path.parent == night.raw for path in night.paths)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(night, tmp_path):
    again = make_wfi_night(tmp_path / "again", size=SIZE)
    assert digest(again.folder) == digest(night.folder)
    theirs, ours = truth_arrays(again.truth), truth_arrays(night.truth)
    assert theirs.keys() == ours.keys()
    assert all(np.array_equal(theirs[key], ours[key]) for key in ours)
    # Other parameters replace the night in the same folder.
    other = make_wfi_night(tmp_path / "again", size=SIZE, seed=2)
    assert not other.reused
    assert set(digest(other.folder).values()).isdisjoint(digest(night.folder).values())
    assert make_wfi_night(tmp_path / "again", size=SIZE, seed=2).reused


def test_a_complete_night_is_reused_and_a_damaged_one_remade(night, tmp_path):
    folder, calls = tmp_path / "night", []
    shutil.copytree(night.folder, folder)
    again = make_wfi_night(folder, size=SIZE, progress=lambda *step: calls.append(step))
    assert again.reused
    assert [path.name for path in again.paths] == [path.name for path in night.paths]
    assert again.summary == night.summary and again.truth == folder / "truth"
    assert calls == []
    again.paths[3].write_bytes(b"cut short")
    (again.truth / "ccd52.npz").unlink()
    remade = make_wfi_night(folder, size=SIZE, progress=lambda *step: calls.append(step))
    assert not remade.reused
    assert digest(remade.folder) == digest(night.folder)
    assert (remade.truth / "ccd52.npz").is_file()
    assert calls == [(done, 77) for done in range(1, 78)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night"]


def test_two_makers_at_once_both_end_with_the_whole_night(night, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        makers = [pool.submit(make_wfi_night, tmp_path / "night", size=SIZE) for _ in range(2)]
        made = [maker.result() for maker in makers]
    assert made[0].paths == made[1].paths
    assert digest(tmp_path / "night") == digest(night.folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["night"]


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(IngestError, match="not a demo night") as caught:
        make_wfi_night(tmp_path, size=SIZE)
    assert caught.value.hint
    assert (tmp_path / "thesis.tex").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_nothing_is_left_when_making_fails(tmp_path, monkeypatch):
    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("awlab.backend.ingest.nights.wfi.write_mosaic", full_disk)
    with pytest.raises(OSError, match="No space"):
        make_wfi_night(tmp_path / "night", size=SIZE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(32, 512), (256, 5000), (4096, 2048)])
def test_an_impossible_size_is_refused(size, tmp_path):
    with pytest.raises(IngestError, match=f"{size[0]} x {size[1]}"):
        make_wfi_night(tmp_path / "night", size=size)


def test_a_part_of_the_night_is_as_in_the_whole(night, tmp_path):
    part = make_wfi_night(tmp_path / "part", size=SIZE, chips=["ccd53"], filters=["#844"])
    assert part.summary == COUNTS | {"dome": 20, "twilight": 5, "standard": 2, "science": 5}
    assert {path.name for path in part.paths} < {path.name for path in night.paths}
    for path in part.paths[::4]:
        with fits.open(path) as some, fits.open(night.raw / path.name) as all_:
            assert len(some) == 2
            assert np.array_equal(some[1].data, all_[CHIPS.index("ccd53") + 1].data)
    whole, own = NightTruth(night.truth), NightTruth(part.truth)
    assert list(own.chips) == ["ccd53"] and own.chips["ccd53"] == whole.chips["ccd53"]
    assert make_wfi_night(tmp_path / "part", size=SIZE, chips=["ccd53"], filters=["#844"]).reused
    # A whole night does not name its parts: nights made earlier are still good.
    named = make_wfi_night(night.folder, size=SIZE, chips=CHIPS[::-1], filters=["#844", "#842"])
    assert named.reused


@pytest.mark.parametrize("part", [{"chips": ["ccd99"]}, {"filters": ["#1"]}, {"chips": []}])
def test_a_part_that_the_camera_has_not_is_refused(part, tmp_path):
    with pytest.raises(IngestError, match=r"has no (chip|filter)") as caught:
        make_wfi_night(tmp_path / "night", size=SIZE, **part)
    assert "choose from" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_the_full_format_is_that_of_the_real_wfi():
    assert Layout(2048, 4096).raw_shape == (4128, 2142)


def test_chips_do_not_overlap():
    layout = Layout(256, 512)
    for one in layout.chips:
        for other in layout.chips[one.index + 1 :]:
            apart_x = abs(one.u - other.u) >= layout.width + layout.gap[0]
            apart_y = abs(one.v - other.v) >= layout.height + layout.gap[1]
            assert apart_x or apart_y, (one.name, other.name)


def test_every_file_is_valid_fits_with_eight_unsigned_chips(night):
    layout = Layout(*SIZE)
    for path in night.paths[::7]:
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert len(hdus) == 9 and hdus[0].data is None
            for hdu, name in zip(hdus[1:], CHIPS, strict=True):
                assert hdu.header["ESO DET CHIP ID"] == name
                assert hdu.header["BITPIX"] == 16
                assert hdu.data.dtype == np.uint16
                assert hdu.data.shape == layout.raw_shape
                assert 100 < np.median(hdu.data) < 60000
                strips = [hdu.header[f"ESO DET OUT1 {key}"] for key in ("PRSCX", "OVSCX", "OVSCY")]
                assert strips == [layout.prescan_x, layout.overscan_x, layout.overscan_y]


def test_file_names_and_dates_agree(night):
    starts = []
    for path in night.paths:
        header = fits.getheader(path)
        assert path.name == f"WFI.{header['DATE-OBS']}.fits" == header["ARCFILE"]
        start = datetime.fromisoformat(header["DATE-OBS"])
        days = (start - datetime(1858, 11, 17)) / timedelta(days=1)
        assert header["MJD-OBS"] == pytest.approx(days, abs=2e-8)
        seconds = start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6
        assert header["UTC"] == pytest.approx(seconds, abs=1e-3)
        starts.append((start, header["EXPTIME"]))
    # One night from noon to noon at La Silla (UTC-4), on both sides of midnight UTC.
    assert min(starts)[0] > datetime(2000, 4, 28, 16)
    assert max(starts)[0] < datetime(2000, 4, 29, 16)
    assert {start.day for start, _ in starts} == {28, 29}
    for (one, exptime), (after, _) in itertools.pairwise(starts):
        assert after - one > timedelta(seconds=exptime), "two exposures at the same time"


def test_sidereal_time_and_airmass_agree_with_astropy(night):
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    site = EarthLocation.from_geodetic(-70.7346, -29.2543, 2335)
    path = next(path for path in reversed(night.paths) if "04-29T02" in path.name)
    header = fits.getheader(path)
    with iers.conf.set_temp("auto_download", False):
        when = Time(header["DATE-OBS"], location=site)
        # 2 s: UT1-UTC and the equation of the equinoxes are left out on purpose.
        assert header["LST"] / 240 == pytest.approx(when.sidereal_time("mean").deg, abs=2 / 240)
        where = SkyCoord(header["RA"], header["DEC"], unit="deg")
        secant = where.transform_to(AltAz(obstime=when, location=site)).secz
    assert header["ESO TEL AIRM START"] == pytest.approx(float(secant), abs=0.002)


def test_every_field_is_high_in_the_sky(night):
    truth = NightTruth(night.truth)
    for name, row in truth.exposures.items():
        if row["kind"] in {"twilight", "standard", "science"}:
            assert 1 <= row["airmass"] < 2.2, (name, row["target"])
    standards = [row["airmass"] for row in truth.exposures.values() if row["kind"] == "standard"]
    assert max(standards) - min(standards) > 0.3, "no lever arm for the extinction"


def test_headers_tell_kind_filter_and_template(night):
    truth = NightTruth(night.truth)
    types = {
        "bias": "BIAS",
        "dark": "DARK",
        "dome": "FLAT,DOME",
        "twilight": "FLAT,SKY",
        "standard": "STD,ZEROPOINT",
        "science": "OBJECT",
    }
    for path in night.paths:
        header, row = fits.getheader(path), truth.exposures[path.name]
        assert header["INSTRUME"] == "WFI"
        assert header["ESO DPR TYPE"] == types[row["kind"]]
        assert header["ESO DPR CATG"] == ("SCIENCE" if row["kind"] == "science" else "CALIB")
        assert header["ESO INS FILT1 ID"] == row["filter"]
        assert header["ESO INS FILT1 NAME"].endswith(f"ESO{row['filter'][1:]}")
        assert header["EXPTIME"] == row["exptime"]
        assert header["OBJECT"] == row["target"]
        assert 1 <= header["ESO TPL EXPNO"] <= header["ESO TPL NEXP"]
        assert header["ESO TPL START"] == header["ESO OBS START"] < header["DATE-OBS"]
        assert ("ESO TEL AIRM START" in header) == (
            row["kind"] in {"twilight", "standard", "science"}
        )


def test_dome_flats_come_in_pairs_over_a_wide_range(night):
    for band in ("#842", "#844"):
        headers = [fits.getheader(path) for path in night.paths]
        times = [
            header["EXPTIME"]
            for header in headers
            if header["ESO TPL ID"] == "WFI_img_tec_GainLin" and header["ESO INS FILT1 ID"] == band
        ]
        assert len(times) == 10
        assert times[::2] == times[1::2]
        assert max(times) / min(times) >= 8


def test_truth_is_readable_without_awlab(night):
    stored = json.loads((night.truth / "night_truth.json").read_text())
    assert set(stored["chips"]) == set(CHIPS)
    assert set(stored["exposures"]) == {path.name for path in night.paths}


def test_missing_truth_is_said(tmp_path):
    with pytest.raises(FileMissing, match="no truth"):
        NightTruth(tmp_path)


def test_available_nights_describe_both():
    nights = available_nights()
    assert list(nights) == ["wfi", "sa112"]
    assert not nights["wfi"].network and nights["sa112"].network
    assert all(night.description for night in nights.values())


def test_the_front_door_is_light():
    code = (
        "import sys, awlab.backend.ingest.nights as n; n.available_nights(); "
        "print([m for m in ('numpy', 'astropy', 'scipy', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
