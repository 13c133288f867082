"""Contract, section 4: publishing, withdrawing, moving to another project."""

from __future__ import annotations

import pytest

from awlab.backend.database import DBObject, amend, context, history, persistent
from awlab.backend.errors import AccessDenied, ImmutableObject, QueryError


class SRaw(DBObject):
    name = persistent("Name", str, "")


class SMade(DBObject):
    raws = persistent("Raws", SRaw, [])
    other = persistent("Another", DBObject)


class SNamed(DBObject):
    _named_for_all = True
    _lineage_node = False
    name = persistent("Name", str, "")


@pytest.fixture(scope="module")
def project(home, as_user):
    """A project of anna and ben, at most privileges 4; cleo is a stranger."""
    SNamed(name="first").commit()
    SMade(raws=[SRaw(name="first")]).commit()  # the owner makes the tables
    with as_user("ben"), as_user("cleo"):
        assert context.user == "cleo"
    with as_user("anna"):
        context.add_project("SHARE", max_privileges=4)
        context.add_member("SHARE", "ben")
        context.set_project("SHARE")
    with as_user("ben"):
        context.set_project("SHARE")
    return "SHARE"


@pytest.fixture
def chain(as_user, project):
    """A chain of three objects of anna's at privileges 1: raws, made from them, made from that."""
    with as_user("anna"):
        raws = [SRaw(name=f"raw{i}") for i in range(2)]
        first = SMade(raws=raws)
        last = SMade(other=first)
        last.commit()
        yield raws, first, last


def levels(*objects):
    from awlab.backend.database import Query

    numbers = {o.object_id: o.privileges for o in Query(DBObject)}
    return [numbers[o.object_id] for o in objects]


def test_publishing_is_refused_while_an_input_is_more_private(chain):
    raws, first, last = chain
    with pytest.raises(AccessDenied, match=r"1 SMade, 2 SRaw.*raw0.*dependencies=True"):
        context.publish(last, 3)
    assert levels(*raws, first, last) == [1, 1, 1, 1]


def test_the_whole_closure_is_raised_with_history(chain):
    raws, first, last = chain
    done = context.publish(last, 3, dependencies=True, reason="paper accepted")
    assert done.counts == {"SMade": 2, "SRaw": 2}
    assert levels(*raws, first, last) == [3, 3, 3, 3]
    assert last.privileges == 3
    entry = history(raws[0])[-1]
    assert (entry.attribute, entry.old, entry.new) == ("privileges", "1", "3")
    assert (entry.reason, entry.member) == ("paper accepted", "anna")
    assert len(context.publish(last, 3)) == 0


def test_a_query_is_published_at_once(chain):
    raws, first, _ = chain
    with pytest.raises(QueryError, match="no committed object"):
        context.publish("a name", 3)
    context.publish(first.upstream().objects(SRaw), 2)
    assert levels(*raws) == [2, 2]


def test_withdrawing_is_refused_while_something_less_private_depends_on_it(chain):
    raws, first, last = chain
    context.publish(last, 3, dependencies=True)
    with pytest.raises(AccessDenied, match=r"less private than 2 .*2 SMade"):
        context.publish(raws, 2)
    context.publish([*raws, first, last], 2)
    assert levels(*raws, first, last) == [2, 2, 2, 2]


def test_the_maximum_of_the_project(chain):
    raws, first, last = chain
    with pytest.raises(AccessDenied, match="SHARE allows privileges up to 4, not 5"):
        context.publish(last, 5, dependencies=True)
    assert levels(*raws, first, last) == [1, 1, 1, 1]


def test_the_virtual_observatory_is_a_level_too(as_user, project):
    with as_user("anna"):
        context.set_project("anna")
        try:
            made = SMade(raws=[SRaw()]).commit()
            context.publish(made, 4, dependencies=True)
            with pytest.raises(AccessDenied, match="1 SRaw"):
                context.publish(made, 5)
            context.publish(made, 5, dependencies=True)
            assert levels(made, *made.raws) == [5, 5]
        finally:
            context.set_project("SHARE")


def test_others_publish_only_what_they_share(chain, as_user):
    raws, first, _ = chain
    context.publish(raws, 2)
    with as_user("ben"):
        context.publish(SRaw(object_id=raws[0].object_id), 3)
    with as_user("cleo"):
        theirs = SRaw(object_id=raws[0].object_id)
        with pytest.raises(AccessDenied, match="not yours to publish"):
            context.publish(theirs, 4)
    with as_user("ben"):
        withdrawn = SRaw(object_id=raws[0].object_id)
        with pytest.raises(AccessDenied, match="not yours to withdraw"):
            context.publish(withdrawn, 1)
    with as_user("ben"):
        secret = SMade(other=first).commit()
        with pytest.raises(AccessDenied, match="that you may not see"):
            context.publish(secret, 3)
        with pytest.raises(AccessDenied, match="not yours to publish"):
            context.publish(secret, 3, dependencies=True)


@pytest.mark.parametrize("level", [0, 6, "world", None])
def test_levels_that_do_not_exist(chain, level):
    with pytest.raises(QueryError, match="do not exist"):
        context.publish(chain[2], level)


def test_names_are_everybody_s(chain):
    with pytest.raises(QueryError, match="seen by everybody"):
        context.publish(SNamed.name == "first", 2)


def test_privileges_have_no_side_door(chain):
    for attribute in ("privileges", "project"):
        with pytest.raises(ImmutableObject, match=r"context\.(publish|migrate)"):
            amend([chain[0][0]], {attribute: 3}, "no")


def test_moving_takes_the_inputs_along(chain):
    raws, first, last = chain
    context.add_project(f"MOVE{raws[0]._id}", max_privileges=2)
    name = f"MOVE{raws[0]._id}"
    done = context.migrate(last, name, reason="new survey")
    assert done.counts == {"SMade": 2, "SRaw": 2}
    assert {SRaw(object_id=raw.object_id).project for raw in raws} == {name}
    assert history(first)[-1].old == "SHARE"
    assert last.project == name
    # Public inputs stay; what exceeds the maximum of the other project does not move.
    context.migrate(last, "SHARE")
    context.publish(last, 3, dependencies=True)
    with pytest.raises(AccessDenied, match=f"{name} allows privileges up to 2"):
        context.migrate(last, name)


def test_moving_strands_nobody(chain):
    raws, _, last = chain
    context.publish(last, 2, dependencies=True)
    with pytest.raises(AccessDenied, match="would lose sight"):
        context.migrate(raws[0], "anna")
    with pytest.raises(AccessDenied, match="not a member"):
        context.migrate(last, "SECRET")
    context.migrate(last, "anna")
    assert {o.project for o in (*SRaw.select_all(), *SMade.select_all()) if o in raws} == {"anna"}


def test_privileges_2_of_another_project_do_not_help(as_user, project, chain):
    _, first, _ = chain
    context.publish(first, 2, dependencies=True)
    context.set_project("anna")
    try:
        mine = SMade(other=first).commit()
        with pytest.raises(AccessDenied, match="another project than anna"):
            context.publish(mine, 2)
        context.publish(first, 3, dependencies=True)
        context.publish(mine, 2)
    finally:
        context.set_project("SHARE")
