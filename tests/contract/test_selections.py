"""Targets made of many: the members of a selection, choices of class, reference catalogues."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import Filter, Flag, Instrument, Judged, RawScienceFrame
from awlab.backend.dataserver import write_image
from awlab.backend.errors import NoValidCalibration, TargetError
from awlab.backend.ingest import ingest
from awlab.backend.process import FilteredCalibration, ProcessParameters, ProcessTarget
from awlab.backend.process.runner import run_plan

NIGHT = "2001-02-03"


class SkyReference(Judged):
    """A reference catalogue of the test."""

    _is_reference = True
    name = persistent("Name", str, "")
    RA = persistent("Centre [deg]", float)
    DEC = persistent("Centre [deg]", float)
    radius = persistent("Reach [deg]", float)


class SkyPatchParameters(ProcessParameters):
    """Parameters of a patch."""

    OFFSET = persistent("What is added [ADU]", float, 0.0)


class SkyPatch(ProcessTarget):
    """One raw frame on a grid."""

    FLAGS = (Flag(16, "CLOUDY", "there is nothing in it"),)
    FATAL = ("CLOUDY",)
    raw = persistent("Raw frame", RawScienceFrame)
    reference = persistent("Reference catalogue", SkyReference)
    grid = persistent("Grid", str, "")
    process_params = persistent("Process parameters", SkyPatchParameters)
    level = persistent("Median [ADU]", float)

    @classmethod
    def choose_grid(cls, positions):
        """Whole degrees around the mean position."""
        ra, dec, _ = np.mean(positions, axis=0)
        return f"{ra:.0f} {dec:.0f}"

    def make(self):
        """Take the median."""
        if self.raw.OBJECT == "BROKEN" and self.raw.imstat.median > 150:
            raise ValueError("this one is broken")
        self.level = self.raw.imstat.median + self.process_params.OFFSET

    def verify(self):
        """Flag empty frames."""
        if self.level < 50:
            self.raise_flag("CLOUDY")


class SkyZero(FilteredCalibration):
    """A number per night and filter, from the patches of the night."""

    PURPOSES = ("photom",)
    patches = persistent("Patches", SkyPatch, [])
    zero = persistent("Mean level [ADU]", float)

    def make(self):
        """Take the mean."""
        self.zero = float(np.mean([patch.level for patch in self.patches]))


class SkyCoadd(ProcessTarget):
    """All patches of one object in one filter."""

    _is_selection = True
    instrument = persistent("Instrument", Instrument)
    filter = persistent("Filter", Filter)
    OBJECT = persistent("Object", str, "")
    night = persistent("Night", str, "")
    grid = persistent("Grid", str, "")
    chosen_by = persistent("key or frames", str, "")
    patches = persistent("Patches", SkyPatch, [])
    level = persistent("Mean level [ADU]", float)

    @classmethod
    def choose_grid(cls, positions):
        """As the patches do."""
        return SkyPatch.choose_grid(positions)

    def make(self):
        """Take the mean."""
        assert {patch.grid for patch in self.patches} == {self.grid} or self.chosen_by == "frames"
        self.level = float(np.mean([patch.level for patch in self.patches]))


class SkyList(ProcessTarget):
    """What is seen in a patch or a coadd."""

    _is_selection = True
    CHOICES: ClassVar = {"frame": (SkyPatch, SkyCoadd)}
    raw = persistent("Raw frame", RawScienceFrame, optional=True)
    filter = persistent("Filter", Filter)
    instrument = persistent("Instrument", Instrument)
    OBJECT = persistent("Object", str, "")
    night = persistent("Night", str, "")
    chosen_by = persistent("key or frames", str, "")
    frame = persistent("Frame", ProcessTarget)
    count = persistent("Number of sources", int)

    def make(self):
        """Count."""
        self.count = int(self.frame.level)


def write_sky(folder, number, *, name="FIELD1", level=100, band="V", ra=150.2):
    path = folder / f"sky-{name}-{band}-{number}.fits"
    rng = np.random.default_rng(number)
    header = {
        "INSTRUME": "SelectionCam",
        "IMAGETYP": "object",
        "OBJECT": name,
        "FILTER": band,
        "EXPTIME": 30.0,
        "DATE-OBS": f"2001-02-04T02:{number:02}:00",
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": ra,
        "CRVAL2": -5.3,
        "CRPIX1": 32.0,
        "CRPIX2": 32.0,
        "CD1_1": -1e-4,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 1e-4,
    }
    write_image(path, rng.normal(level, 3, (64, 64)).astype(np.uint16), header)
    return path


@pytest.fixture(scope="module")
def sky(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    paths = [write_sky(folder, n) for n in range(3)]
    paths += [write_sky(folder, n, band="R", level=200) for n in range(3, 5)]
    paths += [write_sky(folder, 5, name="FIELD2", ra=151.9), write_sky(folder, 6, name="FAR", ra=9)]
    assert ingest(paths).exit_status == 0
    SkyReference(name="ours", RA=150.0, DEC=-5.0, radius=3.0).commit()
    return folder


def test_a_product_of_many_pulls_its_members_on_one_grid(sky):
    plan = SkyCoadd.plan(object="FIELD1", filter="V")
    assert plan.counts() == {"SkyPatch": {"to be built": 3}, "SkyCoadd": {"to be built": 1}}
    coadd = SkyCoadd.get(object="FIELD1", filter="V")
    assert coadd.OBJECT == "FIELD1" and coadd.filter.name == "V" and coadd.grid == "150 -5"
    assert len(coadd.patches) == 3 and abs(coadd.level - 100) < 2
    again = SkyCoadd.plan(object="FIELD1", filter="V")
    assert again.is_up_to_date and again.roots[0].object_id == coadd._id
    assert coadd.upstream().counts()["RawScienceFrame"] == 3


def test_every_object_and_filter_is_a_target_of_its_own(sky):
    plan = SkyCoadd.plan(instrument="SelectionCam", object="FIELD*")
    found = {(root.request.selection.object, plan.names[root.group.filter]) for root in plan.roots}
    assert found == {("FIELD1", "V"), ("FIELD1", "R"), ("FIELD2", "V")}
    assert plan.is_list


def test_a_field_goes_by_the_beginning_of_its_name(sky):
    ingest([write_sky(sky, 30, name="SA98-SF1"), write_sky(sky, 31, name="SA981")])
    (root,) = SkyCoadd.plan(object="SA98", filter="V").roots
    assert root.request.selection.object == "SA98-SF1"
    with pytest.raises(TargetError, match="FIELD3"):
        SkyCoadd.plan(object="FIELD3", filter="V")


def test_a_new_raw_frame_outdates_the_product(sky):
    coadd = SkyCoadd.get(object="FIELD1", filter="R")
    assert coadd.uptodate()
    ingest([write_sky(sky, 10, band="R", level=230)])
    verdict = coadd.uptodate()
    assert not verdict and verdict.reasons == ["patches: 1 to be built"]
    newer = SkyCoadd.get(object="FIELD1", filter="R")
    assert len(newer.patches) == 3 and newer.prev == coadd
    newest = newer.patches[2].raw
    newest.set_valid(0, "clouds")
    assert newer.uptodate().reasons == ["patches: 1 no longer good"]
    newest.set_valid(1, "no clouds")
    assert newer.uptodate()


def test_a_parameter_of_the_members_outdates_them_and_the_product(sky):
    before = SkyCoadd.get(object="FIELD2", filter="V")
    pars = {"SkyPatch.process_params.OFFSET": 5.0}
    plan = SkyCoadd.plan(object="FIELD2", filter="V", pars=pars)
    assert plan.roots[0].reasons == ["patches: 1 outdated: OFFSET is 0.0, asked for 5.0"]
    after = SkyCoadd.get(object="FIELD2", filter="V", pars=pars)
    assert after.level == pytest.approx(before.level + 5)
    assert before.uptodate().reasons == ["patches: 1 new, 1 no longer good"]


def test_members_that_failed_are_left_out_and_none_is_one_sentence(sky):
    ingest([write_sky(sky, 20, name="MIXED"), write_sky(sky, 21, name="MIXED", level=10)])
    coadd = SkyCoadd.get(object="MIXED", filter="V")
    assert len(coadd.patches) == 1
    assert coadd.uptodate()
    ingest([write_sky(sky, 22, name="DARK", level=10)])
    with pytest.raises(NoValidCalibration, match=r"1 patches, 0 can serve.*CLOUDY"):
        SkyCoadd.get(object="DARK", filter="V")
    with pytest.raises(NoValidCalibration, match="0 SkyPatch for patches, 1 needed"):
        SkyCoadd.get(object="DARK", filter="V")


def test_a_member_whose_making_fails_does_not_stop_the_others(sky):
    levels = {40: 200, 41: 100}
    ingest([write_sky(sky, n, name="BROKEN", level=level) for n, level in levels.items()])
    failed = []

    class Watcher:
        def is_cancelled(self):
            return False

        def failed(self, node, error):
            failed.append(error.message)

        def started(self, *_):
            """Not looked at."""

        finished = skipped = started

    plan = SkyCoadd.plan(object="BROKEN", filter="V")
    (coadd,) = run_plan(plan, observer=Watcher())
    assert len(coadd.patches) == 1
    assert len(failed) == 1 and "this one is broken" in failed[0]
    coadd.patches[0].raw.set_valid(0, "now none is left")
    with pytest.raises(NoValidCalibration, match=r"0 can serve.*this one is broken"):
        SkyCoadd.get(object="BROKEN", filter="V")
    coadd.patches[0].raw.set_valid(1, "it was good")
    assert not coadd.uptodate(), "the broken one is tried again until somebody says that it is bad"
    ((RawScienceFrame.OBJECT == "BROKEN") & (RawScienceFrame.imstat.median > 150))[0].set_valid(
        0, "broken"
    )
    assert coadd.uptodate()


def test_no_reference_catalogue_is_one_sentence(sky):
    with pytest.raises(NoValidCalibration, match="no SkyReference covers the position"):
        SkyCoadd.get(object="FAR", filter="V")


def test_chosen_frames_are_a_product_of_their_own(sky):
    patches = list(SkyCoadd.get(object="FIELD1", filter="V").patches)[:2]
    coadd = SkyCoadd.get(frames=patches)
    assert coadd.chosen_by == "frames" and len(coadd.patches) == 2
    assert SkyCoadd.get(frames=patches) == coadd and coadd.uptodate()
    assert SkyCoadd.get(object="FIELD1", filter="V") != coadd


def test_a_choice_leads_to_a_raw_frame_a_selection_or_what_is_given(sky):
    coadd = SkyCoadd.get(object="FIELD1", filter="V")
    of_coadd = SkyList.get(object="FIELD1", filter="V")
    assert of_coadd.frame == coadd and SkyList.get(object="FIELD1", filter="V") == of_coadd
    raw = coadd.patches[0].raw
    of_raw = SkyList.get(raw=raw)
    assert type(of_raw.frame) is SkyPatch and of_raw.raw == raw
    assert SkyList.get(raw=raw) == of_raw and of_raw.uptodate()
    given = SkyList.get(frame=coadd)
    assert given.frame == coadd and SkyList.get(frame=coadd) == given and given.uptodate()


def test_a_calibration_gathers_what_the_frames_of_its_night_gave(sky):
    key = {"instrument": "SelectionCam", "chip": "*", "filter": "V", "date": NIGHT}
    (zero,) = SkyZero.get(**key)
    names = {patch.raw.OBJECT for patch in zero.patches}
    assert {"FIELD1", "FIELD2"} <= names and "FAR" not in names
    assert zero.uptodate() and SkyZero.get(**key) == [zero]
