"""What the calibration timeline shows, against the screen of CalTS with its 13 files."""

from __future__ import annotations

from datetime import datetime

import pytest

from awlab.backend.database import DBObject, persistent
from awlab.backend.datamodel import Chip, Filter, Instrument
from awlab.backend.errors import AwlabError, QueryError
from awlab.backend.process import Calibration, ProcessTarget
from awlab.widgets import CalibrationTimeline
from awlab.widgets.calibration_timeline.change import Change, portrait
from awlab.widgets.calibration_timeline.state import TimelineState

# The thirteen bars of the slide, in its order: validity in August 2000, creation in January 2005.
AUGUST = [
    (1, 2, 7), (3, 7, 7), (7, 8, 7), (8, 20, 10), (20, 21, 10), (21, 22, 10), (22, 23, 10),
    (23, 24, 10), (24, 25, 10), (25, 26, 10), (2, 3, 14), (2, 3, 14),
]  # fmt: skip


class BarFlat(Calibration):
    """A calibration with a number of its own."""

    REQUIREMENT = "546+9"
    level = persistent("Level", float, 1.0)


class BarFrame(ProcessTarget):
    """Made with a flat: judged by what it was made from."""

    REQUIREMENT = "632+9"
    chip = persistent("Chip", Chip)
    filter = persistent("Filter", Filter)
    flat = persistent("Flat", BarFlat)


def flat(house, start, end, **more):
    values = {"instrument": house["instrument"], "chip": house["chip"], "night": "2000-08-01"}
    return BarFlat(timestamp_start=start, timestamp_end=end, **values | more)


@pytest.fixture(scope="module")
def house(database):
    """The calibrations of the slide on one chip, and a few on another."""
    instrument = Instrument(name="BARS")
    found = {
        "instrument": instrument,
        "chip": Chip(name="bar51", instrument=instrument).commit(),
        "other": Chip(name="bar52", instrument=instrument).commit(),
    }
    always = datetime(1990, 1, 1), datetime(2030, 1, 1)
    found["default"] = flat(found, *always, origin="default", creation_date=always[0]).commit()
    found["flats"] = [
        flat(
            found, datetime(2000, 8, first), datetime(2000, 8, last),
            creation_date=datetime(2005, 1, made),
        ).commit()
        for first, last, made in AUGUST
    ]  # fmt: skip
    span = datetime(2001, 8, 1), datetime(2001, 8, 9)
    found["bad"] = flat(found, *span, chip=found["other"]).commit()
    found["bad"].set_valid(0, "banding")
    found["flagged"] = flat(found, *span, chip=found["other"], quality_flags=1).commit()
    found["inner"] = flat(
        found, datetime(2001, 8, 3), datetime(2001, 8, 5), chip=found["other"],
        creation_date=datetime(2005, 1, 2),
    ).commit()  # fmt: skip
    found["outer"] = flat(
        found, *span, chip=found["other"], creation_date=datetime(2005, 1, 1)
    ).commit()
    return found


@pytest.fixture
def state(house):
    return TimelineState(BarFlat, instrument="BARS", chip="bar51", year=2000, quarter=3)


def test_the_screen_of_calts(state):
    shown = state.opening()
    assert shown["total"] == "Total calibration files: 13"
    rows = shown["rows"]
    assert (rows[0]["from"], rows[0]["to"]) == ("1990-01-01 00:00", "2030-01-01 00:00")
    assert [row["from"][8:10] for row in rows[1:]] == [f"{first:02}" for first, _, _ in AUGUST]
    assert [row["created"][:10] for row in rows[1:4]] == ["2005-01-07"] * 3
    # Of two of the same night the later one is used; the default serves only where nothing else.
    assert [row["state"] for row in rows[-2:]] == ["eclipsed", "used"]
    assert rows[0]["state"] == "partly eclipsed"
    default = [part["style"] for part in rows[0]["parts"]]
    assert default == ["used", "eclipsed", "used"]  # before and after the nights of August
    assert shown["counts"] == {"partly eclipsed": 1, "eclipsed": 1, "used": 11}
    assert shown["ticks"][0]["label"] == "Jul 2000"


