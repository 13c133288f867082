"""Public docstrings: all of them; arrays of the algorithms state their shape and unit."""

from __future__ import annotations

import ast
import re

ALGORITHMS = "awlab/backend/algorithms/"
ARRAY = re.compile(r"\b(ndarray|NDArray|ArrayLike)\b")
UNIT = re.compile(r"\[[^\]]+\]")
# "(ny, nx)", "(n,)", "shape (n, 2)", or words: "of the same shape as `data`".
SHAPE = re.compile(r"\(\w+( [*+-] \w+)?,[\w, .*+-]*\)|\bshape\b")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _public(node):
    return not node.name.startswith("_")


def _is_repetition(node):
    """Setters and overloads speak through the definition they belong to."""
    marks = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
    return any(mark.endswith((".setter", ".deleter", "overload")) for mark in marks)


def undocumented(source):
    """Public modules, classes, functions and methods without a docstring."""
    found = [] if ast.get_docstring(source.tree) else [f"{source.path} module"]

    def walk(owner):
        for node in owner.body:
            if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or not _public(node):
                continue
            if not ast.get_docstring(node) and not _is_repetition(node):
                found.append(f"{source.path}:{node.lineno} {node.name}")
            if isinstance(node, ast.ClassDef):
                walk(node)

    walk(source.tree)
    return found


def array_aliases(sources):
    """Names given to array types at the top of the algorithms, ``Image = NDArray[...]``."""
    names = set()
    for source in sources:
        for node in source.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if ARRAY.search(ast.unparse(node.value)):
                    names |= {ast.unparse(target) for target in targets}
    return names


def documented_parameters(docstring):
    """Map each name of the Parameters section to the whole text of its entry."""
    match = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-{3,}|\Z)", docstring, re.M | re.S)
    entries, names = {}, []
    for line in match.group(1).splitlines() if match else []:
        if line and not line[0].isspace():
            names = [name.strip(" *") for name in line.partition(":")[0].split(",")]
        for name in names:
            entries[name] = entries.get(name, "") + line + "\n"
    return entries


def vague_arrays(source, aliases):
    """Array parameters of public functions whose entry lacks a shape or a [unit]."""
    kinds = re.compile("|".join([ARRAY.pattern, *(rf"\b{re.escape(name)}\b" for name in aliases)]))
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, FUNCTIONS) or not _public(node):
            continue
        entries = documented_parameters(ast.get_docstring(node) or "")
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in arguments:
            if argument.annotation is None or not kinds.search(ast.unparse(argument.annotation)):
                continue
            text = entries.get(argument.arg, "")
            for what, pattern in (("shape", SHAPE), ("[unit]", UNIT)):
                if not pattern.search(text):
                    found.append(f"{source.path}:{node.lineno} {node.name}({argument.arg}): {what}")
    return found


def without_references(source):
    text = ast.get_docstring(source.tree) or ""
    return [] if re.search(r"^References\n-+\n\s*\S", text, re.M) else [source.path]


def test_everything_public_is_documented(sources):
    found = [line for source in sources for line in undocumented(source)]
    assert not found, "\n".join(found)


def test_algorithms_state_shapes_and_units(sources):
    chosen = [source for source in sources if source.path.startswith(ALGORITHMS)]
    aliases = array_aliases(chosen)
    found = [line for source in chosen for line in vague_arrays(source, aliases)]
    assert not found, "\n".join(found)


def test_algorithms_have_references(sources):
    chosen = [source for source in sources if source.path.startswith(ALGORITHMS)]
    modules = [source for source in chosen if not source.path.endswith("__init__.py")]
    found = [line for source in modules for line in without_references(source)]
    assert not found, "\n".join(found)


def test_checker_sees_missing_docstrings(source_of):
    text = (
        '"""M."""\nclass A:\n    """A."""\n    def f(self): return 1\n    def _g(self): return 2\n'
    )
    assert undocumented(source_of(text)) == ["awlab/backend/example.py:4 f"]
    assert undocumented(source_of("x = 1\n")) == ["awlab/backend/example.py module"]


def test_checker_sees_vague_arrays(source_of):
    doc = '    """F.\n\n    Parameters\n    ----------\n    a : ndarray\n        {}\n    """\n'
    text = "def f(a: NDArray[float32], *, b: float) -> None:\n" + doc

    def complaints(words):
        return vague_arrays(source_of(text.format(words)), set())

    assert complaints("The frame (ny, nx) [ADU].") == []
    assert len(complaints("The frame [ADU].")) == 1
    assert len(complaints("The frame.")) == 2
    alias = source_of("Image = NDArray[float32]\ndef g(a: Image): return 1\n")
    assert len(vague_arrays(alias, array_aliases([alias]))) == 2


def test_checker_sees_missing_references(source_of):
    assert without_references(source_of('"""M."""')) != []
    assert without_references(source_of('"""M.\n\nReferences\n----------\n.. [1] X\n"""')) == []
