"""Bad frames through the whole chain: a flag with a reason or one sentence, and nothing is lost.

One night of one chip. Every bad frame is a good one that was spoilt, under a name of its own.
"""

from __future__ import annotations

import datetime
import itertools

import numpy as np
import pytest
from astropy.io import fits

pytestmark = pytest.mark.slow
CHIP, BAND, FIELD = "ccd53", "#842", "SIM_DEEP_1"
MINUTE = itertools.count(1)


def turned(header, angle=0.0, scale=1.0):
    """Turn and stretch the coordinates of a header about the reference pixel."""
    t = np.radians(angle)
    matrix = scale * np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    cd = np.array([[header["CD1_1"], header["CD1_2"]], [header["CD2_1"], header["CD2_2"]]])
    cd = matrix @ cd
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = map(float, cd.ravel())


def moved(header, east=0.0, north=0.0):
    """Say that the telescope pointed elsewhere [arcsec]."""
    header["CRVAL2"] += north / 3600
    header["CRVAL1"] += east / 3600 / np.cos(np.radians(header["CRVAL2"]))


def mirrored(header):
    """Mirror the coordinates about the middle of the chip."""
    middle = header["ESO DET OUT1 PRSCX"] + (header["ESO DET CHIP NX"] + 1) / 2
    header["CRPIX1"] = 2 * middle - header["CRPIX1"]
    header["CD1_1"], header["CD2_1"] = -header["CD1_1"], -header["CD2_1"]


def without_stars(pixels, header):
    image = pixels[: header["ESO DET CHIP NY"]]
    rng = np.random.default_rng(1)
    x0, nx = header["ESO DET OUT1 PRSCX"], header["ESO DET CHIP NX"]
    image[:, x0 : x0 + nx] = rng.normal(np.median(image), 9, (len(image), nx)).astype(np.uint16)


def everywhere(value):
    def spoil(pixels, header):
        x0, nx = header["ESO DET OUT1 PRSCX"], header["ESO DET CHIP NX"]
        pixels[: header["ESO DET CHIP NY"], x0 : x0 + nx] = value

    return spoil


def without_coordinates(header):
    for name in list(header):
        if name[:5] in {"CTYPE", "CRVAL", "CRPIX", "CUNIT", "CD1_1", "CD1_2", "CD2_1", "CD2_2"}:
            del header[name]


# Name: what is done to the pixels, and to the header of the chip.
SPOILT = {
    "no stars": (without_stars, None),
    "all saturated": (everywhere(65535), None),
    "all NaN": (everywhere(np.nan), None),
    "pointing": (None, lambda h: moved(h, 85.0, -85.0)),
    "turned": (None, lambda h: (moved(h, -70.0, 60.0), turned(h, 3.0))),
    "scale": (None, lambda h: turned(h, scale=1.02)),
    "mirrored": (None, mirrored),
    "hopeless": (None, lambda h: turned(h, 37.0, 3.0)),
    "elsewhere": (None, lambda h: moved(h, north=20 * 3600.0)),
    "coarse": (None, lambda h: (moved(h, north=20 * 3600.0), turned(h, scale=3.0))),
    "no coordinates": (None, without_coordinates),
    "no time": (None, lambda h: h.set("EXPTIME", 0.0)),
    "red": (None, None),
}


def spoil(source, folder, name):
    """Write a spoilt copy of a raw file, an hour later, of an object of its own name."""
    pixels, cards = SPOILT[name]
    with fits.open(source) as hdus:
        primary, chip = hdus[0].header.copy(), hdus[1].header.copy()
        image = hdus[1].data.astype(np.float32 if name == "all NaN" else np.uint16)
    when = datetime.datetime.fromisoformat(primary["DATE-OBS"])
    when += datetime.timedelta(hours=3, minutes=next(MINUTE))
    for header in (primary, chip):
        header["DATE-OBS"] = when.isoformat(timespec="milliseconds")
        header["MJD-OBS"] += 0.125 + when.minute / 1440
    primary["OBJECT"] = f"BAD {name}"
    if pixels is not None:
        pixels(image, chip)
    if cards is not None:
        cards(chip)
    if name == "no time":
        primary["EXPTIME"] = 0.0
    if name == "no coordinates":
        del primary["RA"], primary["DEC"]
    if name == "red":
        primary["ESO INS FILT1 NAME"], primary["ESO INS FILT1 ID"] = "BB#Rc/162_ESO844", "#844"
    path = folder / f"WFI.{primary['DATE-OBS']}.fits"
    fits.HDUList([fits.PrimaryHDU(header=primary), fits.ImageHDU(image, chip)]).writeto(path)
    return path


