"""Contract, section 4: who sees what, by every way there is to look.

For privileges 1 to 5, the creator, a member of the project and a stranger, each with a login role
of their own.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import (
    DBObject,
    Query,
    context,
    favourites,
    objects_with_ids,
    persistent,
    register_bulk,
    run_sql,
    take_census,
)
from awlab.backend.datamodel import Chip, Instrument, RawFits
from awlab.backend.errors import ObjectNotFound, QueryError
from awlab.backend.process.candidates import CandidateIndex
from awlab.backend.process.keys import Group, Request
from awlab.backend.process.registry import DatabaseRegistry
from awlab.backend.targets import BiasFrame

LEVELS = (1, 2, 3, 4, 5)
PEOPLE = {"creator": 1, "member": 2, "stranger": 3}  # the lowest privileges they see
CASES = [(level, who) for level in LEVELS for who in PEOPLE]


class VBase(DBObject):
    """Public; the others are made from it."""

    name = persistent("Name", str, "")


class VRaw(DBObject):
    """At all levels."""

    name = persistent("Name", str, "")
    value = persistent("Value", float)
    base = persistent("Base", VBase)


class VMade(DBObject):
    """Public, made from objects of all levels."""

    name = persistent("Name", str, "")
    raw = persistent("One", VRaw)
    raws = persistent("Many", VRaw, [])
    seen = persistent("Names only", VRaw, [], dependency=False)


def insert(level):
    """Make what is looked at: objects at a level, and a public one that points to them."""
    context.set_privileges(5)
    base = VBase(name=f"b{level}").commit()
    context.set_privileges(level)
    raw = VRaw(name=f"v{level}", value=float(level), base=base).commit()
    many = register_bulk(VRaw, {"name": [f"many{level}"] * 70, "value": np.full(70, float(level))})
    context.set_privileges(5)
    kinds = [raw] * 3
    made = VMade(name=f"m{level}", raw=raw, raws=kinds[:1], seen=kinds[:1]).commit()
    register_bulk(VMade, {"name": [f"n{level}"] * 70, "raw": many})
    return raw.object_id, made.object_id


def insert_bias(level, camera, chip):
    """Register a bias that applies at a time of its own, without a file."""
    context.set_privileges(level)
    year = 2000 + level
    columns = {
        "instrument": camera,
        "chip": chip,
        "timestamp_start": np.array([datetime(year, 1, 1)], dtype="datetime64[us]"),
        "timestamp_end": np.array([datetime(year + 1, 1, 1)], dtype="datetime64[us]"),
    }
    return int(register_bulk(BiasFrame, columns)[0])


@pytest.fixture(scope="module")
def world(home, as_user):
    """Objects of the creator at all levels; identifiers by level."""
    VMade(raw=VRaw(base=VBase())).commit()  # the owner makes the tables
    camera = Instrument(name="VIS").commit()
    chip = Chip(instrument=camera, name="v1").commit()
    register_bulk(BiasFrame, {"chip": [chip._id]})
    for who in PEOPLE:
        with as_user(who):
            assert context.user == who
    with as_user("creator"):
        context.add_project("VISIBLE", max_privileges=5)
        context.add_member("VISIBLE", "member")
        context.set_project("VISIBLE")
        found = {level: insert(level) for level in LEVELS}
        bias = {level: insert_bias(level, camera, chip) for level in LEVELS}
    return {"objects": found, "bias": bias, "group": Group(camera._id, chip._id, 0, "")}


@pytest.fixture(params=CASES, ids=[f"{level}-{who}" for level, who in CASES])
def look(request, world, as_user):
    """Level, its object and its public product, and whether this person sees the object."""
    level, who = request.param
    with as_user(who):
        yield level, *world["objects"][level], level >= PEOPLE[who]


def test_queries_and_counts(look):
    level, object_id, _, sees = look
    q = VRaw.name == f"v{level}"
    assert (len(q), q.count(), q.exists()) == (int(sees), int(sees), sees)
    assert len(VRaw.select_all() & (VRaw.value == level)) == 71 * sees
    assert len(Query(DBObject, (VRaw.object_id == object_id).where)) == int(sees)
    assert (q.max("value") is not None) is sees
    assert q.columns("value")["value"].tolist() == [float(level)] * sees
    assert q.columns("name", "value")["name"].tolist() == [f"v{level}"] * sees
    assert len(q.table()) == int(sees)
    assert (f"v{level}" in q._repr_html_()) is sees


def test_identity(look):
    _, object_id, _, sees = look
    if sees:
        assert VRaw(object_id=object_id).object_id == object_id
    else:
        with pytest.raises(ObjectNotFound):
            VRaw(object_id=object_id)


def test_through_a_link(look):
    level, _, _, sees = look
    made = VMade.name == f"m{level}"
    assert len(made) == 1
    values = np.ma.masked_array(made.columns("raw.value")["raw.value"]).filled(-1)
    assert values.tolist() == [float(level) if sees else -1]
    assert [k.raw.name for k in made] == [f"v{level}" if sees else None]
    assert len(VMade.raw.name == f"v{level}") == int(sees)
    assert len(VMade.raw.base.name == f"b{level}") == int(sees)
    assert len(VMade.raws.name == f"v{level}") == int(sees)
    assert len(VMade.seen.name == f"v{level}") == int(sees)
    assert [raw.name for raw in made[0].raws] == [f"v{level}" if sees else None]
    assert [raw.name for raw in made[0].seen] == [f"v{level}" if sees else None]


def test_through_a_link_of_many(look):
    level, _, _, sees = look
    found = [k.raw.value for k in VMade.name == f"n{level}"]
    assert found == [float(level) if sees else None] * 70


def test_lineage(look):
    level, object_id, made_id, sees = look
    up = VMade(object_id=made_id).upstream()
    assert (object_id in {item.object_id for item in up}) is sees
    assert up.hidden == int(not sees)
    assert len(up.objects(VRaw)) == int(sees)
    base = VBase.name == f"b{level}"
    down = base[0].downstream()
    assert down.counts().get("VRaw", 0) == int(sees)
    assert down.hidden == int(not sees)
    assert len(base[0].inverse_objects()) == int(sees)


def test_free_sql(look):
    level, object_id, _, sees = look
    text = f"SELECT object_id FROM \"VRaw\" WHERE name = 'v{level}'"
    assert [str(row[0]) for row in run_sql(text)[1]] == [object_id] * sees


def test_bulk_links(look, world):
    level, _, _, sees = look
    columns = {"name": ["linked"], "raw": np.array([_number(world, level)])}
    if sees:
        context.set_privileges(1)
        assert len(register_bulk(VMade, columns)) == 1
    else:
        with pytest.raises(QueryError, match="no object that you may see"):
            register_bulk(VMade, columns)


def _number(world, level):
    from awlab.backend.database import current_database
    from awlab.backend.database.registry_tables import dbobject

    where = dbobject.c.object_id == world["objects"][level][0]
    return current_database().scalar(dbobject.select().where(where))


def choose(world, level):
    """Choose the bias that applies at the time of the bias of a level."""
    request = Request(group=world["group"], night="", time=datetime(2000 + level, 6, 1))
    found = DatabaseRegistry().candidates(BiasFrame, [request], set(), [])
    chosen = CandidateIndex(found).at(request)
    return None if chosen is None else chosen.id


def test_selection_of_calibrations(look, world):
    level, _, _, sees = look
    assert choose(world, level) == (world["bias"][level] if sees else None)


@pytest.mark.parametrize("who", PEOPLE)
def test_census(world, as_user, who):
    with as_user(who):
        names = len(VMade.raw.name.like("*")) and VRaw.select_all().count()
        assert take_census().objects["VRaw"] == names


def test_the_favourite_of_a_project_is_chosen_before_newer_ones(world, as_user):
    with as_user("creator"):
        context.set_privileges(2)
        camera, chip = Instrument.name == "VIS", Chip.name == "v1"
        old = world["bias"][2]
        newer = insert_bias(2, camera[0], chip[0])
        assert choose(world, 2) == newer
        from awlab.backend.database import current_database

        item = objects_with_ids(current_database(), np.array([old]), BiasFrame)[0]
        context.favourite(item)
        context.favourite(item)  # twice is once
        assert choose(world, 2) == old
        assert favourites("VISIBLE") == {old}
    with as_user("member"):  # works in another project, then in that one
        assert choose(world, 2) == newer
        context.set_project("VISIBLE")
        assert choose(world, 2) == old
        context.unfavourite(item)
        assert choose(world, 2) == newer


def test_identical_files_of_two_users_are_two_objects_unless_they_share(world, as_user):
    """A private archive does not show, by a link or a refusal, that it has a file."""
    with as_user("creator"):
        context.set_project("VISIBLE")
        context.set_privileges(1)
        mine = RawFits(content_sha256="private", orig_filename="secret.fits").commit()
        context.set_privileges(2)
        ours = RawFits(content_sha256="ours", orig_filename="ours.fits").commit()
        again = RawFits(content_sha256="ours", orig_filename="copy.fits").commit()
        assert again == ours
        assert again.orig_filename == "ours.fits"
    with as_user("member"):
        theirs = RawFits(content_sha256="private", orig_filename="own.fits").commit()
        assert theirs != mine
        assert RawFits(object_id=theirs.object_id).orig_filename == "own.fits"
        assert RawFits(content_sha256="ours").commit() == ours
    with as_user("stranger"):
        assert RawFits(content_sha256="ours").commit() != ours
