"""What a change would make outdated is what it then does, and asking changes nothing."""

from __future__ import annotations

import pytest

from awlab.backend.database import class_named, current_database
from awlab.backend.datamodel import RawBiasFrame
from awlab.backend.errors import QueryError
from awlab.backend.process import what_if

FIRST, SECOND = "2000-04-28", "2000-04-30"
TargetBias, TargetFlat = class_named("TargetBias"), class_named("TargetFlat")
WHY = "why not"


def invalid_bias(night):
    return night.bias, {"is_valid": 0}


def invalid_flat(night):
    return night.flat, {"is_valid": 0}


def shorter(night):
    return night.bias, {"timestamp_end": "2000-04-29T12:00:00"}


def later(night):
    return night.bias, {"timestamp_start": "2000-04-29T12:00:00"}


def invalid_raw(night):
    return night.raw_bias[0], {"is_valid": 0}


def qualified(night):
    return night.bias, {"is_valid": 2}


CASES = [invalid_bias, invalid_flat, shorter, later, invalid_raw, qualified]


def spelled(pairs):
    return {item.object_id: reasons for item, reasons in pairs}


def change(obj, changes):
    if "is_valid" in changes:
        obj.set_valid(changes["is_valid"], WHY)
    else:
        times = {name: getattr(obj, name) for name in ("timestamp_start", "timestamp_end")}
        obj.set_timestamps(*(times | changes).values(), WHY)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_it_foretells_what_the_change_does(night, case):
    obj, changes = case(night)
    before = {name: getattr(obj, name) for name in changes}
    foretold = what_if(obj, **changes)
    assert night.stale() == {}
    assert {name: getattr(obj, name) for name in changes} == before
    assert obj.history() == []
    change(obj, changes)
    stale = night.stale()
    mine = f"{type(obj).__name__} {obj.night}"
    others = {name: why for name, why in stale.items() if name != mine}
    label = {
        f"{type(item).__name__} {getattr(item, 'night', None) or item.raw.night}": why
        for item, why in foretold.outdated
    }
    assert label == others
    assert (case is qualified) == (foretold.outdated == [])
    assert foretold.restored == []


def test_a_wider_validity_reaches_products_of_other_nights(night):
    night.take(RawBiasFrame, SECOND, 100.0, 2)
    bias = night.get(TargetBias, SECOND)
    stale = night.stale()
    assert set(stale) == {f"TargetFrame {SECOND}"}
    foretold = what_if(bias, timestamp_start="2000-04-01")
    assert {item for item, _ in foretold.outdated} == {night.flat, night.frames[0]}
    assert night.stale() == stale
    back = what_if(bias, is_valid=0)
    assert (back.outdated, back.restored) == ([], [night.frames[1]])
    assert "0 would be outdated, 1 up to date again" in str(back)
    bias.set_valid(0, WHY)
    assert night.stale() == {}
    again = what_if(bias, is_valid=1)
    assert [item for item, _ in again.outdated] == [night.frames[1]]


def test_a_raw_frame_that_would_be_good_again(night):
    night.raw_bias[0].set_valid(0, WHY)
    foretold = what_if(night.raw_bias[0], is_valid=1)
    assert set(foretold.restored) == {night.bias, night.flat, *night.frames}


def test_it_costs_no_more_for_many_products(night):
    from awlab.backend.datamodel import RawScienceFrame

    frame, asked = type(night.frames[0]), []
    for count in (1, 1, 30):
        frame.get(raw=night.take(RawScienceFrame, FIRST, 700.0, count))
        before = current_database().statements
        found = what_if(night.bias, is_valid=0)
        asked.append(current_database().statements - before)
    assert len(found.outdated) == 35
    assert asked[1] == asked[2]


def test_what_cannot_be_is_refused(night):
    for wrong, words in (
        ({}, "changes nothing"),
        ({"is_valid": 7}, "is_valid = 7 has no meaning"),
        ({"timestamp_end": "1999-01-01"}, "is empty"),
    ):
        with pytest.raises(QueryError, match=words):
            what_if(night.bias, **wrong)
    with pytest.raises(QueryError, match="has no timestamp_end"):
        what_if(night.frames[0], timestamp_end="2001-01-01")
    with pytest.raises(QueryError, match="changes nothing"):
        what_if(TargetBias(), is_valid=0)