@pytest.fixture(scope="module")
def night(new_home, connected_to):
    """The night with all bad frames ingested; the truth of the good ones."""
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights import NightTruth, make_wfi_night
    from awlab.backend.ingest.nights.references import ingest_references

    home = new_home()
    with connected_to(home):
        part = {"size": (512, 1024), "chips": [CHIP], "filters": [BAND]}
        files = make_wfi_night(home / "night", **part)
        truth = NightTruth(files.truth)
        science = [p for p in files.paths if truth.exposures[p.name]["target"] == FIELD]
        bad = home / "bad"
        bad.mkdir()
        for name in SPOILT:
            spoil(science[0], bad, name)
        kept = [path for path in files.paths if path not in science[2:]]
        report = ingest([*kept, *sorted(bad.iterdir())])
        assert report.counts == {"new": len(kept) + len(SPOILT)}, str(report)
        ingest_references(files)
        yield truth


def pull(cls, name, **more):
    return cls.get(object=f"BAD {name}", instrument="WFI", **more)


def names(item):
    return set(item.quality_flags.names)


@pytest.mark.parametrize("name", ["pointing", "turned", "scale", "mirrored"])
def test_a_wrong_header_is_mended(night, name):
    from awlab.backend.algorithms import plate_from_cards
    from awlab.backend.targets import AstrometricParameters

    (found,) = pull(AstrometricParameters, name)
    assert not found.failure and "NO_SOLUTION" not in names(found)
    first = next(n for n, row in night.exposures.items() if row["target"] == FIELD)
    stars, sky = night.frame(first, CHIP).stars, night.stars(FIELD)
    known = sky[np.searchsorted(sky["id"], stars["id"])]
    ra, dec = plate_from_cards(found.cards).pixel_to_sky(stars["x"], stars["y"])
    off = np.hypot((ra - known["ra"]) * np.cos(np.radians(dec)), dec - known["dec"]) * 3.6e6
    assert np.median(off) < 25.0, "mas"


# What is wrong, the flags of its astrometry, and why there is no coadd of it.
LOST = [
    ("no stars", {"NO_SOLUTION"}, "fewer than three sources"),
    ("all saturated", {"NO_SOLUTION"}, "fewer than three sources"),
    ("all NaN", {"NO_SOLUTION"}, "fewer than three sources"),
    ("hopeless", {"NO_SOLUTION"}, "no orientation matches more stars than chance would"),
    ("no coordinates", {"NO_SOLUTION"}, "the header does not say where the telescope was"),
]


@pytest.mark.parametrize(("name", "flags", "why"), LOST, ids=[case[0] for case in LOST])
def test_a_frame_without_a_place_has_a_reason_and_no_coadd(night, name, flags, why):
    from awlab.backend.errors import MakeFailed, NoValidCalibration
    from awlab.backend.targets import AstrometricParameters, CoaddedRegriddedFrame, SourceList

    (found,) = pull(AstrometricParameters, name)
    assert flags <= names(found) and why in found.failure
    with pytest.raises(NoValidCalibration) as caught:
        pull(CoaddedRegriddedFrame, name, filter=BAND)
    # The reason comes along, however far away it is; one sentence and what to do.
    assert "NO_SOLUTION" in caught.value.message and why in caught.value.message
    assert "\n" not in caught.value.message and caught.value.hint
    if name == "no coordinates":
        with pytest.raises(MakeFailed, match=r"nobody knows where .* is on the sky"):
            SourceList.get(raw=found.raw)
        return
    # The frame itself, and the list of what is on it, are there all the same.
    sources = SourceList.get(raw=found.raw)
    assert sources.nsources or "FEW_SOURCES" in names(sources)


