"""``and``, ``or`` and ``not`` between queries at the prompt, as on the slides.

Python cannot overload these words, so the syntax tree of a cell is rewritten: each becomes a call
that combines queries, and does what Python does with everything else, lazily as ever.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from awlab.backend.database import Query

__all__ = ["install", "is_installed", "remove"]

_AND, _OR, _NOT = "__awlab_and__", "__awlab_or__", "__awlab_not__"


def _both(*parts: Callable[[], Any]) -> Any:
    value = parts[0]()
    for part in parts[1:]:
        if isinstance(value, Query):
            value = value & part()
        elif not value:
            return value
        else:
            value = part()
    return value


def _either(*parts: Callable[[], Any]) -> Any:
    value = parts[0]()
    for part in parts[1:]:
        if isinstance(value, Query):
            value = value | part()
        elif value:
            return value
        else:
            value = part()
    return value


def _negated(value: Any) -> Any:
    return ~value if isinstance(value, Query) else not value


class BooleanWords(ast.NodeTransformer):
    """Rewrites the three words."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Turn ``a and b`` into a call with lazy operands."""
        self.generic_visit(node)
        if any(isinstance(part, (ast.NamedExpr, ast.Await, ast.Yield)) for part in ast.walk(node)):
            return node  # these would change their meaning inside a lambda
        name = _AND if isinstance(node.op, ast.And) else _OR
        empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        lazy: list[ast.expr] = [ast.Lambda(args=empty, body=value) for value in node.values]
        call = ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=lazy, keywords=[])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Turn ``not a`` into a call."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.Not):
            return node
        call = ast.Call(func=ast.Name(id=_NOT, ctx=ast.Load()), args=[node.operand], keywords=[])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Leave class bodies alone: a lambda does not see their names."""
        return node


def is_installed(shell: Any) -> bool:
    """Tell whether the words work in this shell."""
    return any(isinstance(item, BooleanWords) for item in shell.ast_transformers)


def install(shell: Any) -> None:
    """Make the words work."""
    if not is_installed(shell):
        shell.ast_transformers.append(BooleanWords())
        shell.user_ns.update({_AND: _both, _OR: _either, _NOT: _negated})


def remove(shell: Any) -> None:
    """Make the words plain Python again."""
    shell.ast_transformers[:] = [
        item for item in shell.ast_transformers if not isinstance(item, BooleanWords)
    ]
