"""Declaring persistent classes: one clear sentence for everything that cannot be kept."""

from __future__ import annotations

from datetime import datetime

import pytest

from awlab.backend.database import Database, DBObject, Struct, context, persistent
from awlab.backend.database import connection as room
from awlab.backend.database.class_tables import catalog
from awlab.backend.database.meta import _registry
from awlab.backend.database.stand_in import class_of
from awlab.backend.errors import AwlabError, DefinitionError, SchemaMismatch, WrongType


class DeclChip(DBObject):
    _lineage_node = False
    name = persistent("Name", str, "")


class DeclBase(DBObject, abstract=True):
    level = persistent("Level [ADU]", float)
    chip = persistent("Chip", DeclChip)

    def act(self):
        """Do something."""


def declare(name, module="__main__", bases=(DBObject,), **attributes):
    return type(DBObject)(name, bases, {"__module__": module, **attributes})


def one(doc="A", type_=int, default=None, **more):
    return persistent(doc, type_, default, **more)


NAMES = {
    "_hidden": "not a name",
    "größe": "not a name",
    "class": "not a name",
    "like": "query language",
    "in_": "query language",
    "id": "query language",
    "xmin": "PostgreSQL",
    "ctid": "PostgreSQL",
    "commit": "would hide DBObject.commit",
    "upstream": "would hide DBObject.upstream",
    "select": "would hide DBObject.select",
    "is_committed": "would hide DBObject.is_committed",
    "a" * 64: "64 characters",
}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12])
def test_forbidden_names(name):
    with pytest.raises(DefinitionError, match=NAMES[name]) as caught:
        declare("DeclBad", **{name: one()})
    assert caught.value.hint
    assert "DeclBad" in caught.value.message
    assert "DeclBad" not in _registry


@pytest.mark.parametrize("name", ["order", "group", "user", "table", "from_", "WHERE", "all"])
def test_words_of_sql_are_names_like_others(database, name):
    cls = declare(f"DeclSql{name}", **{name: one(default=3)})
    item = cls(**{name: 7}).commit()
    assert len(getattr(cls, name) == 7) == 1
    assert getattr(cls(object_id=item.object_id), name) == 7
    assert cls.select_all().columns(name)[name].tolist() == [7]


CLASSES = {
    "edge": "table of awlab",
    "project": "table of awlab",
    "a b": "not a name",
    'x"; DROP TABLE edge; --': "not a name",
    "L" * 51: "not a name",
}


@pytest.mark.parametrize("name", CLASSES, ids=lambda name: name[:8])
def test_forbidden_class_names(name):
    with pytest.raises(DefinitionError, match=CLASSES[name]):
        declare(name, a=one())


DECLARATIONS = {
    "no documentation": (lambda: one(doc=" "), "documentation"),
    "a set": (lambda: one(type_=set), "not a type"),
    "a text for a number": (lambda: one(default="x"), "whole number"),
    "a text in a list of numbers": (lambda: one(default=[1, "x"]), "whole number"),
    "a list for a dict": (lambda: one(type_=dict, default=[]), "not a dict"),
    "a link with a value": (lambda: one(type_=DeclChip, default=3), "default is None"),
    "an int beyond 64 bits": (lambda: one(default=2**63), "64 bits"),
    "NaN inside a dict": (lambda: one(type_=dict, default={"a": float("nan")}), "inside a list"),
}


@pytest.mark.parametrize("case", DECLARATIONS)
def test_bad_declarations(case):
    make, words = DECLARATIONS[case]
    with pytest.raises((DefinitionError, WrongType), match=words):
        make()


@pytest.mark.parametrize("doc", ["A [furlongs per fortnight]", "A [ADU/]", "A [[s]]"])
def test_unknown_units(doc):
    if doc.endswith("]]"):
        declare("DeclUnit", a=persistent(doc, float))  # no unit: the brackets do not close a word
        return
    with pytest.raises(DefinitionError, match=r"DeclUnit\.a: .* is not a unit"):
        declare("DeclUnit", a=persistent(doc, float))


