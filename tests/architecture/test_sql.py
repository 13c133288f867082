"""SQL is written in the database room alone, and there every value is bound."""

from __future__ import annotations

import ast
import re

DATABASE = "awlab/backend/database/"
STATEMENT = re.compile(
    r"\b(SELECT\s[^;]*?\bFROM\b|INSERT\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b"
    r"|WITH\s+RECURSIVE\b|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|VIEW|SCHEMA|ROLE|POLICY|FUNCTION)\b"
    r"|TRUNCATE\s+TABLE\b|COPY\s+\(|GRANT\s+\w+\s+ON\b)"
    r"|^\s*(select\s+(\*|count\()|insert\s+into\s+\w+\s*\(|update\s+\w+\s+set\s+\w+\s*=)",
    re.S,
)
# Where a value would stand: after an operator, in VALUES or IN, or between quotes.
VALUE_PLACE = re.compile(
    r"((=|<|>|\bLIKE|\bIN|\bVALUES|\bLIMIT|\bBETWEEN|\bAND)\s*\(?\s*|')\x00(?!\.)", re.I
)
IDENTIFIER = re.compile(r"(?i:quot|ident|column|table|alias|name)|^[A-Z_]+$")


def _docstrings(tree):
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }


def _text(node):
    """A string constant's text; an f-string's with a zero byte for every value put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_piece(part) for part in node.values)
    return ""


def _piece(part):
    if isinstance(part, ast.Constant):
        return str(part.value)
    return "x" if IDENTIFIER.search(ast.unparse(part.value)) else "\x00"


def _is_sql(node):
    return bool(STATEMENT.search(_text(node)))


def sql_texts(source):
    """SQL in strings, docstrings and the text of the `%%awe sql` help aside."""
    documentation = _docstrings(source.tree)
    return [
        f"{source.path}:{node.lineno} {_text(node)[:50]!r}"
        for node in ast.walk(source.tree)
        if _is_sql(node) and id(node) not in documentation and "%%awe sql" not in _text(node)
    ]


def unbound_values(source):
    """SQL that is put together from values: ``%``, ``.format()``, ``+`` or an f-string."""
    found = []
    for node in ast.walk(source.tree):
        match node:
            case ast.BinOp(left=text, op=ast.Mod()) if _is_sql(text):
                found.append((node.lineno, "%"))
            case ast.BinOp(left=text, op=ast.Add(), right=value) if _is_sql(text):
                if not isinstance(value, ast.Constant | ast.JoinedStr):
                    found.append((node.lineno, "+"))
            case ast.Call(func=ast.Attribute(value=text, attr="format")) if _is_sql(text):
                found.append((node.lineno, ".format()"))
            case ast.JoinedStr() if _is_sql(node) and VALUE_PLACE.search(_text(node)):
                found.append((node.lineno, "f-string"))
    return [f"{source.path}:{line} SQL built with {how}" for line, how in found]


def test_sql_is_written_in_the_database_room_alone(sources):
    outside = [source for source in sources if not source.path.startswith(DATABASE)]
    found = [line for source in outside for line in sql_texts(source)]
    assert not found, "\n".join(found)


def test_values_are_bound(sources):
    found = [line for source in sources for line in unbound_values(source)]
    assert not found, "\n".join(found)


def test_checker_sees_sql(source_of):
    assert sql_texts(source_of("x = 'SELECT a FROM b'")) != []
    assert sql_texts(source_of("x = f'UPDATE {t} SET a = 1'")) != []
    assert sql_texts(source_of("x = 'insert into b (a) values (1)'")) != []
    assert sql_texts(source_of("def f():\n    '''SELECT a FROM b.'''\n")) == []
    assert sql_texts(source_of("x = 'select a chip from the list, or delete it'")) == []


def test_checker_sees_unbound_values(source_of):
    for bad in (
        "'SELECT a FROM b WHERE c = %s' % value",
        "'SELECT a FROM b WHERE c = {}'.format(value)",
        "'SELECT a FROM b WHERE c = ' + value",
        "f'SELECT a FROM b WHERE c = {value}'",
        "f\"INSERT INTO b VALUES ('{value}')\"",
    ):
        assert unbound_values(source_of(f"x = {bad}")) != [], bad
    for good in (
        "f'SELECT {columns} FROM {table}'",
        "f\"CREATE TABLE a (id bigint DEFAULT nextval('{ID_SEQUENCE}'))\"",
        "f'SELECT a FROM {alias} JOIN b ON {alias}.x = {quote(y)}.x'",
        "cursor.execute('SELECT a FROM b WHERE c = %s', (value,))",
    ):
        assert unbound_values(source_of(f"x = {good}")) == [], good
