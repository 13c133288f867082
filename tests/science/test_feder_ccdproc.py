"""The real Feder night: calibrations and reduced frames are those that ccdproc makes.

ccdproc reads the same raw files, with nothing of awlab's between. Its clipping is told to use the
same noise model (k times the noise that read noise and gain predict, about the median), so both
reject the same values, but for those that rounding puts on either side of the limit. What is left
then is the rounding of float32.
"""

from __future__ import annotations

import os
import re
import tarfile
import warnings
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
from astropy.nddata import CCDData
from scipy.ndimage import uniform_filter1d

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ccdproc

DATE = "2013-07-03"
# Mean of the overscan per row, smoothed over 10 rows: what both can do. The default is a median.
METHOD = 10
ROWS = 10
FILTERS = "RI"
WANTED = re.compile(rf"flood-flat-\d+(bias|[{FILTERS}])|darks-\d+D120|SA112-SF1-00[12][{FILTERS}]1")
ROUNDING = 1 / 12  # variance of a raw value from being an integer [ADU^2]


def overscan(method):
    """Process parameters that ask for one overscan method everywhere."""
    from awlab.backend import targets

    asked = {}
    for name in targets.__all__:
        if "OVERSCAN_CORRECTION" in getattr(getattr(targets, name), "_attributes", ()):
            target = name.removesuffix("Parameters")
            asked[f"{target}.process_params.OVERSCAN_CORRECTION"] = method
    return asked


@pytest.fixture(scope="module")
def night(shared_data, tmp_path_factory):
    """Reduced frames in two filters, pulled from the raw files, and where those lie."""
    folder = tmp_path_factory.mktemp("home")
    raw = folder / "raw"
    raw.mkdir()
    with tarfile.open(shared_data / "feder_sa112" / "mini_versions.tbz2") as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if member.isfile() and WANTED.fullmatch(name.removesuffix(".fit")):
                (raw / name).write_bytes(archive.extractfile(member).read())
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.ingest import ingest
    from awlab.backend.targets import ReducedScienceFrame

    connect()
    report = ingest(raw)
    assert report.counts == {"new": len(list(raw.iterdir()))}
    key = {"instrument": "Feder", "date": DATE}
    frames = [
        f
        for band in FILTERS
        for f in ReducedScienceFrame.get(filter=band, pars=overscan(METHOD), **key)
    ]
    yield SimpleNamespace(frames=frames, raw=raw)
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


def read(night, raw):
    """Read a raw frame as ccdproc's users do: overscan off, trimmed."""
    file = night.raw / raw.raw_fits.orig_filename
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = CCDData.read(file, unit="adu")
    frame.data = frame.data.astype(np.float64)
    width = raw.NAXIS1 - raw.OVSCX
    strip = frame.data[:, width + raw.OVSCXPST : raw.NAXIS1 - raw.OVSCXPRE]
    smoothed = CCDData(uniform_filter1d(strip, ROWS, axis=0, mode="nearest"), unit="adu")
    return ccdproc.trim_image(ccdproc.subtract_overscan(frame, overscan=smoothed)[:, :width])


def clipped_mean(images, sigma, threshold, weights=None):
    """Mean of what lies within ``threshold * sigma(median)`` of the median."""
    combiner = ccdproc.Combiner([CCDData(image, unit="adu") for image in images], dtype=np.float64)
    combiner.sigma_clipping(
        threshold, threshold, func=np.median,
        dev_func=lambda values, axis: sigma(np.median(values, axis=axis)),
    )  # fmt: skip
    if weights is not None:
        combiner.weights = np.array(weights)[:, None, None] * np.ones(images[0].shape)
    return combiner.average_combine().data


