"""``explain``: why two products of the same class differ."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from awlab.backend.database import DBObject
from awlab.backend.errors import QueryError
from awlab.backend.lineage.asked import committed
from awlab.backend.lineage.tree import label_of

__all__ = ["Difference", "explain"]

# Inputs of inputs are compared so many steps up, and so many members of lists are named.
_DEEPEST = 12
_NAMED = 3

_Told = dict[tuple[int, int], "Difference"]


@dataclass(frozen=True)
class Difference:
    """How two objects of a class differ.

    Attributes
    ----------
    first, second : str
        The objects.
    rows : tuple of (str, str, str, str)
        Kind of difference (input, parameter, code, key, result), name, first and second value.
    because : dict
        For inputs that differ: why these differ, by role.
    """

    first: str
    second: str
    rows: tuple[tuple[str, str, str, str], ...]
    because: dict[str, Difference] = field(default_factory=dict)

    def of(self, kind: str) -> list[str]:
        """Return the names that differ in one kind: input, parameter, code, key or result."""
        return [row[1] for row in self.rows if row[0] == kind]

    def __str__(self) -> str:
        lines = [f"a: {self.first}", f"b: {self.second}"]
        if not self.rows:
            return "\n".join([*lines, "made from the same, in the same way: they are equal"])
        return "\n".join([*lines, *self._lines(1)])

    def _lines(self, depth: int) -> list[str]:
        lines = []
        for kind, name, a, b in self.rows:
            if depth > 1 and kind == "result":
                continue  # the results of an input differ because of what is told beside
            lines.append(f"{'  ' * depth}{kind:<9} {name}: {a} | {b}")
            if kind == "input" and name in self.because:
                lines += self.because[name]._lines(depth + 2)
        return lines

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{html.escape(text)}</th>" for text in ("why", "what", self.first, self.second)
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        why = "".join(
            f"<details><summary>why {html.escape(name)} differs</summary>"
            f"{inner._repr_html_()}</details>"
            for name, inner in self.because.items()
        )
        table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f"<table class='awlab-difference'>{table}</table>{why}"


def explain(first: Any, second: Any) -> Difference:
    """Say why two products of the same class differ: inputs, parameters, code, key, results.

    Parameters
    ----------
    first, second : ProcessTarget
        Committed objects of one class.

    Raises
    ------
    QueryError
        If they are not committed, or of different classes.
    """
    return _explain(committed(first), committed(second), _DEEPEST, {})


def _explain(first: Any, second: Any, depth: int, told: _Told) -> Difference:
    """Explain one pair; a pair met on several ways is looked at once."""
    pair = (int(first._id), int(second._id))
    if pair not in told:
        told[pair] = _compare(first, second, depth, told)
    return told[pair]


def _compare(first: Any, second: Any, depth: int, told: _Told) -> Difference:
    if type(first) is not type(second):
        raise QueryError(
            f"{type(first).__name__} and {type(second).__name__} cannot be compared",
            "give two objects of one class",
        )
    rows = [*_inputs(first, second), *_parameters(first, second)]
    code = [getattr(item, "code_version", None) for item in (first, second)]
    if code[0] != code[1]:
        rows.append(("code", "code_version", str(code[0]), str(code[1])))
    rows += _values(first, second)
    because = _because(first, second, [row[1] for row in rows if row[0] == "input"], depth, told)
    a, b = (f"{type(item).__name__} {label_of(item)}" for item in (first, second))
    return Difference(a, b, tuple(rows), because)


def _because(
    first: Any, second: Any, names: list[str], depth: int, told: _Told
) -> dict[str, Difference]:
    """Why the inputs differ that are one object each, of one class."""
    found = {}
    for name in names:
        a, b = getattr(first, name), getattr(second, name)
        if isinstance(a, DBObject) and type(a) is type(b) and depth > 1:
            found[name] = _explain(a, b, depth - 1, told)
    return found


def _name(value: Any) -> str:
    if value is None:
        return "none"
    text = label_of(value)
    made = f" ({value.creation_date:%Y-%m-%d %H:%M:%S})" if value.creation_date else ""
    return f"{text}{made}"


def _inputs(first: Any, second: Any) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, attribute in type(first)._attributes.items():
        if not attribute.is_link or name in ("process_params", "prev"):
            continue
        a, b = getattr(first, name), getattr(second, name)
        kind = "input" if attribute.dependency else "key"
        if attribute.kind == "link" and a != b:
            rows.append((kind, name, _name(a), _name(b)))
        elif attribute.kind == "links" and set(a) != set(b):
            rows.append((kind, name, _only(set(a) - set(b)), _only(set(b) - set(a))))
    return rows


def _only(items: set[Any]) -> str:
    names = [label_of(item) for item in sorted(items, key=lambda item: int(item._id))[:_NAMED]]
    more = ", ..." if len(items) > len(names) else ""
    return f"{len(items)} only here{': ' if names else ''}{', '.join(names)}{more}"


def _parameters(first: Any, second: Any) -> list[tuple[str, str, str, str]]:
    sets = [getattr(item, "process_params", None) for item in (first, second)]
    a, b = ({} if found is None else found.values() for found in sets)
    return [
        ("parameter", name, str(a.get(name)), str(b.get(name)))
        for name in {**a, **b}
        if a.get(name) != b.get(name)
    ]


def _values(first: Any, second: Any) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, attribute in type(first)._attributes.items():
        if attribute.kind not in ("value", "struct") or name in _BOOKKEEPING:
            continue
        a, b = getattr(first, name), getattr(second, name)
        if attribute.kind == "struct":
            rows += [
                ("result", f"{name}.{f}", str(getattr(a, f)), str(getattr(b, f)))
                for f in attribute.type._attributes
                if getattr(a, f) != getattr(b, f)
            ]
        elif a != b:
            kind = "key" if name in _KEYS else "result"
            rows.append((kind, name, str(a), str(b)))
    return rows


_KEYS = frozenset({"night", "readout", "timestamp_start", "timestamp_end"})
_BOOKKEEPING = frozenset(
    {
        "object_id",
        "creation_date",
        "creator",
        "project",
        "privileges",
        "filename",
        "file_sha256",
        "file_size",
        "code_version",
        "content_hash",
    }
)
