"""Conditions on columns: as NumPy evaluates them; nothing else of Python gets through."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.catalogs import ColumnExpression
from awlab.backend.errors import QueryError, UnknownAttribute

TABLE = {
    "A": np.array([1.0, 2.0, 3.0, np.nan]),
    "B": np.array([4, 3, 2, 1]),
    "V": np.arange(8.0).reshape(4, 2),
    "NAME": np.array(["x", "y", "x", "z"]),
    "MAG_#842": np.array([20.0, 21.0, 22.0, 23.0]),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A > 1", [False, True, True, False]),
        ("A > 1 and B < 3", [False, False, True, False]),
        ("not (A > 1) or B == 2", [True, False, True, True]),
        ("1 < A <= 3", [False, True, True, False]),
        ("(A > 1) & (B > 2) | ~(B > 1)", [False, True, False, True]),
        ("V[1] / 2 > B - 1", [False, False, True, True]),
        ("'MAG_#842' - 20 < log10(100)", [True, True, False, False]),
        ("NAME == 'x'", [True, False, True, False]),
        ("isfinite(A)", [True, True, True, False]),
        ("abs(-B) ** 2 > sqrt(16)", [True, True, False, False]),
        ("maximum(A, B) >= 3", [True, True, True, False]),
    ],
)
def test_conditions_are_those_of_numpy(text, expected):
    expression = ColumnExpression(text)
    needed = {name: TABLE[name] for name in expression.columns(list(TABLE))}
    assert list(expression.evaluate(needed)) == expected


def test_only_the_columns_named_are_needed():
    assert ColumnExpression("A > B and A > 2").columns(list(TABLE)) == ("A", "B")
    assert ColumnExpression("'MAG_#842' < 20").columns(list(TABLE)) == ("MAG_#842",)
    with pytest.raises(UnknownAttribute, match="no column 'FLUX'"):
        ColumnExpression("FLUX > 1").columns(list(TABLE))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "A.__class__",
        "(lambda: 1)()",
        "[a for a in A]",
        "open('x')",
        "A if B else A",
        "V[0:1]",
        "{1: 2}",
        "A := 3",
        "",
        "A >",
        "sqrt(x=1)",
        "sqrt",
        "A in B",
        "1j",
    ],
)
def test_nothing_else_gets_through(text):
    with pytest.raises((QueryError, UnknownAttribute)):
        ColumnExpression(text).columns(list(TABLE))


def test_large_numbers_do_not_run_away():
    with np.errstate(over="ignore"):
        assert np.shape(ColumnExpression("9 ** 9 ** 9 > 0").evaluate({})) == ()


def test_what_does_not_fit_is_one_sentence():
    with pytest.raises(QueryError, match="NAME"):
        ColumnExpression("NAME * A").evaluate(TABLE)
    with pytest.raises(QueryError):
        ColumnExpression("V[7] > 1").evaluate(TABLE)
