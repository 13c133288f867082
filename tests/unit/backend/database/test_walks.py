"""Lineage: walks equal a naive walk over the links, and show only what may be seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.database import (
    DBObject,
    Query,
    commit_objects,
    context,
    lineage_of,
    persistent,
)
from awlab.backend.database.registry_tables import project_member
from awlab.backend.errors import QueryError, WrongType


class WalkChip(DBObject):
    """Only names something."""

    _lineage_node = False
    name = persistent("Name", str, "")


class WalkNode(DBObject, abstract=True):
    """A node of a graph."""

    chip = persistent("Chip", WalkChip)
    one = persistent("One input", DBObject, dependency=True)
    many = persistent("More inputs", DBObject, [])
    mentions = persistent("No input", DBObject, dependency=False)
    value = persistent("Value [ADU]", float, 0.0)


class WalkRaw(WalkNode):
    """Raw data."""

    _raw_data = True


class WalkMade(WalkNode):
    """Made."""


class WalkFine(WalkMade):
    """Made, and derived."""


CLASSES = (WalkRaw, WalkMade, WalkFine)


@st.composite
def graphs(draw):
    """For every node: its class, the node it links to, the nodes it lists, the one it mentions."""
    size = draw(st.integers(2, 14))
    earlier = [st.integers(0, i - 1) for i in range(1, size)]
    nodes = [(draw(st.sampled_from(CLASSES)), None, [], None)]
    for choice in earlier:
        link = draw(st.none() | choice)
        listed = draw(st.lists(choice, max_size=4))
        nodes.append((draw(st.sampled_from(CLASSES)), link, listed, draw(st.none() | choice)))
    return nodes


def committed(nodes):
    objects = []
    for cls, link, listed, mentioned in nodes:
        pick = [None if i is None else objects[i] for i in (link, mentioned)]
        objects.append(cls(one=pick[0], mentions=pick[1], many=[objects[i] for i in listed]))
    commit_objects(objects)
    return objects


def inputs(nodes):
    return [({link} - {None}) | set(listed) for _, link, listed, _ in nodes]


def closure(start, following, depth=None):
    """Walk naively, step by step."""
    found, frontier = set(), {start}
    while frontier and depth != 0:
        frontier = set().union(*(following[i] for i in frontier)) - (
            found if depth is None else set()
        )
        found |= frontier
        depth = None if depth is None else depth - 1
    return found


@pytest.mark.usefixtures("database")
@settings(max_examples=25, deadline=None)
@given(nodes=graphs(), depth=st.integers(1, 4))
def test_walks_equal_a_naive_walk(nodes, depth):
    objects = committed(nodes)
    up = inputs(nodes)
    down = [{i for i, found in enumerate(up) if j in found} for j in range(len(nodes))]
    place = {item._id: i for i, item in enumerate(objects)}
    for i, item in enumerate(objects):
        for lineage, following in ((item.upstream(), up), (item.downstream(), down)):
            assert {place[n] for n in lineage.ids.tolist()} == closure(i, following)
        bounded = item.upstream(depth=depth)
        assert {place[n] for n in bounded.ids.tolist()} == closure(i, up, depth)
        names = {type(objects[j]).__name__ for j in closure(i, up)}
        assert set(item.upstream().counts()) == names
    last = objects[-1].upstream()
    edges = {(place[t], place[s], role) for t, s, role in last.edges().rows()}
    inside = closure(len(nodes) - 1, up) | {len(nodes) - 1}
    assert edges == {
        (t, s, role)
        for t, (_, link, listed, _) in enumerate(nodes)
        for role, sources in (("one", {link} - {None}), ("many", set(listed)))
        for s in sources
        if t in inside and s in inside
    }


@pytest.fixture
def chain(database):
    """Return raw -> made -> fine, on a chip; fine lists both."""
    chip = WalkChip(name="ccd50")
    raw = WalkRaw(chip=chip, value=1.0)
    made = WalkMade(chip=chip, one=raw, value=2.0)
    fine = WalkFine(chip=chip, one=made, many=[raw, made], value=3.0)
    commit_objects([fine])
    return chip, raw, made, fine


def test_one_statement_per_walk(database, chain):
    _, raw, _, fine = chain
    fine.upstream()
    for walk in (fine.upstream, raw.downstream, lambda: fine.upstream(depth=1)):
        before = database.statements
        found = walk()
        assert database.statements - before == 1
        assert len(found) == 2


def test_lineage_is_a_sequence_of_objects(chain):
    _, raw, made, fine = chain
    lineage = fine.upstream()
    assert list(lineage) == [raw, made]
    assert (lineage[0], lineage[-1]) == (raw, made)
    assert raw in lineage
    assert fine not in lineage
    assert [item.value for item in lineage] == [1.0, 2.0]
    with pytest.raises(IndexError, match="2 objects"):
        lineage[2]


def test_objects_is_a_query(chain):
    _, raw, made, fine = chain
    lineage = fine.upstream()
    query = lineage.objects(WalkMade)
    assert isinstance(query, Query)
    assert list(query) == [made]
    assert list(raw.downstream().objects(WalkMade)) == [made, fine]  # derived classes too
    assert list(raw.downstream().objects(WalkNode) & (WalkNode.value > 2.5)) == [fine]
    assert list(~query & (WalkMade.chip == chain[0])) == [fine]
    assert len(lineage.objects(WalkFine)) == 0
    assert str(query) == f"WalkFine(object_id={fine.object_id!r}).upstream().objects(WalkMade)"
    with pytest.raises(WrongType, match="not a persistent class"):
        lineage.objects(int)


def test_raw_counts_and_table(chain):
    _, raw, _, fine = chain
    lineage = fine.upstream()
    assert list(lineage.raw()) == [raw]
    assert lineage.counts() == {"WalkMade": 1, "WalkRaw": 1}
    table = lineage.table()
    assert list(table["class"]) == ["WalkRaw", "WalkMade"]
    assert table["object_id"][0] == raw.object_id
    assert table["creation_date"][0] == np.datetime64(raw.creation_date, "us")
    assert "1 WalkMade, 1 WalkRaw" in repr(lineage)
    assert "<td>WalkRaw</td><td>1</td>" in lineage._repr_html_()


def test_inverse_objects_are_all_that_refer(chain):
    chip, raw, made, fine = chain
    note = WalkMade(mentions=fine).commit()
    assert set(raw.inverse_objects()) == {made, fine}
    assert set(fine.inverse_objects()) == {note}
    assert set(chip.inverse_objects()) == {raw, made, fine}
    assert len(note.inverse_objects()) == 0
    assert len(chip.downstream()) == 0  # a chip is named, nothing is made from it


def test_limit_follows_the_first_edges(database):
    raws = [WalkRaw() for _ in range(6)]
    made = WalkMade(many=raws).commit()
    assert set(lineage_of([made], "upstream", limit=2)) == set(raws[:2])
    assert len(lineage_of([made], "upstream", depth=1, limit=4)) == 4
    assert len(lineage_of([made, raws[0]], "upstream")) == 6


def test_what_may_not_be_seen_is_counted_only(database):
    context.add_project("walks_elsewhere")
    home = context.project
    context.set_project("walks_elsewhere")
    context.set_privileges(2)
    try:
        secret = WalkRaw().commit()
    finally:
        context.set_project(home)
        context.set_privileges(1)
    made = WalkMade(one=secret, many=[WalkRaw()]).commit()
    assert len(made.upstream()) == 2
    with database.transaction() as connection:
        left = project_member.c.project == "walks_elsewhere"
        connection.execute(project_member.delete().where(left))
    lineage = made.upstream()
    assert (len(lineage), lineage.hidden) == (1, 1)
    assert "1 more that you may not see" in str(lineage)


def test_refusals(chain):
    with pytest.raises(QueryError, match="not committed"):
        WalkRaw().upstream()
    with pytest.raises(QueryError, match="not committed"):
        WalkRaw().inverse_objects()
    with pytest.raises(QueryError, match="depth = 0"):
        chain[3].upstream(depth=0)
