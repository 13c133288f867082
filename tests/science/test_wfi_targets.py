"""The pulled calibrations of the simulated night against its truth, and their lineage."""

from __future__ import annotations

import os

import numpy as np
import pytest
from astropy.io import fits

CHIPS = ("ccd50", "ccd53")
BAND = "#842"
DATE = "2000-04-28"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """The night ingested and reduced for two chips, in a home of its own."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.ingest import ingest_night
    from awlab.backend.ingest.nights import NightTruth
    from awlab.backend.targets import ReducedScienceFrame

    connect()
    report = ingest_night("wfi")
    assert report.exit_status == 0
    assert report.counts == {"new": 77}
    frames = ReducedScienceFrame.get(instrument="WFI", date=DATE, chip=list(CHIPS))
    yield frames, NightTruth(folder / "nights" / "wfi" / "truth")
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


@pytest.fixture(scope="module")
def frames(night):
    return night[0]


@pytest.fixture(scope="module", params=CHIPS)
def chip(request, night):
    """Name, truth, and the first reduced frame of a chip in one filter."""
    frames, truth = night
    frame = next(f for f in frames if f.chip.name == request.param and f.filter.name == BAND)
    return truth.chip(request.param), frame


def pixels(item):
    return fits.getdata(item.retrieve()).astype(np.float64)


def trimmed(frame, image):
    raw = frame.raw
    rows = slice(raw.PRSCY, raw.NAXIS2 - raw.OVSCY)
    return image[rows, slice(raw.PRSCX, raw.NAXIS1 - raw.OVSCX)]


def test_read_noise_and_gain(chip):
    truth, frame = chip
    measured = frame.bias.read_noise.read_noise
    assert measured == pytest.approx(truth.read_noise / truth.gain, rel=0.02)
    gain = frame.flat.dome_flat.gain
    assert gain.gain == pytest.approx(truth.gain, rel=0.02)
    assert gain.quality_flags == 0


def test_bias_residual(chip):
    truth, frame = chip
    good = ~(truth.hot | truth.cold)
    raw = frame.raw
    rows = truth.bias[: frame.NAXIS2, raw.NAXIS1 - raw.OVSCX + raw.OVSCXPST :].mean(axis=1)
    # The overscan takes the level of every row off, so it is not in the master either.
    difference = (pixels(frame.bias) - trimmed(frame, truth.bias) + rows[:, None])[good]
    expected = truth.read_noise / truth.gain / np.sqrt(len(frame.bias.raw_bias_frames))
    assert np.std(difference) < 1.2 * expected


@pytest.mark.parametrize("kind", ["hot", "cold"])
def test_pixel_maps(chip, kind):
    truth, frame = chip
    found = pixels(getattr(frame, kind)) == 0
    true = getattr(truth, kind)
    assert (found & true).sum() >= 0.98 * true.sum()
    assert (found & true).sum() >= 0.98 * found.sum()


def test_flat(chip):
    truth, frame = chip
    good = ~(truth.hot | truth.cold)
    ratio = (pixels(frame.flat) / truth.flat(BAND))[good]
    assert np.std(ratio / np.median(ratio)) < 0.002


def test_flux_is_unbiased(night):
    """Total light of the deep frames, against a reduction with the true bias and flat."""
    frames, night_truth = night
    for name in CHIPS:
        truth = night_truth.chip(name)
        good = ~(truth.hot | truth.cold)
        mine, ideal = [], []
        for frame in frames:
            if (frame.chip.name, frame.filter.name, frame.EXPTIME) != (name, BAND, 300.0):
                continue
            raw = fits.getdata(frame.raw.retrieve()).astype(np.float64) - truth.bias
            strip = raw[: frame.NAXIS2, frame.raw.NAXIS1 - frame.raw.OVSCX + 4 :]
            clean = (trimmed(frame, raw) - strip.mean()) / truth.flat(BAND)
            mine.append(pixels(frame)[good].sum())
            ideal.append(clean[good].sum())
        assert len(mine) == 5
        dark = 0.002  # the dark current that awlab takes off and the ideal reduction leaves in
        assert sum(mine) / sum(ideal) == pytest.approx(1.0, abs=0.001 + dark)


def test_no_frame_is_flagged(frames):
    assert {frame.verdict() for frame in frames} == {"1: valid; no flags"}


def test_five_lines_equal_the_pixels(frames):
    from awlab.backend.database import current_database
    from awlab.backend.targets import ReducedScienceFrame

    before = current_database().statements
    q = (ReducedScienceFrame.chip.name == "ccd53") & (ReducedScienceFrame.filter == "#842")
    x = [k.imstat.stdev for k in q]
    y = [k.flat.imstat.stdev for k in q]
    assert current_database().statements - before <= 3
    assert len(x) == 7
    for frame, mine, flat in zip(q, x, y, strict=True):
        assert mine == pytest.approx(np.std(pixels(frame)), rel=1e-4)
        assert flat == pytest.approx(np.std(pixels(frame.flat)), rel=1e-4)


def test_everything_goes_back_to_the_raw_files(frames):
    from awlab.backend.lineage import export_prov, tell_me_everything

    frame = frames[0]
    account = tell_me_everything(frame)
    assert account.raw["RawBiasFrame"] == 10
    assert account.raw["RawDomeFlatFrame"] == 40
    assert account.raw["RawTwilightFlatFrame"] == 5
    assert account.raw["RawScienceFrame"] == 1
    seen, stack = set(), [frame]
    while stack:  # a naive walk over the links
        item = stack.pop()
        for name, attribute in type(item)._attributes.items():
            if attribute.dependency:
                value = getattr(item, name)
                new = set(value if attribute.kind == "links" else [value]) - {None} - seen
                seen |= new
                stack += new
    assert set(frame.upstream()) == seen
    assert "wasDerivedFrom" in export_prov(frame, frame.new_pathname(".json")).read_text()


def test_again_is_nothing_to_do(frames):
    from awlab.backend.ingest import ingest_night
    from awlab.backend.targets import ReducedScienceFrame

    assert ingest_night("wfi").counts == {"known": 77}
    plan = ReducedScienceFrame.plan(instrument="WFI", date=DATE, chip=list(CHIPS))
    assert plan.is_up_to_date
    assert ReducedScienceFrame.get(raw=frames[0].raw) == frames[0]


def test_doctor_finds_nothing(frames):
    from awlab.backend.doctor import examine

    report = examine(sample=10)
    assert report.is_clean, str(report)
