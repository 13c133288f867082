"""Association: the same pairs as astropy, whatever the order, at the poles and across 24 h."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import (
    AssociationFlag,
    AssociationMode,
    BadArray,
    associate,
    deproject,
    match_mutual,
    match_nearest,
    match_pairs,
    mean_positions,
    prewarm,
)

FIELDS = [(150.0, 2.0), (0.0, -40.0), (359.9999, 60.0), (77.0, 90.0), (200.0, -89.99)]
EMPTY = np.empty(0), np.empty(0)


def field(centre, seed, n=800, half=0.02):
    rng = np.random.default_rng(seed)
    return deproject(*rng.uniform(-half, half, (2, n)), *centre)


def coordinates(positions):
    return SkyCoord(*positions, unit="deg")


@pytest.mark.parametrize("centre", FIELDS)
@pytest.mark.parametrize("radius", [0.4, 2.0, 30.0])
def test_nearest_is_that_of_astropy(centre, radius):
    first, second = field(centre, 1), field(centre, 2)
    index, separation = match_nearest(first, second, radius)
    theirs, angle, _ = coordinates(first).match_to_catalog_sky(coordinates(second))
    inside = angle.arcsec <= radius
    assert np.array_equal(index, np.where(inside, theirs, -1))
    assert np.allclose(separation[inside], angle.arcsec[inside], rtol=1e-7, atol=1e-7)
    assert np.isnan(separation[~inside]).all()


@pytest.mark.parametrize("centre", FIELDS)
def test_all_pairs_are_those_of_astropy(centre):
    first, second = field(centre, 3), field(centre, 4)
    pairs = match_pairs(first, second, 5.0)
    a, b, angle, _ = coordinates(second).search_around_sky(coordinates(first), 5.0 * u.arcsec)
    order = np.lexsort((b, a))
    assert pairs.first.size > 50
    assert np.array_equal(pairs.first, a[order])
    assert np.array_equal(pairs.second, b[order])
    assert np.allclose(pairs.separation, angle.arcsec[order], rtol=1e-7, atol=1e-7)


def test_whole_sky_and_huge_radius():
    rng = np.random.default_rng(5)
    sky = [(rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))) for _ in "ab"]
    index, _ = match_nearest(*sky, 90 * 3600.0)
    assert np.array_equal(index, coordinates(sky[0]).match_to_catalog_sky(coordinates(sky[1]))[0])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(FIELDS), st.floats(0.1, 60.0))
def test_symmetric_and_indifferent_to_order(seed, centre, radius):
    first, second = field(centre, seed, 60, 0.01), field(centre, seed + 1, 50, 0.01)
    for match in (match_pairs, match_mutual):
        there, back = match(first, second, radius), match(second, first, radius)
        assert set(zip(there.first, there.second, strict=True)) == set(
            zip(back.second, back.first, strict=True)
        )
        order = np.random.default_rng(seed).permutation(first[0].size)
        mixed = match((first[0][order], first[1][order]), second, radius)
        assert set(zip(order[mixed.first], mixed.second, strict=True)) == set(
            zip(there.first, there.second, strict=True)
        )


def partition(rows, names):
    """Associations as sets of (list name, source)."""
    groups = {}
    for aid, one, sid in zip(rows.AID, rows.list_index, rows.SID, strict=True):
        groups.setdefault(aid, set()).add((names[one], int(sid)))
    return {frozenset(group) for group in groups.values()}


@settings(deadline=None, max_examples=25)
@given(st.permutations([0, 1, 2, 3]), st.integers(0, 1000))
def test_chain_does_not_depend_on_the_order_of_lists(order, seed):
    lists = [field((0.0, 10.0), seed + k, 40, 0.004) for k in range(4)]
    for mode in (AssociationMode.CHAIN, AssociationMode.MATCHED):
        known = partition(associate(lists, 2.0, mode), [0, 1, 2, 3])
        assert partition(associate([lists[k] for k in order], 2.0, mode), order) == known


def test_modes_on_a_line_of_sources():
    step = 0.7 / 3600
    lists = [(np.array([10.0, 11.0]), np.array([k * step, 5.0 + 0.1 * k])) for k in range(3)]
    chain = associate(lists, 1.0)
    assert chain.AID.tolist() == [0, 0, 0, 1, 2, 3], "friends of friends; the others stay alone"
    assert chain.FLAG.tolist() == [0, 0, 0] + [AssociationFlag.INCOMPLETE] * 3
    matched = associate(lists, 1.0, AssociationMode.MATCHED)
    assert matched.AID.tolist() == [0, 0, 0]
    assert matched.list_index.tolist() == [0, 1, 2]
    master = associate(lists, 1.0, AssociationMode.MASTER)
    rows = zip(master.AID, master.list_index, master.SID, strict=True)
    assert list(rows) == [(0, 0, 0), (0, 1, 0), (1, 0, 1)], "the third is too far from the master"


def test_two_sources_of_one_list_are_ambiguous():
    first = np.array([10.0]), np.array([0.0])
    double = np.array([10.0, 10.0]), np.array([0.3, -0.3]) / 3600
    rows = associate([first, double], 1.0)
    assert rows.AID.tolist() == [0, 0, 0]
    assert set(rows.FLAG.tolist()) == {int(AssociationFlag.AMBIGUOUS)}
    assert match_mutual(first, double, 1.0).second.tolist() == [0], "the lower index wins a tie"


def test_sources_of_one_list_are_not_friends():
    close = np.array([10.0, 10.0]), np.array([0.0, 0.3]) / 3600
    assert associate([close], 1.0).AID.tolist() == [0, 1]


def test_an_association_is_a_list_again():
    truth = field((359.999, -30.0), 9, 100)
    rng = np.random.default_rng(1)
    lists = [
        (truth[0] + rng.normal(0, 2e-5, 100), truth[1] + rng.normal(0, 2e-5, 100)) for _ in "abcd"
    ]
    whole = associate(lists, 1.0)
    ra, dec = mean_positions(whole, lists)
    index, separation = match_nearest((ra, dec), truth, 1.0)
    assert (index >= 0).all()
    assert np.sqrt(np.mean(separation**2)) < 0.1
    again = associate([(ra, dec), truth], 1.0, AssociationMode.MATCHED)
    assert np.unique(again.AID).size == ra.size


@pytest.mark.parametrize("mode", list(AssociationMode))
def test_nothing_in_nothing_out(mode):
    some = field((1.0, 1.0), 1, 3)
    assert associate([], 1.0, mode).AID.size == 0
    assert associate([EMPTY, EMPTY], 1.0, mode).AID.size == 0
    expected = {AssociationMode.CHAIN: 3, AssociationMode.MASTER: 3, AssociationMode.MATCHED: 0}
    assert associate([some, EMPTY], 1.0, mode).AID.size == expected[mode]


def test_positions_that_are_not_finite_match_nothing():
    bad = np.array([np.nan, 10.0, 10.0, 10.0]), np.array([0.0, np.inf, 91.0, 0.0])
    good = np.array([370.0, 10.0]), np.array([0.0, np.nan])
    assert match_nearest(bad, good, 1.0)[0].tolist() == [-1, -1, -1, 0], "370 degrees is 10"
    assert associate([bad, good], 1.0).SID.tolist() == [3, 0]


def test_identical_positions():
    same = np.full(50, 33.0), np.full(50, -5.0)
    assert match_pairs(same, same, 1.0).first.size == 2500
    index, separation = match_nearest(same, same, 1.0)
    assert not index.any()
    assert not separation.any()
    assert associate([same, same], 1.0).AID.max() == 0


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, 1e6])
def test_bad_radius(radius):
    with pytest.raises(BadArray, match="radius"):
        match_nearest(EMPTY, EMPTY, radius)


def test_bad_shapes():
    with pytest.raises(BadArray, match="shapes"):
        match_pairs((np.zeros(3), np.zeros(2)), EMPTY, 1.0)


def test_prewarming_leaves_nothing_to_compile():
    from awlab.backend.algorithms import association_kernel, overlap_solver_kernel, pointing_kernel

    prewarm()
    kernels = [
        association_kernel.sort_into_zones,
        association_kernel.nearest_neighbours,
        association_kernel.fill_pairs,
        association_kernel.group_roots,
        pointing_kernel.vote_offsets,
        pointing_kernel.vote_orientations,
        overlap_solver_kernel.reduced_normals,
        overlap_solver_kernel.star_values,
    ]
    before = [len(kernel.signatures) for kernel in kernels]
    assert min(before) > 0
    first, second = field((5.0, 5.0), 1), field((5.0, 5.0), 2)
    associate([first, second], 2.0)
    associate([first, second], 2.0, AssociationMode.MASTER)
    assert [len(kernel.signatures) for kernel in kernels[:4]] == before[:4]