def test_a_method_does_not_hide_an_attribute():
    with pytest.raises(DefinitionError, match=r"would hide the persistent attribute DeclBase\.lev"):
        declare("DeclHides", bases=(DeclBase,), level=property(lambda self: 3))
    with pytest.raises(DefinitionError, match=r"changes the type that DeclBase declares"):
        declare("DeclHides", bases=(DeclBase,), level=one(type_=str))


def test_columns_that_meet():
    struct = type(Struct)("DeclStat", (Struct,), {"mean": persistent("Mean", float)})
    with pytest.raises(DefinitionError, match="share a column name"):
        declare("DeclMeet", a=persistent("A", struct), a_mean=persistent("B", float))


def test_defaults_are_not_shared(database):
    shared = {"inner": [1]}
    cls = declare("DeclDefault", d=persistent("D", dict, shared), a=persistent("A", float, [1.0]))
    first, second = cls(), cls()
    first.d["inner"].append(2)
    first.a.append(2.0)
    assert (second.d, second.a) == ({"inner": [1]}, [1.0])
    assert cls().d == {"inner": [1]}
    first.commit()
    assert cls(object_id=first.object_id).d == {"inner": [1, 2]}


def test_two_classes_of_one_name():
    declare("DeclTwice", "survey.a", a=one())
    declare("DeclTwice", "survey.a", a=one())  # the module was reloaded
    for module, told in (("survey.b", "module survey.b"), ("__main__", "this notebook")):
        with pytest.raises(DefinitionError, match=f"in module survey.a, .* in {told}"):
            declare("DeclTwice", module, a=one())
    with pytest.raises(DefinitionError, match="class of awlab"):
        declare("RawBiasFrame", a=one())
    declare("DeclMoved", "__main__", a=one())
    declare("DeclMoved", "__mp_main__", a=one())  # the same notebook in a worker process


def test_the_code_of_a_class_replaces_what_was_read_from_the_database(database):
    number = catalog(database).get
    cls = declare("DeclStranger", "survey.c", a=one())
    cls(a=5).commit()
    del _registry["DeclStranger"]  # as in a process that has not imported the module
    stand_in = class_of(catalog(database), number("DeclStranger").class_id)
    assert [item.a for item in stand_in.select_all()] == [5]
    code = declare("DeclStranger", "survey.c", a=one())
    assert [type(item) for item in code.select_all()] == [code]


# -- the same cell again -------------------------------------------------------------------------