@pytest.fixture(scope="module")
def peer(night):
    """Bias, dark and flats by ccdproc, from the raw files that awlab says it used."""
    frame = night.frames[0]
    rn = frame.bias.read_noise.read_noise
    variance = rn**2 + ROUNDING
    bias = clipped_mean(
        [read(night, raw).data for raw in frame.bias.raw_bias_frames],
        lambda middle: np.full_like(middle, variance**0.5),
        frame.bias.process_params.SIGMA_CLIP,
    )
    bias = CCDData(bias, unit="adu")
    darks = frame.dark.raw_dark_frames
    times = {raw.EXPTIME for raw in darks}
    assert times == {120.0}
    rate = clipped_mean(
        [ccdproc.subtract_bias(read(night, raw), bias).data / 120.0 for raw in darks],
        lambda middle: np.full_like(middle, variance**0.5 / 120.0),
        frame.dark.process_params.SIGMA_CLIP,
    )
    dark = CCDData(rate, unit="adu")
    flats = {f.filter.name: flat(night, f.flat.dome_flat, bias, dark) for f in night.frames}
    return SimpleNamespace(bias=bias, dark=dark, flats=flats)


def debiased(night, raw, peer_bias, peer_dark):
    frame = ccdproc.subtract_bias(read(night, raw), peer_bias)
    return ccdproc.subtract_dark(
        frame, peer_dark, dark_exposure=1 * u.s, data_exposure=raw.EXPTIME * u.s, scale=True
    )


def flat(night, target, bias, dark):
    """Flats scaled to their medians and averaged with the weight of their photons."""
    frames = [debiased(night, raw, bias, dark) for raw in target.raw_dome_flat_frames]
    levels = np.array([np.median(frame.data) for frame in frames])
    gain = target.gain.gain
    variance = target.read_noise.read_noise**2 + ROUNDING
    typical = np.mean(levels)
    mean = clipped_mean(
        [frame.data / level for frame, level in zip(frames, levels, strict=True)],
        lambda middle: np.sqrt(variance + np.maximum(middle, 0) * typical / gain) / typical,
        target.process_params.SIGMA_CLIP,
        weights=levels**2 / (variance + levels / gain),
    )
    return CCDData(mean / np.median(mean), unit="adu")


def difference(made, peer_data):
    from awlab.backend.dataserver import read_image

    return read_image(made.retrieve())[0].astype(np.float64) - peer_data


@pytest.fixture(scope="module")
def reduced(night, peer):
    """Reduced frames by ccdproc, in the order of awlab's."""
    return [
        ccdproc.flat_correct(
            debiased(night, f.raw, peer.bias, peer.dark), peer.flats[f.filter.name], norm_value=1.0
        ).data
        for f in night.frames
    ]


def test_bias(night, peer):
    bias = night.frames[0].bias
    assert len(bias.raw_bias_frames) == 10
    assert np.abs(difference(bias, peer.bias.data)).max() < 1e-6


def test_dark(night, peer):
    dark = night.frames[0].dark
    assert len(dark.raw_dark_frames) == 10
    assert np.abs(difference(dark, peer.dark.data)).max() * 120.0 < 1e-3, "ADU in 120 s"


def test_flats(night, peer):
    for frame in night.frames:
        dome, master = frame.flat.dome_flat, frame.flat
        assert len(dome.raw_dome_flat_frames) == 10
        theirs = peer.flats[frame.filter.name].data
        assert np.abs(difference(dome, theirs)).max() < 1e-5
        # The master has its median 1 over the good pixels, the dome over all.
        assert np.abs(difference(master, theirs)).max() < 1e-4


def test_reduced_frames(night, reduced):
    """Within 1e-5 ADU; in hot pixels of thousands of ADU float32 rounds to 1e-3."""
    assert sorted(f.filter.name for f in night.frames) == ["I", "I", "R", "R"]
    for frame, theirs in zip(night.frames, reduced, strict=True):
        apart = difference(frame, theirs)
        assert apart.std() < 1e-5
        assert np.abs(apart).max() < 2e-3
        assert theirs.std() > 0.05, "there is something to agree on"


def test_the_default_overscan_differs_by_its_median_alone(night, reduced):
    """By default the overscan is the median of four integers, smoothed: a little noisier here."""
    from awlab.backend.targets import ReducedScienceFrame, ReducedScienceFrameParameters

    frame = night.frames[0]
    usual = ReducedScienceFrame.get(raw=frame.raw, pars=overscan(6))
    assert usual.process_params.values() == ReducedScienceFrameParameters().values()
    apart = difference(usual, reduced[0])
    assert abs(np.median(apart)) < 0.02
    assert apart.std() < 0.1
