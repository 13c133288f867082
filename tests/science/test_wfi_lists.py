"""Source lists of the simulated night: true magnitudes, and every source back to the raw pixel."""

from __future__ import annotations

import os

import numpy as np
import pytest

KEY = {"object": "SIM_DEEP_1", "filter": "#842", "chip": "ccd53"}


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """The lists of the reduced frames of one chip, and of their coadd."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import RawScienceFrame, connect
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights import make_wfi_night
    from awlab.backend.ingest.nights.references import ingest_references
    from awlab.backend.targets import SourceList

    connect()
    files = make_wfi_night(folder / "night", chips=[KEY["chip"]], filters=[KEY["filter"]])
    ingest(files.paths)
    ingest_references(files)
    coadded = SourceList.get(**KEY)
    raws = RawScienceFrame.select(OBJECT=KEY["object"], filter="#842", chip=KEY["chip"])
    yield SourceList.get(raw=list(raws)), coadded
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


def test_lists_of_frames_and_of_their_coadd_agree(lists):
    """One zeropoint of the night: the same star has the same magnitude in all of them."""
    from awlab.backend.algorithms import match_mutual

    singles, coadded = lists
    deep = coadded.sources(["RA", "DEC", "MAG_APER", "FLAGS"])
    assert len(singles) == 5 and all(item.raw and item.night for item in singles)
    differences = []
    for single in singles:
        assert "NO_ZEROPOINT" not in single.quality_flags.names and single.uptodate()
        mine = single.sources(["RA", "DEC", "MAG_APER", "MAGERR_APER", "FLAGS"])
        pairs = match_mutual((mine["RA"], mine["DEC"]), (deep["RA"], deep["DEC"]), 1.0)
        assert np.median(pairs.separation) < 0.1
        good = (mine["FLAGS"][pairs.first] | deep["FLAGS"][pairs.second]) < 4
        good &= mine["MAGERR_APER"][pairs.first][:, -1] < 0.1
        difference = (mine["MAG_APER"][pairs.first] - deep["MAG_APER"][pairs.second])[:, -1]
        differences += list(difference[good])
    print(f"\n{len(differences)} pairs, median {np.median(differences):+.4f} mag")
    assert len(differences) >= 15 and abs(np.median(differences)) < 0.03


def test_a_frame_named_is_asked_for_by_its_raw_frame(lists):
    from awlab.backend.targets import SourceList

    singles, coadded = lists
    assert SourceList.get(frame=singles[0].frame) == singles[0]
    assert SourceList.get(frame=coadded.frame) == coadded and coadded.uptodate()
    regridded = SourceList.get(frame=coadded.frame.regridded_frames[0])
    assert regridded.zeropoint == coadded.zeropoint and regridded.nsources


def test_a_source_goes_back_to_the_pixels_of_every_frame(lists):
    from awlab.backend.database import current_database

    singles, coadded = lists
    rows = coadded.sources()
    brightest = int(rows["SID"][np.argmin(rows["MAG_AUTO"])])
    source, counts = coadded[brightest], []
    for item in (coadded, singles[0]):
        before = current_database().statements
        trace = item[0].lineage()
        counts.append(current_database().statements - before)
    assert max(counts) <= 30 and abs(counts[0] - counts[1]) <= 3
    trace = source.lineage()
    assert {p.class_name for p in trace if p.stage == "calibration"} >= {
        "BiasFrame", "MasterFlatFrame", "HotPixelMap", "ColdPixelMap", "DomeFlatFrame"
    }  # fmt: skip
    assert "WeightFrame" in {p.class_name for p in trace}
    assert len({p.exposure for p in trace if p.stage == "raw"}) == 5
    assert not {p.exposure for p in trace} & {"SIM_SA104"}
    coadd = trace[-1]
    assert coadd.stage == "coadded" and coadd.object == coadded.frame
    assert coadd.x == pytest.approx(source.XWIN_IMAGE, abs=1e-4)
    assert coadd.y == pytest.approx(source.YWIN_IMAGE, abs=1e-4)
    by_exposure = {}
    for place in trace:
        by_exposure.setdefault(place.exposure, {}).setdefault(place.stage, place)
    seen = 0
    for exposure, stages in by_exposure.items():
        if not exposure or not stages["raw"].in_frame:
            continue
        raw, reduced = stages["raw"], stages["reduced"]
        trimmed = raw.object.PRSCX
        assert raw.x - reduced.x == pytest.approx(trimmed)
        assert stages["calibration"].x == reduced.x
        seen += 1
        for stage in ("raw", "reduced", "regridded"):
            place = stages[stage]
            if not place.in_frame:
                continue
            # The brightest pixel of the cut-out is at the source.
            pixels = trace.cutout(list(trace).index(place), 9)
            y, x = np.unravel_index(np.nanargmax(pixels), pixels.shape)
            assert max(abs(x - 4), abs(y - 4)) <= 1, (exposure, stage)
    assert seen >= 1
    table = trace.table()
    assert len(table) == len(trace) and str(table["x"].unit) == "pix"
    assert np.isnan(table["x"][~table["in_frame"]]).all()
    assert "not in the frame" in str(trace) or table["in_frame"].all()


def test_one_single_exposure_has_no_coadd(lists):
    from awlab.backend.lineage import source_lineage

    singles, _ = lists
    trace = source_lineage(singles[1], 0)
    assert {p.exposure for p in trace} == {singles[1].raw.filename}
    reduced = next(p for p in trace if p.stage == "reduced")
    assert reduced.x == pytest.approx(singles[1][0].XWIN_IMAGE, abs=1e-3)


def test_the_whole_chain_is_one_sequence_and_one_pull(lists, capsys):
    """In whatever words it is asked for, it is the same list of the same coadd."""
    from awlab.backend.process import lpu
    from awlab.backend.targets import CoaddedRegriddedFrame
    from awlab.cli import main

    _, coadded = lists
    chain = "Reduce>Astrometry>Photometry>Regrid>Coadd>SourceList"
    job = lpu.run(chain, processes=0, **KEY)
    assert job.products == [coadded] and job.progress == (0, 0)
    assert CoaddedRegriddedFrame.get(**KEY) == coadded.frame
    words = [f"{name}={value}" for name, value in KEY.items()]
    assert main(["get", "CoaddedRegriddedFrame", *words]) == 0
    told = capsys.readouterr().out
    assert coadded.frame.filename in told and "1: valid" in told
    assert main(["get", "--plan", "SourceList", *words]) == 0
    plan = capsys.readouterr().out.splitlines()
    assert plan[0].endswith("up to date") or "flagged" in plan[0]
    assert len(plan) < 15, "what is well is not unfolded"


def test_other_parameters_are_made_through_the_sequence(lists):
    from awlab.backend.process import lpu

    _, coadded = lists
    pars = {"CoaddedRegriddedFrame.process_params.COMBINE_TYPE": "median"}
    chain = "Reduce>Astrometry>Photometry>Regrid>Coadd>SourceList"
    job = lpu.run(chain, processes=0, pars=pars, **KEY)
    (other,) = job.products
    assert job.progress == (2, 2), "a coadd and its list"
    assert other != coadded and other.frame.process_params.COMBINE_TYPE == "median"
    assert list(other.frame.regridded_frames) == list(coadded.frame.regridded_frames)