def test_classes_come_in_the_order_of_the_plan(state):
    plan = state.opening()["plan"]
    numbers = [entry["requirement"] for entry in plan]
    assert numbers == sorted(numbers)
    entry = next(e for e in plan if e["class_name"] == "BarFlat")
    assert (entry["requirement"], entry["title"]) == ("546+9", "Master flat field")
    assert (entry["by_chip"], entry["by_filter"]) == (True, False)


def test_a_bar_is_cut_where_another_is_preferred(state):
    rows = state.look({"chip": "bar52", "year": 2001, "quarter": 3, "month": 8})["rows"]
    by_id = {row["id"]: row for row in rows}
    outer = next(row for row in rows if row["state"] == "partly eclipsed")
    assert [part["style"] for part in outer["parts"]] == ["used", "eclipsed", "used"]
    edges = [round(part["to"] * 31) for part in outer["parts"]]
    assert edges == [2, 4, 8]
    styles = {row["state"]: row["parts"][0]["style"] for row in by_id.values()}
    assert styles["invalid"] == "invalid"
    assert styles["flagged"] == "flagged"
    flagged = next(row for row in rows if row["state"] == "flagged")
    assert flagged["flags"] == "DEFAULT_CALIBRATION"


def test_only_good_data(state):
    shown = state.look({"chip": "bar52", "year": 2001, "quarter": "", "only_good": True})
    assert shown["total"] == "Total calibration files: 2"
    assert {row["state"] for row in shown["rows"]} == {"used", "partly eclipsed"}
    assert "only_good=True" in shown["python"]


def test_selectors_stay_when_the_class_changes(state):
    shown = state.look({"class_name": "BarFrame"})
    assert shown["rows"] == []
    assert shown["total"] == "Total objects: 0"
    assert (shown["asked"]["chip"], shown["asked"]["year"]) == ("bar51", 2000)
    assert len(state.look({"class_name": "BarFlat"})["rows"]) == 13


def test_another_instrument_forgets_the_chip(state):
    Instrument(name="BARS2").commit()
    assert state.look({"instrument": "BARS2"})["asked"]["chip"] == ""


def test_the_choices_are_those_of_the_instrument(state):
    choices = state.opening()["choices"]
    assert choices["chips"] == ["bar51", "bar52"]
    assert choices["years"] == [2001, 2000]


def test_what_has_no_validity_is_a_moment(house):
    frame = BarFrame(chip=house["chip"], flat=house["flats"][0]).commit()
    shown = TimelineState(BarFrame, instrument="").look({})
    (row,) = [row for row in shown["rows"] if row["id"] == frame.object_id]
    assert row["from"] == row["to"]
    assert (row["state"], row["group"]) == ("good", "bar51")
    assert shown["total"].startswith("Total objects: ")


def test_the_python_gives_what_is_shown(state):
    from awlab.backend.quality import calibration_timeline

    shown = state.look({})
    names = {"calibration_timeline": calibration_timeline, "BarFlat": BarFlat}
    found = eval(shown["python"], names)
    assert sorted(bar.object_id for bar in found) == sorted(row["id"] for row in shown["rows"])


def test_chosen_objects_are_a_query(state, house):
    state.look({})
    query = state.chosen([house["flats"][0].object_id, house["flats"][3].object_id])
    assert set(query) == {house["flats"][0], house["flats"][3]}
    with pytest.raises(QueryError, match="is not shown"):
        state.chosen(["nonsense"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"class_name": "Nothing"}, "'Nothing' is not in the calibration plan"),
        ({"colour": "red"}, "a timeline has no 'colour'"),
        ({"year": "x"}, "'x' is no year"),
        ({"year": 2000, "week": 54}, "no week 54"),
    ],
)
def test_a_bad_question_leaves_everything_as_it_was(state, asked, told):
    before = dict(state.asked)
    with pytest.raises(QueryError, match=told):
        state.look(asked)
    assert (state.asked, state.entry.class_name) == (before, "BarFlat")


def test_too_many_are_not_drawn(state, monkeypatch):
    monkeypatch.setattr("awlab.widgets.calibration_timeline.state.MOST", 5)
    with pytest.raises(QueryError, match="more than 5 BarFlat fit"):
        state.look({})
    assert TimelineState(BarFlat, instrument="BARS").opening()["asked"]["year"] == 2001