CHANGES = {
    "added": ({"a": one(), "b": one(type_=str)}, None),
    "the same": ({"a": one()}, None),
    "another documentation": ({"a": one(doc="Another")}, None),
    "another type": ({"a": one(type_=str)}, r"\.a was int and is now str"),
    "removed": ({"c": one()}, r"\.a is gone from the class"),
    "a list": ({"a": one(default=[])}, r"\.a was int and is now a list of int"),
    "a link": ({"a": one(type_=DeclChip)}, r"\.a was int and is now DeclChip"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_cell_run_again(database, change):
    attributes, refused = CHANGES[change]
    name = f"DeclCell{list(CHANGES).index(change)}"
    old = declare(name, a=one())(a=1).commit()
    new = declare(name, **attributes)
    if refused:
        with pytest.raises(SchemaMismatch, match=name + refused) as caught:
            new().commit()
        assert "name" in caught.value.hint
        declare(name, a=one())(a=2).commit()  # the declaration of before goes on
    else:
        new(a=2).commit()
        assert new(object_id=old.object_id).a == 1
        assert sorted(new.select_all().columns("a")["a"].tolist()) == [1, 2]


@pytest.mark.parametrize("default", [None, []])
def test_a_link_may_become_narrower_but_not_another(database, default):
    name = f"DeclLink{default is None}"
    declare(name, a=persistent("A", DeclBase, default))().commit()
    source = declare("DeclNarrow", bases=(DeclBase,))
    declare(name, a=persistent("A", source, default))().commit()
    declare(name, a=persistent("A", DeclBase, default, dependency=True))().commit()
    with pytest.raises(SchemaMismatch, match=r"\.a was .*DeclBase and is now .*DeclChip"):
        declare(name, a=persistent("A", DeclChip, default, dependency=True))().commit()


def test_an_array_keeps_its_type(database):
    declare("DeclArray", a=one(default=[1]))().commit()
    with pytest.raises(SchemaMismatch, match=r"was a list of int and is now a list of float"):
        declare("DeclArray", a=persistent("A", float, [1.0]))().commit()


def test_a_class_that_does_not_fit_is_in_nobody_s_way(database):
    declare("DeclBroken", a=one())(a=1).commit()
    broken = declare("DeclBroken", a=one(type_=str))
    declare("DeclFine", a=one())(a=1).commit()
    with pytest.raises(SchemaMismatch):
        broken(a="x").commit()


def test_lists_do_not_turn_into_names(database):
    first = declare("DeclList", of=persistent("Of", DeclBase, []))
    first().commit()
    second = declare("DeclList", of=persistent("Of", DeclBase, [], dependency=False))
    with pytest.raises(SchemaMismatch, match=r"DeclList\.of was a list of DeclBase"):
        second().commit()


def test_an_unused_attribute_may_go(database):
    declare("DeclUnused", a=one(), b=one())(a=1).commit()
    cls = declare("DeclUnused", a=one())
    assert cls(a=2).commit().a == 2


def test_an_older_version_of_a_module_takes_nothing_from_a_newer_one(database):
    """Lineage of a newer class is written also after a process with the older one has committed."""
    source = declare("DeclSource", "survey.d")

    def older():
        return declare("DeclShared", "survey.d", a=one())

    def newer():
        return declare("DeclShared", "survey.d", a=one(), src=persistent("Source", source))

    older()(a=1).commit()
    new = newer()
    new(a=2, src=source()).commit()
    older()(a=3).commit()
    item = new(a=4, src=source().commit()).commit()
    assert len(item.upstream()) == 1
    assert len(new.select_all()) == 4


@pytest.mark.parametrize("name", ["is_valid", "quality_flags"])
def test_one_half_of_a_verdict_is_enough(database, name):
    own = {"__module__": __name__, name: persistent("Verdict", int, 0)}
    cls = type(DBObject)(f"Half{name.title().replace('_', '')}", (DBObject,), own)
    made = cls(**{name: 3}).commit()
    assert getattr(cls(object_id=made.object_id), name) == 3


def test_lists_that_only_name_things(database):
    chips = [DeclChip(name=f"ccd{i}") for i in range(3)]
    cls = declare("DeclMosaic", chips=persistent("Chips", DeclChip, []))
    assert not cls._attributes["chips"].dependency
    item = cls(chips=chips).commit()
    again = cls(object_id=item.object_id)
    assert [chip.name for chip in again.chips] == ["ccd0", "ccd1", "ccd2"]
    assert len(cls.chips.name == "ccd1") == 1
    assert len(cls.chips == chips[2]) == 1
    assert cls.chips.is_null().count() == 0
    assert len(item.upstream()) == 0
    assert len(chips[0].downstream()) == 0
    assert item in chips[0].inverse_objects()


def test_a_table_that_may_not_be_made(database):
    with database.transaction() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS reader")
        connection.exec_driver_sql("CREATE ROLE reader LOGIN")
        connection.exec_driver_sql("GRANT USAGE ON SCHEMA awlab TO reader")
        connection.exec_driver_sql("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA awlab TO reader")
    url = database.url.set(username="reader").render_as_string(hide_password=False)
    reader = Database(url)
    before, room._current = room._current, reader
    try:
        assert context.user == "reader"
        with pytest.raises(AwlabError, match="reader may not make the table of DeclReader"):
            declare("DeclReader", when=persistent("When", datetime))().commit()
    finally:
        room._current = before
        reader.close()
        del _registry["DeclReader"]
