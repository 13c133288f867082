"""SourceCollections: nothing is computed but what is pulled; all of it can be derived again."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from astropy.table import Table

from awlab.backend.database import context, current_database
from awlab.backend.errors import AccessDenied, QueryError, TargetError, UnknownAttribute
from awlab.backend.targets import (
    AttributeCalculator,
    ConcatenateSources,
    ExternalList,
    FilterSources,
    SelectSources,
    SourceListWrapper,
    ingest_catalog,
)

COUNT = 1000


@pytest.fixture(scope="module")
def lists(home):
    rng = np.random.default_rng(9)
    found = []
    for number in range(2):
        table = Table({
            "RA": 10 + rng.uniform(0, 1, COUNT), "DEC": rng.uniform(0, 1, COUNT),
            "FLUX_AUTO": rng.lognormal(5, 1, COUNT), "FLUXERR_AUTO": np.full(COUNT, 20.0),
            "FLUX_APER": rng.lognormal(5, 1, (COUNT, 3)), "FLAGS": rng.integers(0, 4, COUNT),
            "MAG_#842": rng.uniform(15, 25, COUNT), f"ONLY_{number}": np.arange(COUNT),
        })  # fmt: skip
        found.append(ingest_catalog(table, name=f"collected {number}"))
    return found


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the arrays with which the calculators of this module were called."""
    seen = []
    monkeypatch.setattr(sys, "_calls_of_the_test", seen, raising=False)
    return seen


def signal_to_noise(FLUX_AUTO, FLUXERR_AUTO):
    import sys

    sys._calls_of_the_test.append(("signal_to_noise", len(FLUX_AUTO)))
    return FLUX_AUTO / FLUXERR_AUTO


def magnitude(FLUX_AUTO, zeropoint=25.0):
    import sys

    sys._calls_of_the_test.append(("magnitude", len(FLUX_AUTO)))
    return zeropoint - 2.5 * np.log10(FLUX_AUTO), FLUX_AUTO / zeropoint


def test_a_list_is_a_collection(lists):
    whole = lists[0].collection()
    assert isinstance(whole, SourceListWrapper) and "FLUX_AUTO" in whole.attributes()
    assert not {"SLID", "SID", "_healpix_29"} & set(whole.attributes())
    rows = whole.pull(["FLUX_AUTO"])
    assert list(rows) == ["SLID", "SID", "FLUX_AUTO"]
    assert np.array_equal(rows["SID"], np.arange(COUNT))
    assert np.array_equal(rows["FLUX_AUTO"], lists[0].table()["FLUX_AUTO"].value)
    assert str(rows.table()["FLUX_AUTO"].unit) == "adu"
    some = whole.pull(["RA"], sources={"SLID": [lists[0].SLID] * 2, "SID": [7, 3]})
    assert list(some["SID"]) == [3, 7]
    assert whole.pull(["RA"], sources={"SLID": [lists[1].SLID], "SID": [7]}).count == 0
    with pytest.raises(UnknownAttribute, match="no attribute 'FLUX_AUT'"):
        whole.pull(["FLUX_AUT"])


def test_sources_and_attributes_are_selected(lists):
    whole = lists[0].collection()
    table = lists[0].table()
    bright = whole.where("'FLUX_AUTO' / \"FLUXERR_AUTO\" > 10 and FLAGS == 0 and FLUX_APER[1] > 9")
    expected = (table["FLUX_AUTO"].value / 20 > 10) & (table["FLAGS"].value == 0)
    expected &= table["FLUX_APER"][:, 1].value > 9
    assert np.array_equal(bright.sources()["SID"], np.flatnonzero(expected))
    red = bright.where("15 < 'MAG_#842' < 20").keep("RA", "MAG_#842")
    assert red.attributes() == ("RA", "MAG_#842")
    rows = red.pull()
    assert list(rows) == ["SLID", "SID", "RA", "MAG_#842"] and (rows["MAG_#842"] < 20).all()
    some = bright.only({"SLID": [lists[0].SLID] * 3, "SID": [0, 1, 2]})
    assert set(some.sources()["SID"]) == set(np.flatnonzero(expected[:3]))
    with pytest.raises(UnknownAttribute):
        red.where("FLAGS == 0")
    with pytest.raises(QueryError, match="is not true or false"):
        whole.where("FLUX_AUTO + 1").pull([])


def test_collections_are_put_together(lists):
    both = lists[0].collection() + lists[1].collection().where("FLAGS == 0")
    assert "FLUX_AUTO" in both.attributes()
    assert not {"ONLY_0", "ONLY_1"} & set(both.attributes())
    rows = both.pull(["FLUX_AUTO"])
    zero = lists[1].table()["FLAGS"].value == 0
    assert rows.count == COUNT + zero.sum()
    again = lists[0].collection() + lists[0].collection().where("FLAGS == 0")
    assert again.pull([]).count == COUNT
    some = both.pull(["RA"], sources=rows.rows(np.array([0, COUNT + 1])))
    assert set(some["SLID"]) == {lists[0].SLID, lists[1].SLID}


