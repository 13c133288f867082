"""Conditions and formulas on the columns of a catalogue, written as people write them.

``"FLUX_AUTO / FLUXERR_AUTO > 5 and FLAGS == 0"``: arithmetic, comparisons, ``and or not``, a few
functions, and ``FLUX_APER[1]`` for one of several values. A name that is no Python name stands in
quotes, ``"'MAG_#842' < 20"``. Nothing else of Python is there: a text from a database is data.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np

from awlab.backend.errors import QueryError, UnknownAttribute

__all__ = ["ColumnExpression"]

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "radians": np.radians,
    "isfinite": np.isfinite,
    "isnan": np.isnan,
    "minimum": np.minimum,
    "maximum": np.maximum,
}
_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: np.logical_not,
    ast.Invert: operator.invert,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
}


class ColumnExpression:
    """A formula on columns.

    Parameters
    ----------
    text : str
        The formula.

    Raises
    ------
    QueryError
        If it is no formula, or has something in it that a formula has not.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError) as exc:
            raise QueryError(
                f"{text!r} is not a condition on columns", "write FLUX_AUTO / FLUXERR_AUTO > 5"
            ) from exc
        for node in ast.walk(self._tree):
            self._check(node)

    def _check(self, node: ast.AST) -> None:
        plain = (ast.Name, ast.Load, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
        shaped = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare)
        allowed = isinstance(node, plain + shaped)
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.BoolOp)):
            allowed = type(node.op) in _OPERATORS
        elif isinstance(node, ast.Compare):
            allowed = all(type(op) in _OPERATORS for op in node.ops)
        elif isinstance(node, ast.Constant):
            allowed = isinstance(node.value, (bool, int, float, str))
        elif isinstance(node, ast.Subscript):
            index = node.slice
            allowed = isinstance(index, ast.Constant) and type(index.value) is int
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            allowed = name in _FUNCTIONS and not node.keywords
        if not allowed:
            raise QueryError(
                f"{self.text!r}: {ast.unparse(node)} has no place in a condition",
                f"use columns, numbers, + - * / ** and or not, and {', '.join(_FUNCTIONS)}",
            )

    def columns(self, known: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that it needs, of those that are known.

        Raises
        ------
        UnknownAttribute
            If it names a column that is not known.
        """
        found: dict[str, None] = {}
        for name in self._names():
            if name not in known:
                near = get_close_matches(name, known, n=3) or list(known)[:12]
                raise UnknownAttribute(
                    f"{self.text!r}: there is no column {name!r}", f"there is {', '.join(near)}"
                )
            found[name] = None
        quoted = (n.value for n in ast.walk(self._tree) if isinstance(n, ast.Constant))
        found |= {text: None for text in quoted if isinstance(text, str) and text in known}
        return tuple(found)

    def _names(self) -> Iterator[str]:
        functions = {id(n.func) for n in ast.walk(self._tree) if isinstance(n, ast.Call)}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name) and id(node) not in functions:
                yield node.id

    def evaluate(self, table: Mapping[str, Any]) -> Any:
        """Return its value for every source.

        Parameters
        ----------
        table : mapping of str to ndarray
            Columns, those of `columns` among them.

        Raises
        ------
        QueryError
            If the columns do not fit together.
        """
        try:
            with np.errstate(all="ignore"):
                return self._value(self._tree, table)
        except (TypeError, ValueError, IndexError) as exc:
            why = str(exc).splitlines()[0]
            raise QueryError(f"{self.text!r}: {why}", "check the kinds of the columns") from exc

    def _value(self, node: ast.AST, table: Mapping[str, Any]) -> Any:
        value = partial(self._value, table=table)
        match node:
            case ast.Name():
                return table[node.id]
            case ast.Constant():
                if isinstance(node.value, str) and node.value in table:
                    return table[node.value]
                # NumPy's numbers: Python's grow without end, 9**9**9 would never be over.
                return np.asarray(node.value)[()]
            case ast.BinOp():
                return _OPERATORS[type(node.op)](value(node.left), value(node.right))
            case ast.UnaryOp():
                return _OPERATORS[type(node.op)](value(node.operand))
            case ast.Subscript():
                return value(node.value)[:, ast.literal_eval(node.slice)]
            case ast.Call():
                assert isinstance(node.func, ast.Name)
                return _FUNCTIONS[node.func.id](*map(value, node.args))
            case ast.BoolOp():
                parts = list(map(value, node.values))
                return _joined(_OPERATORS[type(node.op)], parts)
            case ast.Compare():
                sides = list(map(value, (node.left, *node.comparators)))
                pairs = zip(node.ops, sides, sides[1:], strict=False)
                return _joined(np.logical_and, [_OPERATORS[type(o)](a, b) for o, a, b in pairs])
        raise QueryError(f"{self.text!r}: {ast.unparse(node)} has no place in a condition")


def _joined(join: Callable[..., Any], parts: list[Any]) -> Any:
    found = parts[0]
    for part in parts[1:]:
        found = join(found, part)
    return found
