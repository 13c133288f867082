"""Frames of one field together: their grid, and solutions of all of them, against the truth."""

from __future__ import annotations

import numpy as np
import pytest

KEY = {"instrument": "WFI", "object": "SIM_DEEP_1", "filter": "#842", "chip": "ccd53"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sky(new_home, connected_to):
    """The coadd of one of two chips, pulled from the raw files, and the truth."""
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights import NightTruth, make_wfi_night
    from awlab.backend.ingest.nights.references import ingest_references
    from awlab.backend.targets import CoaddedRegriddedFrame

    home = new_home()
    files = make_wfi_night(home / "night", chips=["ccd52", KEY["chip"]], filters=[KEY["filter"]])
    with connected_to(home):
        ingest(files.paths)
        ingest_references(files)
        yield CoaddedRegriddedFrame.get(**KEY), NightTruth(files.truth)


def test_frames_asked_for_together_have_one_grid(sky):
    from awlab.backend.datamodel import RawScienceFrame
    from awlab.backend.targets import RegriddedFrame

    coadd, _ = sky
    raws = [frame.raw for frame in coadd.regridded_frames]
    plan = RegriddedFrame.plan(raw=raws)
    assert plan.is_up_to_date and {node.request.grid for node in plan.roots} == {coadd.grid}
    assert RegriddedFrame.get(raw=raws) == list(coadd.regridded_frames)
    assert RegriddedFrame.plan(**KEY).is_up_to_date, "that of the coadd of the same key"
    # Wherever they are: who names them one by one wants to coadd them.
    far = (RawScienceFrame.OBJECT == "SIM_SA104") & (RawScienceFrame.chip == "ccd53")
    plan = RegriddedFrame.plan(raw=[*raws, *far])
    assert len({node.request.grid for node in plan.roots}) == 1
    by_name = RegriddedFrame.plan(instrument="WFI", chip="ccd53", filter="#842")
    assert len({node.request.grid for node in by_name.roots}) == 2, "two fields, two grids"


def test_a_grid_goes_with_raw_frames(sky):
    from awlab.backend.targets import RegriddedFrame

    coadd, _ = sky
    raws = [frame.raw for frame in coadd.regridded_frames]
    asked = "TAN 202.500000 -30.200000 0.4000"
    plan = RegriddedFrame.plan(raw=raws[:2], grid=asked)
    assert {node.state.value for node in plan.roots} == {"to be built"}
    frames = plan.run()
    assert {frame.grid for frame in frames} == {asked}
    assert RegriddedFrame.get(raw=raws[0], grid=asked) == frames[0]
    # Without a wish the pixels of a single frame may be any; the coadd has those it had.
    assert RegriddedFrame.get(raw=raws[0]).raw == raws[0] and coadd.uptodate()


# -- the field as a whole: these come last, they make the frames of the coadd anew ---------------

GLOBAL = {
    "RegriddedFrame.process_params.ASTROMETRY": "global",
    "RegriddedFrame.process_params.PHOTOMETRY": "global",
}


@pytest.fixture(scope="module")
def field(sky):
    """The coadd with global solutions of both chips."""
    from awlab.backend.targets import CoaddedRegriddedFrame

    (coadd,) = CoaddedRegriddedFrame.plan(pars=GLOBAL, **KEY).run(processes=2)
    return coadd


def test_the_global_solution_is_nearer_to_the_truth(sky, field):
    from awlab.backend.algorithms import plate_from_cards

    _, truth = sky
    found = field.regridded_frames[0].global_astrom
    assert (found.nframes, found.nexposures, found.groups) == (10, 5, 1)
    assert found.quality_flags.names == [] and found.chip is None
    catalogue = truth.stars("SIM_DEEP_1")
    errors = {"local": [], "global": []}
    for local in found.local_solutions:
        raw = local.raw
        stars = truth.frame(raw.raw_fits.orig_filename, raw.chip.name).stars
        on = (stars["x"] > 0) & (stars["x"] < 255) & (stars["y"] > 0) & (stars["y"] < 511)
        stars = stars[on]
        known = catalogue[np.searchsorted(catalogue["id"], stars["id"])]
        for which, cards in (("local", local.cards), ("global", found.cards_of(raw))):
            ra, dec = plate_from_cards(cards).pixel_to_sky(stars["x"], stars["y"])
            east = (np.asarray(ra) - known["ra"]) * np.cos(np.radians(known["dec"]))
            errors[which].append(3.6e6 * np.hypot(east, np.asarray(dec) - known["dec"]))
    local, total = (np.concatenate(errors[which]) for which in ("local", "global"))
    rms = [float(np.sqrt(np.mean(e**2))) for e in (local, total)]
    print(f"\nastrometry: median {np.median(local):.1f} -> {np.median(total):.1f} mas, rms"
          f" {rms[0]:.1f} -> {rms[1]:.1f}; overlaps {1e3 * found.RMS_OVERLAP:.1f} mas of"
          f" {found.NOVERLAP} stars, reference {1e3 * found.RMS:.1f} of {found.NREF}")  # fmt: skip
    assert np.median(total) < 6.0 and rms[1] < 0.6 * rms[0]
    assert found.RMS_OVERLAP < 0.025


def test_the_zeropoints_of_a_clear_night_hardly_change(field):
    found = field.regridded_frames[0].global_photom
    corrections = [one["zp_correction"] for one in found.solutions.values()]
    print(f"\nzeropoints: {np.round(corrections, 4)}, errors up to {found.zp_error:.4f}, overlaps"
          f" {found.RMS_BEFORE:.4f} -> {found.RMS_OVERLAP:.4f} of {found.NOVERLAP}")  # fmt: skip
    assert np.abs(corrections).max() < 0.02
    assert found.RMS_OVERLAP <= found.RMS_BEFORE


def test_frames_and_coadd_have_it_in_their_lineage(sky, field):
    from awlab.backend.targets import GAstrometric, GPhotometric

    local, _ = sky
    assert field != local and field.zp_origin == "global" and local.zp_origin == "derived"
    for old, new in zip(local.regridded_frames, field.regridded_frames, strict=True):
        for role in ("raw", "reduced", "weight", "astrom_params", "photom_params"):
            assert getattr(new, role) == getattr(old, role), "made apart from the frame"
        assert old.global_astrom is None and new.global_astrom.cards_of(new.raw)
        assert new.zp_origin == "global" and old.zp_origin == "derived"
    for cls in (GAstrometric, GPhotometric):
        assert len(field.upstream().objects(cls)) == 1
        assert not local.upstream().objects(cls).exists()
    for item in (field, *field.regridded_frames, field.regridded_frames[0].global_astrom):
        assert item.uptodate(), item.uptodate().reasons


def test_who_asks_for_nothing_else_keeps_what_there_is(field):
    from awlab.backend.targets import CoaddedRegriddedFrame

    assert CoaddedRegriddedFrame.get(**KEY) == field
    local = dict.fromkeys(GLOBAL, "local")
    reasons = CoaddedRegriddedFrame.plan(pars=local, **KEY).roots[0].reasons
    assert len(reasons) == 1 and reasons[0].startswith("regridded_frames: 5 outdated")


def test_a_key_names_the_field_whatever_part_of_it_it_says(field):
    from awlab.backend.process import lpu
    from awlab.backend.targets import GAstrometric

    frame = field.regridded_frames[0]
    whole = {"instrument": "WFI", "object": KEY["object"], "filter": KEY["filter"]}
    for key in (whole, whole | {"date": "2000-04-28"}, KEY):
        assert GAstrometric.get(**key) == frame.global_astrom
    assert lpu.run("GAstrometry>GPhotometry", **whole).products == [frame.global_photom]
    members = list(frame.global_astrom.local_solutions)
    assert GAstrometric.get(frames=members) == frame.global_astrom, "of the same it is the same"
    by_hand = GAstrometric.get(frames=members[:6])
    assert by_hand != frame.global_astrom and by_hand.chosen_by == "frames"
    assert (by_hand.nframes, by_hand.OBJECT) == (6, KEY["object"]) and not by_hand.reason
    assert frame.uptodate(), "a solution by hand is nobody else's"


def test_a_solution_that_is_not_good_outdates_the_frames(field):
    from awlab.backend.process import what_if

    frame = field.regridded_frames[0]
    found = frame.global_astrom
    would = what_if(found, is_valid=0)
    assert {item for item, _ in would.outdated} >= {*field.regridded_frames, field}
    # So does the local solution of another chip: it is among those that were solved together.
    other = next(one for one in found.local_solutions if one.raw.chip.name == "ccd52")
    assert {item for item, _ in what_if(other, is_valid=0).outdated} >= {found, field, frame}
    found.set_valid(0, "the reference was another epoch")
    try:
        assert frame.uptodate().reasons == ["global_astrom: the GAstrometric used was invalidated"]
        assert not field.uptodate()
    finally:
        found.set_valid(1, "it was not")
    assert frame.uptodate() and field.uptodate()


def test_the_solution_has_a_page_with_its_residuals(field):
    from awlab.backend.quality import quality_page, read_residuals

    found = field.regridded_frames[0].global_astrom
    page = quality_page(found)
    (block,) = [one for one in page.blocks if one.title == "Global Astrometry Details"]
    told = {row.label: row.value for row in block.rows}
    assert told["NOVERLAP"] == str(found.NOVERLAP) and told["NREF"] == str(found.NREF)
    rows = read_residuals(found.filename, found.file_sha256)
    assert rows.ra.size > 100 and np.std(rows.dra[rows.used]) < 0.02
    frame = quality_page(field.regridded_frames[0])
    titles = [one.title for one in frame.blocks]
    assert {"Local Astrometry Details", "Photometry Details"} <= set(titles)