def test_only_what_is_pulled_is_computed(lists, calls):
    """The cost of attributes is that of the sources and the attributes that are wanted."""
    whole = lists[0].collection()
    derived = whole.calculate(signal_to_noise, ["SN"]).calculate(
        magnitude, ["MAG", "PART"], units={"MAG": "mag"}, zeropoint=26.0
    )
    assert {"SN", "MAG", "PART"} <= set(derived.attributes()) and calls == []
    derived.pull(["RA", "FLUX_AUTO"])
    assert calls == []
    five = derived.pull(["MAG"], sources={"SLID": [lists[0].SLID] * 5, "SID": range(5)})
    assert calls == [("magnitude", 5)] and five.count == 5
    flux = lists[0].table()["FLUX_AUTO"].value
    assert np.allclose(five["MAG"], 26 - 2.5 * np.log10(flux[:5]))
    assert str(five.table()["MAG"].unit) == "mag"
    calls.clear()
    bright = derived.where("SN > 10")
    rows = bright.pull(["MAG"])
    passed = int((flux / 20 > 10).sum())
    assert calls == [("signal_to_noise", COUNT), ("magnitude", passed)]
    assert rows.count == passed
    calls.clear()
    bright.where("FLAGS == 0").pull(["PART"], sources=rows.rows(np.arange(7)))
    assert max(size for _, size in calls) == 7


def test_a_committed_collection_is_derived_again_with_its_lineage(lists, calls):
    made = lists[0].collection().calculate(signal_to_noise, ["SN"]).where("SN > 10")
    expected = made.pull(["SN"])
    assert made.SCID is None
    made.commit()
    assert made.SCID and made.is_committed and made.process_status == 1
    assert made.upstream().counts() == {
        "AttributeCalculator": 1, "ExternalList": 1, "SourceListWrapper": 1
    }  # fmt: skip
    again = FilterSources(object_id=made.object_id)
    calculator = made.upstream().objects(AttributeCalculator)[0]
    assert "FLUX_AUTO / FLUXERR_AUTO" in calculator.definition
    rows = again.pull(["SN"])
    assert np.array_equal(rows["SN"], expected["SN"]) and rows.count == expected.count
    before = current_database().statements
    again.pull(["SN"])
    assert current_database().statements - before <= 12
    kept = SelectSources(
        object_id=made.only(rows.rows(np.array([0, 1]))).commit().object_id
    ).pull(["SN"])  # fmt: skip
    assert kept.count == 2
    with pytest.raises(TypeError, match="committed"):
        again.set_query("SN > 5")


def test_what_is_derived_can_be_kept_as_a_list(lists, calls):
    bright = lists[0].collection().calculate(signal_to_noise, ["SN"]).where("SN > 10")
    kept = bright.keep("RA", "DEC", "SN").materialise("bright ones")
    assert type(kept) is ExternalList and len(kept) == bright.sources().count
    assert lists[0] in kept.upstream() and kept[0].SN > 10
    assert kept[0].SLID_ORIGIN == lists[0].SLID


def test_code_of_others_runs_only_when_trusted(lists, calls, monkeypatch):
    made = lists[0].collection().calculate(signal_to_noise, ["SN"]).commit()
    name = context.user
    monkeypatch.setattr(type(context), "user", "somebody_else")
    with pytest.raises(AccessDenied, match=f"signal_to_noise is code of {name}"):
        made.pull(["SN"])
    assert calls == [] and made.pull(["RA"]).count == COUNT
    assert made.pull(["SN"], trust=True).count == COUNT and len(calls) == 1


def test_functions_that_do_not_serve(lists):
    whole = lists[0].collection()
    offset = 3.0

    def around(FLUX_AUTO):
        return FLUX_AUTO + offset

    def unknown(NO_SUCH):
        return NO_SUCH

    def lost(FLUX_AUTO):
        return pytest.approx(FLUX_AUTO)

    def short(FLUX_AUTO):
        return FLUX_AUTO[:2]

    for function in (lambda FLUX_AUTO: FLUX_AUTO, around, np.sqrt):
        with pytest.raises(TargetError, match="cannot be kept"):
            whole.calculate(function, ["X"])
    with pytest.raises(UnknownAttribute, match="NO_SUCH"):
        whole.calculate(unknown, ["X"])
    with pytest.raises(TargetError, match="'RA' is there already"):
        whole.calculate(short, ["RA"])
    with pytest.raises(TargetError, match=r"lost raised NameError.*imports stand inside"):
        whole.calculate(lost, ["X"]).pull(["X"])
    with pytest.raises(TargetError, match="one value per source for X"):
        whole.calculate(short, ["X"]).pull(["X"])


def test_a_wrapper_is_a_target(lists):
    first = SourceListWrapper.get(sourcelist=lists[0])
    assert SourceListWrapper.get(sourcelist=lists[0]) == first and first.uptodate()
    assert isinstance(first + first, ConcatenateSources)