def test_a_frame_that_no_reference_covers_has_the_place_of_its_header(night):
    from awlab.backend.targets import AstrometricParameters, CoaddedRegriddedFrame

    (found,) = pull(AstrometricParameters, "elsewhere")
    assert found.reference is None and names(found) == {"NO_REFERENCE"}
    coadd = pull(CoaddedRegriddedFrame, "elsewhere", filter=BAND)
    assert coadd.nframes == 1 and abs(coadd.DEC - found.DEC) < 0.01


def test_without_exposure_time_there_are_no_fluxes(night):
    from awlab.backend.errors import NoValidCalibration
    from awlab.backend.targets import CoaddedRegriddedFrame, RegriddedFrame

    (found,) = pull(RegriddedFrame, "no time")
    assert "NO_EXPTIME" in names(found)
    with pytest.raises(NoValidCalibration, match="NO_EXPTIME"):
        pull(CoaddedRegriddedFrame, "no time", filter=BAND)


@pytest.fixture(scope="module")
def good(night):
    """A frame with which nothing is wrong, regridded."""
    from awlab.backend.datamodel import RawScienceFrame
    from awlab.backend.targets import RegriddedFrame

    raw = RawScienceFrame.select(object=FIELD, filter=BAND, chip=CHIP)[0]
    return RegriddedFrame.get(raw=raw)


def test_frames_of_another_pixel_scale_are_refused_in_a_sentence(good):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.targets import CoaddedRegriddedFrame, RegriddedFrame

    (coarse,) = pull(RegriddedFrame, "coarse")
    assert coarse.tan_grid.pixel_scale > 2 * good.tan_grid.pixel_scale
    with pytest.raises(MakeFailed, match="frames to coadd have different grids: TAN") as caught:
        CoaddedRegriddedFrame.get(frames=[good, coarse])
    assert "regrid them onto one grid" in caught.value.hint


def test_frames_of_two_filters_are_flagged(good):
    from awlab.backend.targets import CoaddedRegriddedFrame, RegriddedFrame, SourceList

    (red,) = pull(RegriddedFrame, "red", filter="#844")
    mixed = CoaddedRegriddedFrame.get(frames=[good, red])
    assert "MIXED_FILTERS" in names(mixed) and mixed.filter is None and mixed.nframes == 2
    assert "FLAGGED_INPUT" in names(SourceList.get(frame=mixed))


def test_frames_far_from_each_other_are_refused_before_the_disk_is_full(good):
    from awlab.backend.errors import MakeFailed
    from awlab.backend.targets import CoaddedRegriddedFrame

    far = pull(CoaddedRegriddedFrame, "elsewhere", filter=BAND, grid=good.grid)
    (other,) = far.regridded_frames
    assert other.grid == good.grid
    with pytest.raises(MakeFailed, match=r"spread over (19|20)\.\d degrees: they cover"):
        CoaddedRegriddedFrame.get(frames=[good, other])


def test_catalogues_without_sources(night, good):
    from astropy.table import Table

    from awlab.backend.catalogs import ingest_reference
    from awlab.backend.errors import IngestError
    from awlab.backend.targets import AssociateList, ReducedScienceFrame, SourceList

    (blank,) = pull(ReducedScienceFrame, "all NaN")
    empty, some = SourceList.get(raw=blank.raw), SourceList.get(raw=good.raw)
    assert empty.nsources == 0 and "FEW_SOURCES" in names(empty)
    both = AssociateList.get(input_lists=[some, empty])
    assert both.pair_count == 0 < both.associate_count <= some.nsources
    for kind in ("astrometric", "photometric"):
        with pytest.raises(IngestError, match="the table has no sources with a position"):
            ingest_reference(Table(names=("RA", "DEC", "V")), "nothing", kind=kind)


def test_nothing_half_written_is_left(night):
    """Runs last: after all that failed, every file has its object and every object its file."""
    from awlab.backend.doctor import examine

    report = examine(sample=20)
    assert report.is_clean, str(report)
