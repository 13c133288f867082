"""No file, folder or class has a name that says nothing; no stub is left behind."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import PurePosixPath

EMPTY = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager", "base"}
# BaseFrame is a noun of the contract; a class that *ends* so is named after its part in the code.
CLASS_ENDING = re.compile(r"(Utils?|Helpers?|Common|Misc|Manager)$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def empty_paths(paths):
    def says_nothing(part):
        stem = part.split(".")[0].strip("_").lower()
        return stem in EMPTY or stem.rpartition("_")[2] in EMPTY

    return [str(path) for path in paths if any(map(says_nothing, PurePosixPath(path).parts))]


def empty_classes(source):
    names = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    return [
        f"{source.path}:{node.lineno} class {node.name}"
        for node in names
        if node.name.strip("_").lower() in EMPTY or CLASS_ENDING.search(node.name)
    ]


def _may_be_empty(node, protocols):
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
    return bool(marks & {"abstractmethod", "overload"}) or node in protocols


def stubs(source):
    """Functions that do nothing or raise NotImplementedError, and comments that promise."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    found = [
        f"{source.path}:{token.start[0]} {token.string}"
        for token in tokens
        if token.type == tokenize.COMMENT and UNFINISHED.search(token.string)
    ]
    classes = [node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)]
    protocols = {
        item for node in classes for item in node.body if "Protocol" in map(ast.unparse, node.bases)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            text = " ".join(ast.unparse(line) for line in body)
            empty = "raise NotImplementedError" in text or text in {"pass", "..."}
            if empty and not _may_be_empty(node, protocols):
                found.append(f"{source.path}:{node.lineno} {node.name}() is a stub")
    return found


def test_paths_say_something(repository_files):
    assert empty_paths(path.as_posix() for path in repository_files) == []


def test_classes_say_something(sources):
    found = [line for source in sources for line in empty_classes(source)]
    assert not found, "\n".join(found)


def test_nothing_unfinished(sources):
    found = [line for source in sources for line in stubs(source)]
    assert not found, "\n".join(found)


def test_checker_sees_empty_names(source_of):
    bad = ["awlab/utils.py", "awlab/common/x.py", "awlab/db_helpers.py", "awlab/_base.py"]
    good = ["awlab/base_frame.py", "awlab/manage.py", "awlab/database/core_schema.py"]
    assert empty_paths(bad + good) == bad
    assert empty_classes(source_of("class CacheManager: ...")) != []
    assert empty_classes(source_of("class Base: ...")) != []
    assert empty_classes(source_of("class BaseFrame: ...")) == []


def test_checker_sees_stubs(source_of):
    assert stubs(source_of("def f():\n    raise NotImplementedError('later')\n")) != []
    assert stubs(source_of("def f():\n    '''Doc.'''\n    pass\n")) != []
    assert stubs(source_of("x = 1  # TO" + "DO: more\n")) != []
    assert stubs(source_of("@abc.abstractmethod\ndef f(self): ...\n")) == []
    assert stubs(source_of("class P(Protocol):\n    def f(self): ...\n")) == []
