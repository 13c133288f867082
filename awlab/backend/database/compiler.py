"""The one compiler: a query tree in, one SQLAlchemy Core statement out.

One aliased join per distinct link path. A join is INNER where a condition that must hold needs
it, LEFT under OR and NOT. A class with several tables is a UNION ALL of them with only the
columns needed. A path through a list of links is an EXISTS.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa

from awlab.backend.database.attributes import Persistent
from awlab.backend.database.class_tables import (
    Catalog,
    column_types,
    members_table,
    sql_type,
    table_of,
)
from awlab.backend.database.context import VISIBILITY, visible
from awlab.backend.database.expression import (
    And,
    Between,
    Compare,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    WithIds,
)
from awlab.backend.database.meta import concrete_subclasses
from awlab.backend.database.registry_tables import dbobject
from awlab.backend.database.resolve import column_name, walk_path

__all__ = ["CLASS_COLUMN", "Scope", "entity"]

CLASS_COLUMN = "class_number"

Names = tuple[str, ...]


def entity(known: Catalog, cls: Any, columns: list[str], *, numbered: bool = False) -> Any:
    """Return what to select from for a class: its table, or a union of tables.

    Parameters
    ----------
    known : Catalog
        What tables the database has.
    cls : type
        Persistent class, abstract or not.
    columns : list of str
        Columns needed.
    numbered : bool
        Add the class number of every row.

    Returns
    -------
    FromClause
        An alias with at least these columns.
    """
    types = column_types(cls)
    leaves = [leaf for leaf in concrete_subclasses(cls) if known.get(leaf.__name__)]
    if len(leaves) == 1 and not numbered:
        stored = known.get(leaves[0].__name__)
        if stored and all(name in stored.columns for name in columns):
            return table_of(leaves[0]).alias()
    if not leaves:
        nothing = [sa.cast(sa.null(), types[name]).label(name) for name in columns]
        number = [sa.cast(sa.null(), sa.Integer).label(CLASS_COLUMN)] if numbered else []
        return sa.select(*nothing, *number).where(sa.false()).subquery()
    selects = [_leaf(known, leaf, columns, types, numbered=numbered) for leaf in leaves]
    return selects[0].subquery() if len(selects) == 1 else sa.union_all(*selects).subquery()


def _leaf(
    known: Catalog, leaf: Any, columns: list[str], types: dict[str, Any], *, numbered: bool
) -> sa.Select[Any]:
    stored = known.get(leaf.__name__)
    assert stored is not None  # entity() asked for it
    table = table_of(leaf)
    picked = [
        table.c[name] if name in stored.columns else sa.cast(sa.null(), types[name]).label(name)
        for name in columns
    ]
    number = [sa.literal(stored.class_id, sa.Integer).label(CLASS_COLUMN)] if numbered else []
    return sa.select(*picked, *number)


def _judged_by(cls: Any) -> dict[str, None]:
    """Columns that decide who sees an object; none for what everybody sees."""
    return {} if cls._named_for_all else dict.fromkeys(VISIBILITY)


class Scope:
    """The FROM clause of one SELECT: a root class and the links reached from it.

    Use in two passes: `need` every path (or `require` a condition), then `column` and `condition`.

    Parameters
    ----------
    known : Catalog
        What tables the database has.
    root : type
        Persistent class.
    numbered : bool
        Make the class number of every row available.
    """

    def __init__(self, known: Catalog, root: Any, *, numbered: bool = False) -> None:
        self.known = known
        self.root = root
        self.numbered = numbered
        self._needs: dict[Names, dict[str, None]] = {(): {"id": None}}
        self._inner: set[Names] = set()
        self._classes: dict[Names, Any] = {(): root}
        self._entities: dict[Names, Any] = {}

    # -- first pass ------------------------------------------------------------------------

    def need(self, path: Names, *, inner: bool = False) -> tuple[Names, str]:
        """Ask for a column; return the link path it hangs on and its name."""
        steps = walk_path(self.root, path)
        prefix: Names = ()
        rest: list[Persistent] = []
        for position, step in enumerate(steps):
            rest.append(step)
            if step.kind == "link" and position + 1 < len(steps):
                self._needs[prefix][step.name] = None
                prefix = (*prefix, step.name)
                self._needs.setdefault(prefix, {"id": None, **_judged_by(step.type)})
                self._classes[prefix] = step.type
                if inner:
                    self._inner.add(prefix)
                rest = []
        name = column_name(tuple(rest))
        self._needs[prefix][name] = None
        return prefix, name

    def require(self, node: Node, *, inner: bool = True) -> None:
        """Ask for all columns of a condition."""
        match node:
            case And(items):
                for item in items:
                    self.require(item, inner=inner)
            case Or(items):
                for item in items:
                    self.require(item, inner=False)
            case Not(item):
                self.require(item, inner=False)
            case WithIds():
                pass  # the id is always there
            case _:
                before, step, _ = self._at_list(node.path)
                if step is not None:
                    self.need((*before, "object_id") if before else ("object_id",), inner=inner)
                else:
                    rejects_null = not isinstance(node, IsNull) and not (
                        isinstance(node, Compare) and node.op == "!="
                    )
                    self.need(node.path, inner=inner and rejects_null)

    # -- second pass -----------------------------------------------------------------------

    def _entity(self, prefix: Names) -> Any:
        found = self._entities.get(prefix)
        if found is None:
            numbered = self.numbered and prefix == ()
            columns = list(self._needs[prefix])
            found = entity(self.known, self._classes[prefix], columns, numbered=numbered)
            self._entities[prefix] = found
        return found

    def column(self, path: Names) -> Any:
        """Return the column of a path asked for before."""
        prefix, name = self.need(path)
        return self._entity(prefix).c[name]

    def id(self, prefix: Names = ()) -> Any:
        """Return the id column of the root, or of a link path."""
        return self._entity(prefix).c.id

    def _seen(self, prefix: Names) -> Any:
        """Return the condition that the context shows the object at a link path."""
        names = _judged_by(self._classes[prefix])
        return visible(*(self._entity(prefix).c[name] for name in names)) if names else sa.true()

    def root_column(self, name: str) -> Any:
        """Return a plain column of the root class."""
        self._needs[()][name] = None
        return self._entity(()).c[name]

    def class_number(self) -> Any:
        """Return the class number of the root's rows."""
        return self._entity(()).c[CLASS_COLUMN]

    def source(self) -> Any:
        """Return the FROM clause with all joins."""
        clause = self._entity(())
        for prefix in sorted(self._needs, key=len):
            if prefix:
                child, parent = self._entity(prefix), self._entity(prefix[:-1])
                # A link to what the context does not show leads to nothing.
                match = sa.and_(parent.c[prefix[-1]] == child.c.id, self._seen(prefix))
                clause = clause.join(child, match, isouter=prefix not in self._inner)
        return clause

    def condition(self, node: Node) -> Any:
        """Compile a condition."""
        match node:
            case And(items):
                return sa.and_(sa.true(), *(self.condition(item) for item in items))
            case Or(items):
                return sa.or_(sa.false(), *(self.condition(item) for item in items))
            case Not(item):
                # The complement: a missing value makes the item not true, so NOT takes it in.
                return self.condition(item).is_not(sa.true())
            case WithIds(ids):
                return self.id() == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.BigInteger)))
            case _:
                before, step, after = self._at_list(node.path)
                if step is not None:
                    return self._exists(node, before, step, after)
                return self._leaf_condition(node)

    def _leaf_condition(self, node: Any) -> Any:
        step = walk_path(self.root, node.path)[-1]
        if step.name == "object_id" and not isinstance(node, IsNull):
            return self._identity(node, node.path[:-1])
        return _compare(node, self.column(node.path), step)

    def _identity(self, node: Any, prefix: Names) -> Any:
        """Compare an object_id through the one index it has, that of the root table."""
        found = sa.select(dbobject.c.id).where(
            _compare(node, dbobject.c.object_id, self.root._attributes["object_id"])
        )
        self.need(node.path)
        return self.id(prefix).in_(found)

    def _at_list(self, path: Names) -> tuple[Names, Persistent | None, Names]:
        """Split a path at its first list of links."""
        for position, step in enumerate(walk_path(self.root, path)):
            if step.kind == "links":
                return path[:position], step, path[position + 1 :]
        return path, None, ()

    def _exists(self, node: Any, before: Names, step: Persistent, after: Names) -> Any:
        rows = members_table(step).alias()
        here = sa.and_(rows.c.target == self.id(before), rows.c.role == self.known.role(step.name))
        if not after:
            if isinstance(node, IsNull):
                return ~sa.exists().where(here)
            return sa.exists().where(here, _compare(node, rows.c.source, step))
        inner = Scope(self.known, step.type)
        moved = _move(node, after)
        inner.require(moved)
        for name in _judged_by(step.type):
            inner.need((name,))
        wanted = sa.and_(inner.condition(moved), inner._seen(()))
        clause = inner.source().join(rows, rows.c.source == inner.id())
        return sa.exists(sa.select(sa.literal(1)).select_from(clause).where(here, wanted))


