"""Associations: chain, master and matched, lists of lists, symmetric; every member is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awlab.backend.catalogs import SourceTable, ingest_reference
from awlab.backend.database import draw_number
from awlab.backend.errors import MakeFailed, ObjectNotFound, QueryError
from awlab.backend.process import new_work_folder
from awlab.backend.targets import AssociateList, SourceList

ARCSEC = 1 / 3600


def make_list(ra, dec, flags=None, name="list", **columns):
    """A committed list of sources at given positions."""
    count = len(ra)
    found = SourceList(name=name, chosen_by="frames", SLID=draw_number())
    values = {
        "SLID": np.full(count, found.SLID, np.int64),
        "SID": np.arange(count, dtype=np.int64),
        "RA": np.asarray(ra, float) % 360,
        "DEC": np.asarray(dec, float),
        "FLAGS": np.zeros(count, np.int16) if flags is None else np.asarray(flags, np.int16),
        "MAG_AUTO": np.linspace(15, 20, count),
    }
    with new_work_folder() as folder:
        found.keep_sources(SourceTable(values | columns), folder)
        found.store()
        found.commit()
    return found


def pars(**values):
    return {f"AssociateList.process_params.{name}": value for name, value in values.items()}


def groups(found):
    """Associations as sets of sources."""
    rows = found.associates()
    made = {}
    for aid, slid, sid in zip(rows["AID"], rows["SLID"], rows["SID"], strict=True):
        made.setdefault(int(aid), set()).add((int(slid), int(sid)))
    assert sorted(made) == list(range(found.associate_count))
    return {frozenset(members) for members in made.values()}


@pytest.fixture(scope="module")
def three(home):
    """Three lists across 0 h: star 0 in all, 1 in the first two, the others apart."""
    first = make_list([0.0, 10 * ARCSEC, 1.0], [0, 0, 0], name="first")
    second = make_list([0.5 * ARCSEC, 10.4 * ARCSEC, 2.0], [0, 0, 0], name="second")
    third = make_list([-0.4 * ARCSEC, 3.0], [0, 0], flags=[0, 3], name="third")
    return first, second, third


def test_chain_keeps_every_source_once(three):
    a, b, c = three
    found = AssociateList.get(input_lists=list(three), pars=pars(SEXTRACTOR_FLAG_MASK=3))
    assert groups(found) == {
        frozenset({(a.SLID, 0), (b.SLID, 0), (c.SLID, 0)}),
        frozenset({(a.SLID, 1), (b.SLID, 1)}),
        frozenset({(a.SLID, 2)}),
        frozenset({(b.SLID, 2)}),
        frozenset({(c.SLID, 1)}),
    }
    counts = (found.associate_count, found.pair_count, found.complete_count)
    assert counts == (5, 2, 1) and found.quality_flags == 0
    assert list(found.input_lists) == list(three)
    assert AssociateList.get(input_lists=list(three)) == found and found.uptodate()
    assert set(found.upstream()) == set(three)
    assert found.ALID and "5 associations" in found._repr_html_()


def test_flagged_sources_stay_out_by_default(three):
    found = AssociateList.get(input_lists=list(three), pars=pars(SEXTRACTOR_FLAG_MASK=0))
    assert (three[2].SLID, 1) not in set().union(*groups(found))
    assert found.associate_count == 4


def test_master_and_matched(three):
    a, b, c = three
    master = AssociateList.get(input_lists=list(three), pars=pars(ASSOCIATELISTTYPE=2))
    assert master.associatelisttype == 2
    assert groups(master) == {
        frozenset({(a.SLID, 0), (b.SLID, 0), (c.SLID, 0)}),
        frozenset({(a.SLID, 1), (b.SLID, 1)}),
        frozenset({(a.SLID, 2)}),
    }
    matched = AssociateList.get(input_lists=list(three), pars=pars(ASSOCIATELISTTYPE=3))
    assert groups(matched) == {frozenset({(a.SLID, 0), (b.SLID, 0), (c.SLID, 0)})}
    with pytest.raises(MakeFailed, match="ASSOCIATELISTTYPE 4 has no meaning"):
        AssociateList.get(input_lists=list(three), pars=pars(ASSOCIATELISTTYPE=4))


def test_members_and_their_columns(three):
    a, b, c = three
    found = AssociateList.get(input_lists=list(three), pars=pars(SEXTRACTOR_FLAG_MASK=3))
    rows = found.associates()
    (aid,) = set(rows["AID"][(rows["SLID"] == c.SLID) & (rows["SID"] == 0)])
    members = found.members(aid, ["MAG_AUTO", "FLAGS"])
    assert members.count == 3 and set(members["SLID"]) == {a.SLID, b.SLID, c.SLID}
    assert np.allclose(members["MAG_AUTO"], 15) and not members["FLAGS"].any()
    assert str(members.table()["MAG_AUTO"].unit) == "mag"
    everything = found.associates(["MAG_AUTO"])
    for row in range(everything.count):
        owner = {x.SLID: x for x in three}[everything["SLID"][row]]
        assert everything["MAG_AUTO"][row] == owner[everything["SID"][row]].MAG_AUTO
    with pytest.raises(ObjectNotFound, match="no association 99"):
        found.members(99)
    with pytest.raises(QueryError, match="none of the lists has a column 'REDSHIFT'"):
        found.associates(["REDSHIFT"])


def test_a_list_of_associations_is_a_list(three):
    """i-r, then +g: as with all three at once, because no chain leads through the mean alone."""
    a, b, c = three
    both = AssociateList.get(input_lists=[a, b], pars=pars(SEXTRACTOR_FLAG_MASK=3))
    nested = AssociateList.get(input_lists=[both, c], pars=pars(SEXTRACTOR_FLAG_MASK=3))
    flat = AssociateList.get(input_lists=[a, b, c], pars=pars(SEXTRACTOR_FLAG_MASK=3))
    assert groups(nested) == groups(flat)
    assert set(nested.associates(["MAG_AUTO"])["SLID"]) == {a.SLID, b.SLID, c.SLID}
    with pytest.raises(MakeFailed, match=f"SLID {a.SLID} is twice"):
        AssociateList.get(input_lists=[both, a])
    with pytest.raises(MakeFailed, match="nothing to associate"):
        AssociateList.get(input_lists=[a])


def test_the_closest_is_singled_out_and_nothing_lost(home):
    a = make_list([0, 0.9 * ARCSEC], [0, 0])
    b = make_list([0.2 * ARCSEC], [0])
    crowded = AssociateList.get(input_lists=[a, b])
    assert groups(crowded) == {frozenset({(a.SLID, 0), (a.SLID, 1), (b.SLID, 0)})}
    assert set(crowded.associates()["FLAG"]) == {1}
    single = AssociateList.get(input_lists=[a, b], pars=pars(SINGLE_OUT_CLOSEST_PAIRS=True))
    assert groups(single) == {frozenset({(a.SLID, 0), (b.SLID, 0)}), frozenset({(a.SLID, 1)})}
    assert set(single.members(int(single.members(0).count == 1))["FLAG"]) == {0}


def test_a_reference_catalogue_can_be_associated(home, three):
    from astropy.table import Table

    stars = Table({"ra": [0.1 * ARCSEC, 50.0], "dec": [0.0, 1.0], "phot_g_mean_mag": [12.0, 13.0]})
    gaia = ingest_reference(stars, "Gaia of the associations")
    found = AssociateList.get(input_lists=[three[0], gaia])
    assert found.pair_count == 1
    rows = found.associates(["GaiaG"])
    assert sorted(rows["GaiaG"][rows["SLID"] == gaia._id]) == [12.0, 13.0]
    assert np.isnan(rows["GaiaG"][rows["SLID"] == three[0].SLID]).all()


def test_nothing_in_common_is_a_flag(home):
    apart = AssociateList.get(input_lists=[make_list([0], [0]), make_list([5], [5])])
    assert tuple(apart.quality_flags.names) == ("NO_PAIRS",)
    empty = AssociateList.get(input_lists=[make_list([], []), make_list([], [])])
    assert empty.associate_count == 0 and empty.associates().count == 0


def test_an_invalidated_list_outdates_what_was_made_of_it(home):
    lists = [make_list([0], [0]), make_list([0], [0])]
    found = AssociateList.get(input_lists=lists)
    assert found.uptodate()
    lists[1].set_valid(0, "clouds")
    assert found.uptodate().reasons == ["input_lists: 1 invalidated"]
    lists[1].set_valid(1, "no clouds")
    assert found.uptodate() and AssociateList.get(input_lists=lists) == found


coordinates = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=0, max_size=12, unique=True
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=coordinates, other=coordinates, closest=st.booleans())
def test_associate_is_symmetric(home, one, other, closest):
    """Positions in units of half the distance: the order of the lists does not matter."""
    lists = [
        make_list(*(np.array([p[k] for p in points]) * ARCSEC / 2 for k in (0, 1)))
        for points in (one, other)
    ]
    asked = pars(SINGLE_OUT_CLOSEST_PAIRS=closest)
    there = AssociateList.get(input_lists=lists, pars=asked)
    back = AssociateList.get(input_lists=lists[::-1], pars=asked)
    assert groups(there) == groups(back)
    assert set().union(*groups(there)) == {(x.SLID, n) for x in lists for n in range(len(x))}
