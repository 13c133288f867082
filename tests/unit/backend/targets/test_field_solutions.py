"""Solutions of a field from the files of its frames alone: no pixels, no database."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from awlab.backend.algorithms import (
    AstrometryOptions,
    DetectedSources,
    PlateSolution,
    ReferenceStars,
    deproject,
    plate_from_cards,
    solve_astrometry,
    tpv_cards,
)
from awlab.backend.algorithms.tangent_plane import identity_pv
from awlab.backend.catalogs import SourceTable, read_catalog, write_catalog
from awlab.backend.datamodel import Chip, Filter, Instrument, RawScienceFrame
from awlab.backend.targets import (
    AstrometricParameters,
    Catalog,
    GAstrometric,
    GPhotometric,
    PhotometricParameters,
)
from awlab.backend.targets.astrometric_sources import position_errors, read_solved, solved_table

SCALE, SIZE = 0.2, 1000
SIGMA = 0.05  # of a position [pixel]
CAMERA, BAND = Instrument(name="Two"), Filter(name="V")
CHIPS = {name: Chip(name=name) for name in ("left", "right")}
START = datetime(2020, 1, 1)


class Field:
    """Two chips under a turned sky; every exposure is dithered, and its clouds are its own."""

    def __init__(self, folder, seed=1, stars=2000):
        self.folder, self.rng = folder, np.random.default_rng(seed)
        plane = self.rng.uniform(-0.1, 0.1, (2, stars))
        self.ra, self.dec = (np.asarray(c) for c in deproject(*plane, 150.0, -30.0))
        self.mag = self.rng.uniform(14, 19, stars)
        self.nights = {name: PhotometricParameters(zp_error=0.01) for name in CHIPS}
        self.truth, self.solutions, self.catalogs, self.clouds = [], [], [], {}

    def plate(self, chip, pointing):
        turn, step = np.radians(0.3), SCALE / 3600.0
        cd = step * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        crpix = (1050.0, 500.0) if chip == "left" else (-50.0, 500.0)
        pv = identity_pv()
        pv[0, 4], pv[1, 6] = 1e-2, -5e-3  # quadratic: half a pixel over a chip
        return PlateSolution(pointing, crpix, cd, pv)

    def expose(self, number, offset=(0.0, 0.0), *, chips=("left", "right"), known=True):
        pointing = 150.0 + offset[0], -30.0 + offset[1]
        self.clouds[number] = 0.1 * (number % 3)
        for name in chips:
            raw = RawScienceFrame(
                filename=f"exp{number}-{name}.fits", chip=CHIPS[name], instrument=CAMERA,
                filter=BAND, OBJECT="Field", DATE_OBS=START + timedelta(minutes=number),
            )  # fmt: skip
            true = self.plate(name, pointing)
            x, y = true.sky_to_pixel(self.ra, self.dec)
            on = np.flatnonzero((x > 0) & (x < SIZE) & (y > 0) & (y < SIZE))
            noise = self.rng.normal(0, SIGMA, (2, on.size))
            sources = DetectedSources(
                x[on] + noise[0], y[on] + noise[1], self.mag[on], np.full(on.size, SIGMA)
            )
            self.truth.append(true)
            self.solutions.append(self.solve(raw, sources, true, known))
            self.catalogs.append(self.catalog(raw, on))

    def solve(self, raw, sources, true, known):
        off = self.rng.normal(0, 0.3 / 3600, 2)
        header = PlateSolution(
            (true.crval[0] + off[0], true.crval[1] + off[1]), true.crpix, true.cd, identity_pv()
        )
        found, plate, columns = None, header, (np.zeros(0), np.zeros(0), None)
        if known:
            few = np.arange(0, self.ra.size, 8)
            columns = self.ra[few], self.dec[few], np.full(few.size, 0.005)
            stars = ReferenceStars(*columns[:2], self.mag[few], columns[2])
            found = solve_astrometry(sources, header, stars, AstrometryOptions(pointing=None))
            assert not found.reason
            plate = found.plate
        path = self.folder / f"{raw.filename}.parquet"
        write_catalog(path, solved_table(sources, plate, found, columns))
        return AstrometricParameters(path, raw=raw, chip=raw.chip, cards=tpv_cards(plate))

    def catalog(self, raw, on):
        number = int((raw.DATE_OBS - START).total_seconds() // 60)
        seen = self.mag[on] - self.clouds[number] + self.rng.normal(0, 0.01, on.size)
        table = SourceTable({
            "SID": np.arange(on.size), "RA": self.ra[on], "DEC": self.dec[on], "MAG": seen,
            "INST_MAGERR": np.full(on.size, 0.01), "FLAGS": np.zeros(on.size, np.int16),
        })  # fmt: skip
        found = Catalog(raw=raw, photom_params=self.nights[raw.chip.name])
        found.keep_sources(table, self.folder)
        return found

    def errors(self, cards):
        """Rms distance from the truth over each frame [mas]."""
        grid = [axis.ravel() for axis in np.meshgrid(*[np.linspace(50, SIZE - 50, 6)] * 2)]
        found = []
        for true, own in zip(self.truth, cards, strict=True):
            a, b = plate_from_cards(own).pixel_to_sky(*grid), true.pixel_to_sky(*grid)
            east = (a[0] - b[0]) * np.cos(np.radians(b[1]))
            found.append(float(np.sqrt(np.mean(east**2 + (a[1] - b[1]) ** 2))) * 3.6e6)
        return np.array(found)

    def solved(self):
        found = GAstrometric(local_solutions=self.solutions)
        found.make()
        found.verify()
        return found

    def calibrated(self):
        found = GPhotometric(catalogs=self.catalogs)
        found.make()
        found.verify()
        return found


@pytest.fixture
def field(tmp_path, monkeypatch):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path / "home"))
    return Field(tmp_path)


DITHERS = [(0.0, 0.0), (0.008, 0.006), (-0.007, 0.009), (0.005, -0.008)]


def test_all_frames_together_are_better_than_one_by_one(field):
    for number, step in enumerate(DITHERS):
        field.expose(number, step)
    found = field.solved()
    assert found.quality_flags.names == [] and found.reason == ""
    assert (found.nframes, found.nexposures, found.groups) == (8, 4, 1)
    assert (found.OBJECT, found.filter.name, found.chip) == ("Field", "V", None)
    before = field.errors([one.cards for one in field.solutions])
    after = field.errors([found.cards_of(one.raw) for one in field.solutions])
    assert np.median(after) < 7.0 and after.max() < 12.0
    assert np.median(before) > 1.5 * np.median(after)
    # The scatter of detections is that which was put in, and nothing is left over.
    assert pytest.approx(found.SIG_DRA_OVERLAP, rel=0.15) == SIGMA * SCALE
    assert np.hypot(found.SIG_DRA_OVERLAP, found.SIG_DDEC_OVERLAP) == pytest.approx(
        found.RMS_OVERLAP
    )
    assert abs(found.MEAN_DRA_OVERLAP) < 1e-3 and abs(found.MEAN_DRA) < 2e-3
    assert found.NREF > 20 and found.RMS < 0.02


def test_what_is_kept_of_every_frame_and_detection(field):
    for number, step in enumerate(DITHERS[:2]):
        field.expose(number, step)
    found = field.solved()
    one = found.solutions["exp0-left.fits"]
    assert one["group"] == 0 and one["NREF"] > 5 < one["NOVERLAP"]
    assert 0.005 < one["RMS_OVERLAP"] < 0.02 and one["RMS"] < 0.03
    rows = read_catalog(found.retrieve())
    used = rows["USED"] > 0
    seen = np.bincount(rows["STAR"][used])
    assert int((seen > 1).sum()) == found.NOVERLAP
    several = used & (seen[rows["STAR"]] > 1)
    inner = np.sqrt(np.mean(rows["DRA"][several] ** 2 + rows["DDEC"][several] ** 2))
    assert inner == pytest.approx(found.RMS_OVERLAP / np.sqrt(2), rel=0.1), "pairs of detections"
    assert np.isfinite(rows["DRA_REF"]).sum() > 0.9 * found.NREF
    # Places of detections lead back to the pixels they were found at.
    mine = rows.rows(rows["FRAME"] == 0)
    plate = plate_from_cards(found.cards_of(field.solutions[0].raw))
    ra, dec = plate.pixel_to_sky(mine["X_IMAGE"] - 1, mine["Y_IMAGE"] - 1)
    east = 3600 * (mine["RA"] - ra) * np.cos(np.radians(dec))
    assert np.abs(east - mine["DRA"]).max() < 1e-4
    assert np.abs(3600 * (mine["DEC"] - dec) - mine["DDEC"]).max() < 1e-4


def test_without_a_reference_the_frames_agree_and_stay_where_they_were(field):
    for number, step in enumerate(DITHERS):
        field.expose(number, step, known=False)
    found = field.solved()
    assert found.quality_flags.names == ["NO_REFERENCE"]
    assert found.NREF == 0 and found.RMS is None and "RMS" not in found.solutions["exp0-left.fits"]
    assert pytest.approx(found.SIG_DDEC_OVERLAP, rel=0.15) == SIGMA * SCALE
    # Headers are off by 300 mas each: what they have in common stays.
    assert field.errors([found.cards_of(one.raw) for one in field.solutions]).max() < 800.0


def test_one_exposure(field):
    field.expose(0)
    found = field.solved()
    assert found.quality_flags.names == ["NO_SOLUTION"]
    assert found.reason == "there is one exposure only"
    assert found.solutions == {} and found.cards_of(field.solutions[0].raw) is None
    light = field.calibrated()
    assert light.quality_flags.names == ["NO_SOLUTION"]
    assert light.reason == "no star is seen on two of 2 frames"


def test_exposures_that_do_not_overlap(field):
    field.expose(0, (-0.07, 0.0), chips=("left",))
    field.expose(1, (0.07, 0.0), chips=("right",))
    found = field.solved()
    assert found.reason == "no star is seen on two of 2 exposures" and found.groups == 2
    assert found.quality_flags.names == ["NO_SOLUTION"] and found.nframes == 2
    assert field.calibrated().quality_flags.names == ["NO_SOLUTION"]
    alone = GPhotometric(catalogs=field.catalogs[:1])
    alone.make()
    assert alone.reason == "there is one frame only"


def test_groups_that_share_no_star(field):
    for number, step in enumerate(((-0.05, -0.05), (-0.045, -0.047), (0.05, 0.05), (0.047, 0.045))):
        field.expose(number, step, chips=("left",))
    found = field.solved()
    assert found.groups == 2 and found.quality_flags.names == ["DISCONNECTED"]
    groups = [found.solutions[one.raw.filename]["group"] for one in field.solutions]
    assert groups == [0, 0, 1, 1]
    assert found.chip.name == "left"
    light = field.calibrated()
    assert "DISCONNECTED" in light.quality_flags.names and light.groups == 2


def test_a_frame_without_sources_does_no_harm(field):
    for number, step in enumerate(DITHERS[:3]):
        field.expose(number, step)
    empty = field.solutions[3]
    none = DetectedSources(*(np.zeros(0) for _ in range(4)))
    write_catalog(
        empty.pathname,
        solved_table(none, plate_from_cards(empty.cards), None, (np.zeros(0), np.zeros(0), None)),
    )
    found = field.solved()
    assert found.reason == "" and found.solutions[empty.raw.filename]["NOVERLAP"] == 0
    others = [k for k in range(6) if k != 3]
    after = field.errors([found.cards_of(one.raw) for one in field.solutions])
    assert after[others].max() < 12.0


def test_the_same_frame_twice_is_one_sentence(field):
    from awlab.backend.algorithms import BadArray

    field.expose(0)
    field.solutions.append(field.solutions[0])
    with pytest.raises(BadArray, match="3 frames have 2 pairs of exposure and chip"):
        field.solved()


def test_zeropoints_of_exposures_come_back(field):
    for number, step in enumerate(DITHERS):
        field.expose(number, step)
    light = field.calibrated()
    assert light.quality_flags.names == [] and light.groups == 1
    clouds = np.array([field.clouds[n] for n in range(4)])
    for number in range(4):
        for name in CHIPS:
            raw = RawScienceFrame(filename=f"exp{number}-{name}.fits")
            wanted = clouds[number] - clouds.mean()
            assert light.correction_of(raw) == pytest.approx(wanted, abs=0.004)
    assert pytest.approx(0.01, rel=0.15) == light.RMS_OVERLAP and light.RMS_BEFORE > 0.05
    rows = read_catalog(light.retrieve())
    assert np.nanstd(rows["DMAG"][rows["USED"] > 0]) < 0.012
    # A chip without standard stars is put right by the stars that others share with it.
    field.nights["right"].origin = "default"
    again = field.calibrated()
    assert again.quality_flags.names == [] and again.max_correction < 0.2


def test_sources_and_their_errors_are_read_as_they_were_kept(field):
    field.expose(0)
    one = read_solved(field.solutions[0])
    table = read_catalog(field.solutions[0].retrieve())
    assert one.sources.x.size == table.count > 100
    assert 10 < one.reference.ra.size < 0.2 * table.count, "every eighth star is a reference"
    assert int((table["USED"] > 0).sum()) <= one.reference.ra.size
    known = np.isfinite(table["RA_REF"])
    east = 3600 * (table["RA_REF"] - table["RA"]) * np.cos(np.radians(table["DEC"]))
    assert np.abs((east - table["DRA"])[known]).max() < 1e-3
    rows = np.zeros(3, [("FLUX_AUTO", float), ("FLUXERR_AUTO", float), ("FLUX_RADIUS", float)])
    rows["FLUX_AUTO"], rows["FLUXERR_AUTO"], rows["FLUX_RADIUS"] = (100, 50, -1), 10, 2.36
    assert np.allclose(position_errors(rows), [0.2, 0.4, 1.0])
