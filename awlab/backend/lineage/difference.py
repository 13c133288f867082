"""``explain``: why two products of the same class differ."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from awlab.backend.errors import QueryError

__all__ = ["Difference", "explain"]


@dataclass(frozen=True)
class Difference:
    """How two objects of a class differ.

    Attributes
    ----------
    first, second : str
        The objects.
    rows : tuple of (str, str, str, str)
        Kind of difference (input, parameter, code, key, result), name, first and second value.
    """

    first: str
    second: str
    rows: tuple[tuple[str, str, str, str], ...]

    def of(self, kind: str) -> list[str]:
        """Return the names that differ in one kind: input, parameter, code, key or result."""
        return [row[1] for row in self.rows if row[0] == kind]

    def __str__(self) -> str:
        lines = [f"a: {self.first}", f"b: {self.second}"]
        if not self.rows:
            return "\n".join([*lines, "made from the same, in the same way: they are equal"])
        lines += [f"  {kind:<9} {name}: {a} | {b}" for kind, name, a, b in self.rows]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{html.escape(text)}</th>" for text in ("why", "what", self.first, self.second)
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><tr>{head}</tr>{body}</table>"


def explain(first: Any, second: Any) -> Difference:
    """Say why two products of the same class differ: inputs, parameters, code, key, results.

    Parameters
    ----------
    first, second : ProcessTarget
        Committed objects of one class.

    Raises
    ------
    QueryError
        If they are of different classes.
    """
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
    return Difference(repr(first).strip("<>"), repr(second).strip("<>"), tuple(rows))


def _name(value: Any) -> str:
    if value is None:
        return "none"
    text = value.name if "name" in type(value)._attributes else repr(value).strip("<>")
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
            only_a, only_b = len(set(a) - set(b)), len(set(b) - set(a))
            rows.append((kind, name, f"{only_a} only here", f"{only_b} only here"))
    return rows


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
