"""Budgets of size: 400 lines a file, 50 lines a function body."""

from __future__ import annotations

import ast

FILE_LINES = 400
BODY_LINES = 50
COUNTED = {".py", ".js", ".css", ".sql", ".sh"}


def body_lines(function):
    """Lines of a function below its signature and docstring."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def long_functions(source):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        f"{source.path}:{node.lineno} {node.name}() has {body_lines(node)} lines"
        for node in ast.walk(source.tree)
        if isinstance(node, functions) and body_lines(node) > BODY_LINES
    ]


def long_file(path, text):
    count = len(text.splitlines())
    return [f"{path} has {count} lines"] if count > FILE_LINES else []


def test_files_within_budget(repository, repository_files):
    texts = {
        p: (repository / p).read_text("utf-8") for p in repository_files if p.suffix in COUNTED
    }
    found = [line for path, text in texts.items() for line in long_file(path, text)]
    assert not found, "\n".join(found)


def test_functions_within_budget(sources):
    found = [line for source in sources for line in long_functions(source)]
    assert not found, "\n".join(found)


def test_checker_sees_a_long_file():
    assert long_file("a.py", "x\n" * FILE_LINES) == []
    assert long_file("a.py", "x\n" * (FILE_LINES + 1)) != []


def test_checker_sees_a_long_function(source_of):
    doc = '    """' + "One.\n" * 60 + '    """\n'
    fits = "def f():\n" + doc + "    x = 1\n" * BODY_LINES
    assert long_functions(source_of(fits)) == []
    assert long_functions(source_of(fits + "    x = 1\n")) != []