def _move(node: Any, path: Names) -> Node:
    match node:
        case Compare(_, op, value):
            return Compare(path, op, value)
        case In(_, values):
            return In(path, values)
        case Between(_, low, high):
            return Between(path, low, high)
        case Like(_, pattern):
            return Like(path, pattern)
        case _:
            return IsNull(path)


def _operand(value: Any) -> Any:
    """An object stands for its row number."""
    return value._id if hasattr(value, "object_id") else value


def like_pattern(pattern: str) -> str:
    r"""Turn ``*`` and ``?`` into SQL's wildcards, and SQL's own into plain characters.

    Examples
    --------
    >>> like_pattern("KIDS_*_i?")
    'KIDS\\_%\\_i_'
    """
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _compare(node: Any, column: Any, step: Persistent) -> Any:
    kind = sa.BigInteger() if step.is_link else sql_type(step)
    match node:
        case IsNull():
            return column.is_(None)
        case Like(_, pattern):
            return sa.cast(column, sa.Text).like(like_pattern(pattern), escape="\\")
        case Between(_, low, high):
            return column.between(sa.literal(low, kind), sa.literal(high, kind))
        case In(_, values):
            wanted = sa.literal([_operand(value) for value in values], sa.ARRAY(kind))
            return column == sa.any_(wanted)
    value = sa.literal(_operand(node.value), kind)
    match node.op:
        case "==":
            return column == value
        case "!=":
            return column.is_distinct_from(value)
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return _number(column > value, column, node.value)
        case _:
            return _number(column >= value, column, node.value)


def _number(greater: Any, column: Any, value: Any) -> Any:
    """Leave out what is not a number: PostgreSQL takes it as the greatest, NumPy and people not."""
    if not isinstance(value, float) or math.isnan(value):
        return greater
    return sa.and_(greater, column != sa.literal(math.nan, sa.Double))
