"""The quality page as plain data: every number of the slide, neighbours, history."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.database import DBObject, NeighbourGroup
from awlab.backend.datamodel import Chip, RawScienceFrame
from awlab.backend.errors import QueryError
from awlab.backend.quality import quality_page, relatives
from awlab.backend.quality.blocks import sexagesimal
from awlab.backend.targets import RegriddedFrame

# The slide's page of a RegriddedFrame, block by block in its order.
SLIDE = {
    "Processing Details": ["creation_date", "is_valid", "quality_flags", "Privileges"],
    "Image Statistics Details": [
        ("mean", "+9.327e+01"), ("median", "+8.887e+01"), ("stdev", "+2.945e+03"),
        ("min", "-6.036e+06"), ("max", "+3.727e+06"),
    ],
    "Local Astrometry Details": [
        "creation_date", "is_valid", "quality_flags", ("RMS", "0.252"), ("SEEING", "0.856"),
        ("NREF", "317"), ("SIG_DRA", "0.209"), ("SIG_DDEC", "0.178"), ("MEAN_DRA", "-0.001"),
        ("MEAN_DDEC", "0.002"),
    ],
    "Photometry Details": [
        "creation_date", "is_valid", "quality_flags", ("zeropoint", "24.759"),
        ("zp_error", "0.000"), ("zp_origin", "derived"), ("num_sources", "173"),
    ],
    "Observational Details": [
        ("DATE_OBS", "2002-03-18 04:15:21"), ("OBSERVER", "UNKNOWN"), "MJD_OBS",
        ("EXPTIME", "299.9176"), ("OBJECT", "Sha-W"), ("AIRMSTRT", "1.246"),
        ("AIRMEND", "1.246"), ("R.A.", "13:26:30.0000"), ("Dec.", "-31:38:44.5992"),
        ("Filter", "#842"), ("mag_id", "JohnsonB"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def page(sky):
    return quality_page(sky.frame)


def test_the_blocks_of_the_slide_in_its_order_with_every_number(page, sky):
    assert page.title == f"Quality of REGRIDDEDFRAME: {sky.frame.filename}"
    assert page.facts == {"OBName": "ZWQVARD008", "project": sky.frame.project}
    assert [block.title for block in page.blocks][:5] == list(SLIDE)
    for block in page.blocks[:5]:
        wanted = SLIDE[block.title]
        names = [one if isinstance(one, str) else one[0] for one in wanted]
        assert [row.label for row in block.rows][: len(names)] == names
        values = {row.label: row.value for row in block.rows}
        for one in wanted:
            if not isinstance(one, str):
                assert values[one[0]] == one[1], one
    assert page.blocks[4].note == "Chip ccd50 of instrument WFI"


def test_verdict_and_flags_are_words(page):
    assert page.verdict == "1: valid"
    assert page.flags == "FLAGGED_INPUT: made from an input that is flagged"
    assert "is_valid = 1: valid" in str(page) and "no previous comments" in str(page)


def test_the_rest_of_the_class_is_told_too(page):
    others = {row.label: row.value for row in page.blocks[5].rows}
    assert others["grid"].startswith("TAN 201.5") and others["imstat.npix"] == "20000"
    assert not {"filename", "RA", "creation_date"} & set(others)
    assert {row.label for row in page.blocks[6].rows} >= {"ZEROPOINT", "BACK_SIZE"}


def test_neighbours_in_time(page, sky):
    assert page.neighbours == [frame.object_id for frame in sky.frames]
    assert page.here == 4
    mean = next(one for one in page.compared if one.path == "imstat.mean")
    assert mean.series == (80.0, 81.0, 82.0, 83.0, 93.27, 85.0, 86.0, 87.0)
    assert mean.value == 93.27 and mean.median == 83.0 and mean.previous is None
    assert mean.sigma == pytest.approx(1.4826 * 2, rel=1e-3)
    assert mean.deviation == pytest.approx((93.27 - 83.0) / mean.sigma)


def test_the_object_it_replaces_is_compared(sky, database):
    old = sky.zeropoint
    new = type(old)(
        instrument=old.instrument, chip=old.chip, filter=old.filter, zeropoint=24.8, prev=old,
        timestamp_start=old.timestamp_start, timestamp_end=old.timestamp_end,
    ).commit()  # fmt: skip
    found = next(one for one in quality_page(new).compared if one.path == "zeropoint")
    assert (found.previous, found.value) == (24.759, 24.8)
    new.set_valid(0, "made for a test")


def test_tables_go_both_ways(page, sky):
    up = {t.role: t for t in page.tables if t.direction == "upstream"}
    reduced = up["reduced"]
    assert reduced.columns == (
        *("is_valid", "quality_flags", "DATE_OBS", "Chip", "OBJECT", "RA", "DEC", "EXPTIME"),
        *("AIRMASS", "creation_date"),
    )
    assert reduced.object_ids == (sky.frame.reduced.object_id,)
    assert reduced.rows[0][:6] == ("1", "0", "2002-03-18 04:15:21", "ccd50", "Sha-W", "201.62500")
    below = quality_page(sky.frame.raw).tables
    made = {t.class_name: t for t in below if t.direction == "downstream"}
    assert made["ReducedScienceFrame"].object_ids == (sky.frame.reduced.object_id,)
    assert not made["WeightFrame"].rows and made["WeightFrame"].count == 1


def test_lists_of_inputs_are_read_and_what_was_only_counted_on_demand(sky):
    table = quality_page(sky.coadd).tables[0]
    assert (table.role, table.count) == ("regridded_frames", 8)
    assert table.object_ids == tuple(frame.object_id for frame in sky.frames)
    group = NeighbourGroup("downstream", "raw", "WeightFrame", 1, False)
    found = relatives(sky.frame.raw, group)
    assert found.object_ids == (sky.frame.weight.object_id,) and found.rows


def test_comments_tags_and_changes_in_order(sky):
    frame = sky.frames[7]
    frame.comment("trailed")
    frame.tag("reviewed")
    frame.set_valid(0, "clouds")
    found = quality_page(frame)
    assert [(r.kind, r.text) for r in found.remarks] == [
        ("Comment", "trailed"), ("Tag", "reviewed"), ("Amendment", "clouds"),
    ]  # fmt: skip
    assert (found.remarks[2].old, found.remarks[2].new) == ("1", "0")
    assert found.verdict == "0: bad"
    assert "changed is_valid: 1 -> 0, clouds" in str(found)
    frame.set_valid(1, "no clouds")


def test_ten_statements_at_most_for_every_class(sky, statements):
    items = [
        sky.frame, sky.frame.reduced, sky.frame.raw, sky.frame.weight, sky.frame.astrom_params,
        sky.zeropoint, sky.chip, sky.block, sky.coadd,
    ]  # fmt: skip
    for item in items:
        quality_page(item)
        fresh = DBObject(object_id=item.object_id)
        assert statements(lambda fresh=fresh: quality_page(fresh)) <= 10, item
    assert statements(lambda: quality_page(sky.frame)) <= 7


def test_a_reduced_frame_tells_of_the_newest_solution(sky):
    page = quality_page(sky.frame.reduced)
    block = next(b for b in page.blocks if b.title.startswith("Local"))
    assert ("RMS", "0.252") in [(row.label, row.value) for row in block.rows]
    assert page.files.weight_name == sky.frame.weight.filename


def test_any_class_has_a_page(sky):
    assert quality_page(sky.chip).flags == "not a thing that is flagged"
    own = quality_page(sky.frame.astrom_params)
    assert own.blocks[1].title == "Local Astrometry Details"
    assert own.files is None
    raw = quality_page(sky.frame.raw)
    assert {"Observational Details"} <= {block.title for block in raw.blocks}


def test_inspect_is_the_page(sky):
    assert str(sky.frame.inspect()) == str(quality_page(sky.frame))
    assert sky.frame.raw.inspect().item == sky.frame.raw


def test_what_is_not_committed_has_none():
    for item in (RawScienceFrame(), Chip(name="x"), RegriddedFrame()):
        with pytest.raises(QueryError, match="not committed"):
            quality_page(item)


def test_sexagesimal_never_says_sixty():
    assert sexagesimal(13.9999999999, 4) == "14:00:00.0000"
    assert sexagesimal(-0.5 / 3600, 1, sign=True) == "-00:00:00.5"
    rng = np.random.default_rng(1)
    for value in rng.uniform(-90, 90, 200):
        sign = -1 if (text := sexagesimal(value, 6, sign=True))[0] == "-" else 1
        h, m, s = (float(part) for part in text[1:].split(":"))
        assert s < 60 and m < 60
        assert sign * (h + m / 60 + s / 3600) == pytest.approx(value, abs=1e-9)