def test_the_number_of_statements_does_not_grow(house, statements):
    one = TimelineState(BarFlat, instrument="BARS", chip="bar52", year=2001)
    all_ = TimelineState(BarFlat, instrument="BARS")
    one.look({})
    counts = [statements(lambda s=s: s.look({})) for s in (one, all_)]
    assert counts[0] == counts[1] <= 9


# -- changing ------------------------------------------------------------------------------


@pytest.fixture
def made(house):
    """A flat on a chip of its own, and a frame made with it."""
    chip = Chip(name=f"own{len(list(Chip.select_all()))}", instrument=house["instrument"]).commit()
    mine = flat(house, datetime(2002, 1, 1), datetime(2002, 2, 1), chip=chip).commit()
    return mine, BarFrame(chip=chip, flat=mine).commit()


def test_a_change_is_foreseen_and_nothing_is_changed(made):
    mine, frame = made
    found = Change(mine, {"is_valid": 0, "start": "2002-01-01 00:00"}).foresee()
    assert found["words"] == ["is_valid: 1 → 0"]
    assert found["outdated_total"] == 1
    (product,) = found["outdated"]
    assert product["python"] == f"BarFrame(object_id='{frame.object_id}')"
    assert "invalidated" in product["reasons"][0]
    assert DBObject(object_id=mine.object_id).is_valid == 1
    assert frame.uptodate()


def test_what_was_foreseen_happens(made):
    mine, frame = made
    Change(mine, {"is_valid": 0}).commit("banding")
    assert DBObject(object_id=mine.object_id).is_valid == 0
    assert not frame.uptodate()
    told = portrait(mine)
    assert "changed is_valid from 1 to 0: banding" in told["remarks"][0]
    assert Change(mine, {"is_valid": 1}).foresee()["restored_total"] == 1


def test_a_validity_and_a_verdict_at_once(made):
    mine, _ = made
    change = Change(mine, {"is_valid": 2, "start": "2002-01-05", "end": "2002-03-01 12:00"})
    assert change.words() == [
        "is_valid: 1 → 2",
        "timestamp_start: 2002-01-01 00:00 → 2002-01-05 00:00",
        "timestamp_end: 2002-02-01 00:00 → 2002-03-01 12:00",
    ]
    change.commit("a later flat")
    now = DBObject(object_id=mine.object_id)
    assert (now.is_valid, now.timestamp_end) == (2, datetime(2002, 3, 1, 12))
    assert len(now.history()) == 3


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "nothing is changed"),
        ({"is_valid": 1}, "nothing is changed"),
        ("text", "is no change"),
        ({"start": "whenever"}, "whenever"),
        ({"is_valid": "many"}, "'many' is no verdict"),
    ],
)
def test_bad_changes(made, asked, told):
    with pytest.raises(AwlabError, match=told):
        Change(made[0], asked)


def test_refused_changes_leave_everything(made):
    mine, _ = made
    with pytest.raises(QueryError, match="is empty"):
        Change(mine, {"end": "2001-01-01", "is_valid": 0}).commit("turned round")
    with pytest.raises(QueryError, match="needs a reason"):
        Change(mine, {"is_valid": 0}).commit("  ")
    now = DBObject(object_id=mine.object_id)
    assert (now.is_valid, now.timestamp_end, now.history()) == (1, datetime(2002, 2, 1), [])


def test_the_widget_selects_changes_and_remarks(house, made):
    mine, _ = made
    widget = CalibrationTimeline(BarFlat, instrument="BARS", chip=mine.chip.name)
    widget.answer("opening", {})
    shown = widget.answer("choose", {"object_ids": [mine.object_id]})
    assert widget.selection == mine
    assert shown["has_validity"]
    words = {"object_id": mine.object_id, "change": {"is_valid": 0}}
    assert widget.answer("foresee", words)["outdated_total"] == 1
    reply = widget.answer("change", words | {"reason": "clouds"})
    assert [row["state"] for row in reply["rows"]] == ["invalid"]
    said = widget.answer("comment", {"object_id": mine.object_id, "text": "look at <b>this</b>"})
    assert any("look at <b>this</b>" in text for text in said["remarks"])
    with pytest.raises(QueryError, match="empty comment"):
        widget.answer("comment", {"object_id": mine.object_id, "text": " "})
    assert widget.answer("look", {"chip": ""})["total"].startswith("Total calibration files")
