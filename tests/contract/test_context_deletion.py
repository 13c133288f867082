"""Contract, section 4: deleting what nothing depends on, favourites."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from awlab.backend.database import (
    DBObject,
    Query,
    amend,
    commit_objects,
    context,
    current_database,
    persistent,
)
from awlab.backend.database.registry_tables import amendment, dbobject, edge, reference, tombstone
from awlab.backend.datamodel import Comment, DataObject, Judged, Tag, current_dataserver
from awlab.backend.errors import AccessDenied, ObjectNotFound, QueryError


class DChip(DBObject):
    _lineage_node = False
    name = persistent("Name", str, "")


class DRaw(Judged):
    name = persistent("Name", str, "")
    chip = persistent("Chip", DChip)


class DMade(Judged):
    raws = persistent("Raws", DRaw, [])
    chips = persistent("Chips it covers", DChip, [])
    before = persistent("The one before", DBObject, dependency=False)


class DFile(DataObject):
    """A file."""


@pytest.fixture
def chain(database):
    raws = [DRaw(name=f"d{i}") for i in range(3)]
    made = DMade(raws=raws[:2])
    commit_objects([made, raws[2]])
    return raws, made


def count(table, *where):
    statement = sa.select(sa.func.count()).select_from(table).where(*where)
    return current_database().scalar(statement)


def exists(item):
    return Query(DBObject, (type(item).object_id == item.object_id).where).exists()


def test_first_it_is_shown(chain):
    raws, _ = chain
    shown = context.delete(raws)
    assert shown.goes == {"DRaw": 1}
    assert not shown.done
    assert {kept.label for kept in shown.kept} == {"DRaw d0", "DRaw d1"}
    text = repr(shown)
    assert "would delete 1 DRaw; confirm=True does it" in text
    assert "kept DRaw d0: 1 DMade refer to it" in text
    assert all(exists(raw) for raw in raws)
    assert count(tombstone, tombstone.c.id == raws[2]._id) == 0


def test_then_it_is_done(chain):
    raws, made = chain
    amend([made], {"is_valid": 0}, "bad")
    done = context.delete([*raws, made], confirm=True, reason="a try")
    assert done.goes == {"DMade": 1, "DRaw": 3}
    assert done.kept == ()
    assert not any(exists(item) for item in (*raws, made))
    for table, column in ((edge, "target"), (amendment, "object"), (dbobject, "id")):
        assert count(table, table.c[column] == made._id) == 0
    stone = current_database().rows(sa.select(tombstone).where(tombstone.c.id == made._id))[0]
    assert (str(stone.object_id), stone.class_name) == (made.object_id, "DMade")
    assert (stone.member, stone.reason) == (context.user, "a try")
    with pytest.raises(ObjectNotFound, match=r"was deleted by .*: a try"):
        DMade(object_id=made.object_id)
    assert context.delete(Query(DMade, (DMade.object_id == made.object_id).where)).goes == {}


def test_remarks_and_favourites_go_too(database):
    raw = DRaw(name="remarked").commit()
    remark = raw.comment("first")
    loud = raw.tag("loud")
    context.publish(loud, 3)
    remark_on_remark = Comment(subject=remark, content="indeed").commit()
    done = context.delete(raw, confirm=True)
    assert done.goes == {"DRaw": 1, "Comment": 2, "Tag": 1}
    assert not any(exists(item) for item in (raw, remark, loud, remark_on_remark))
    assert not (Tag.name == "loud").exists()


@pytest.mark.parametrize("how", ["link that is no dependency", "list that is no dependency"])
def test_a_name_keeps_what_it_names(database, how):
    chip, old = DChip(name="kept").commit(), DMade().commit()
    if how.startswith("list"):
        held, holder = chip, DMade(chips=[chip]).commit()
    else:
        held, holder = old, DMade(before=old).commit()
    assert context.delete(held, confirm=True).kept[0].why == "1 DMade refer to it"
    assert exists(held)
    done = context.delete([held, holder], confirm=True)
    assert sum(done.goes.values()) == 2
    assert count(reference, reference.c.target == holder._id) == 0


def test_public_objects_and_those_of_others_stay(chain, as_user):
    raws, _ = chain
    context.publish(raws[2], 3)
    assert "public" in context.delete(raws[2], confirm=True).kept[0].why
    with as_user("dora"):
        context.add_project("DELETE")
        context.add_member("DELETE", "emil")
        context.set_project("DELETE")
        context.set_privileges(2)
        shared = DRaw(name="shared").commit()
    with as_user("emil"):
        context.set_project("DELETE")
        kept = context.delete(DRaw(object_id=shared.object_id), confirm=True).kept
        assert kept[0].why == "it belongs to dora, and you do not manage project DELETE"
        context.set_privileges(2)
        mine = DRaw(name="emil's").commit()
    with as_user("dora"):  # the manager may
        assert context.delete(DRaw(object_id=mine.object_id), confirm=True).goes == {"DRaw": 1}
    assert exists(raws[2])


def test_files_are_let_go_of(database, tmp_path):
    path = tmp_path / "d.txt"
    path.write_text("some text")
    item = DFile(pathname=path).store().commit()
    assert context.delete(item).filenames == (item.filename,)
    assert current_dataserver().exists(item.filename)
    assert context.delete(item, confirm=True).filenames == (item.filename,)
    assert not current_dataserver().exists(item.filename)


def test_a_file_that_another_object_has_stays(database, tmp_path):
    path = tmp_path / "e.txt"
    path.write_text("the same text")
    first, second = DFile(pathname=path).store(), DFile(pathname=path).store()
    commit_objects([first, second])
    assert first.filename == second.filename
    assert context.delete(first, confirm=True).filenames == ()
    assert current_dataserver().exists(first.filename)
    assert second.retrieve().read_text() == "the same text"


@pytest.mark.parametrize(
    "statement",
    [
        'DELETE FROM "DRaw" WHERE id = :i',
        "DELETE FROM dbobject WHERE id = :i",
        "DELETE FROM edge WHERE source = :i",
        "UPDATE edge SET source = 1 WHERE source = :i",
        "UPDATE dbobject SET creator = 'me' WHERE id = :i",
        'TRUNCATE "DRaw"',
        "TRUNCATE edge",
        "DELETE FROM tombstone",
    ],
)
def test_there_is_no_other_way(chain, database, statement):
    raws, _ = chain
    values = {"i": raws[0]._id} if ":i" in statement else {}
    refused = pytest.raises(sa.exc.DBAPIError, match=r"tombstone|refused|never changes")
    with refused, database.transaction() as connection:
        connection.execute(sa.text(statement), values)
    assert exists(raws[0])


def test_a_tombstone_alone_does_not_delete_what_is_used(chain, database):
    raws, _ = chain
    bury = """INSERT INTO tombstone SELECT id, object_id, 'DRaw', creator, project, privileges,
        creation_date, creator, creation_date, '' FROM dbobject WHERE id = :i"""
    deletions = (f"DELETE FROM {table} WHERE id = :i" for table in ('"DRaw"', "dbobject"))
    refused = pytest.raises(sa.exc.DBAPIError, match="was used stays")
    with refused, database.transaction() as connection:
        for statement in (bury, *deletions):
            connection.execute(sa.text(statement), {"i": raws[0]._id})
    assert exists(raws[0])


def test_nothing_is_made_from_what_is_being_deleted(database):
    """One deletes while others make things from it: either it is kept, or they are refused."""
    raws = [DRaw(name="raced") for _ in range(12)]
    commit_objects(raws)
    outcome = {}

    def make(raw):
        try:
            outcome[raw._id] = DMade(raws=[raw]).commit()
        except Exception as exc:
            outcome[raw._id] = exc

    threads = [threading.Thread(target=make, args=(raw,)) for raw in raws]
    for thread in threads:
        thread.start()
    for raw in raws:
        context.delete(raw, confirm=True)
    for thread in threads:
        thread.join(30)
    for raw in raws:
        assert exists(raw) is isinstance(outcome[raw._id], DMade)
    from awlab.backend.database import incomplete_objects

    assert incomplete_objects() == {}


def test_a_walk_whose_objects_were_deleted_says_so(chain):
    raws, made = chain
    lineage, query = made.upstream(), DRaw.name.like("d?")
    assert len(query) >= 3
    context.delete([made, *raws], confirm=True)
    with pytest.raises(ObjectNotFound, match=r"2 objects of .* were deleted meanwhile"):
        lineage.table()
    assert not set(raws) & set(query)


def test_a_role_that_may_only_add(database, as_user):
    with database.transaction() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS adder")
        connection.exec_driver_sql("CREATE ROLE adder LOGIN")
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA awlab TO adder")
        for kind in ("TABLES", "SEQUENCES"):
            connection.exec_driver_sql(f"GRANT ALL ON ALL {kind} IN SCHEMA awlab TO adder")
        connection.exec_driver_sql("REVOKE UPDATE, DELETE ON ALL TABLES IN SCHEMA awlab FROM adder")
    with as_user("adder", member=False):
        mine = DRaw(name="added").commit()
        for act in (lambda: context.publish(mine, 3), lambda: context.delete(mine, confirm=True)):
            with pytest.raises(AccessDenied, match="the role adder may not"):
                act()
        assert exists(mine)


def test_favourites_need_a_validity(chain):
    with pytest.raises(QueryError, match="favourite"):
        context.favourite(chain[0][0])
