"""``and``, ``or`` and ``not`` between queries at the prompt, as on the slides.

Python cannot overload these words, so the syntax tree of a cell is rewritten: ``a and b`` becomes
``(join(b) if goes_on(a) else kept())``. There is no lambda in it, so that names, comprehensions and
class bodies mean what they always mean; the second operand is looked at only where Python would
look at it, or where the first is a query.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

from awlab.backend.database import Query

__all__ = ["BooleanWords", "install", "is_installed", "remove"]

_NAME = "__awlab_words__"
# An operand that raises leaves its left neighbour behind; more than ever wait at once are old.
_MOST_WAITING = 100_000


class _Waiting(threading.local):
    """Left operands whose right neighbours are being evaluated, one pile per thread."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def push(self, value: Any) -> None:
        if len(self.values) > _MOST_WAITING:
            del self.values[: _MOST_WAITING // 2]
        self.values.append(value)


class Words:
    """What the rewritten expressions call."""

    def __init__(self) -> None:
        self._waiting = _Waiting()

    def and_goes_on(self, left: Any) -> bool:
        """Keep the left operand; tell whether the right one is wanted."""
        goes_on = isinstance(left, Query) or bool(left)
        self._waiting.push(left)
        return goes_on

    def or_goes_on(self, left: Any) -> bool:
        """Keep the left operand; tell whether the right one is wanted."""
        goes_on = isinstance(left, Query) or not left
        self._waiting.push(left)
        return goes_on

    def and_join(self, right: Any) -> Any:
        """Return what ``left and right`` is, now that both are known."""
        left = self._waiting.values.pop()
        return left & right if isinstance(left, Query) else right

    def or_join(self, right: Any) -> Any:
        """Return what ``left or right`` is, now that both are known."""
        left = self._waiting.values.pop()
        return left | right if isinstance(left, Query) else right

    def kept(self) -> Any:
        """Return the left operand, which decided alone."""
        return self._waiting.values.pop()

    @staticmethod
    def negated(value: Any) -> Any:
        """Return what ``not value`` is."""
        return ~value if isinstance(value, Query) else not value


class BooleanWords(ast.NodeTransformer):
    """Rewrites the three words.

    Parameters
    ----------
    namespace : dict
        Where cells run: the words are put there before each, so that ``%reset`` does no harm.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._words = Words()

    def visit(self, node: ast.AST) -> Any:
        """Make sure of the words, then rewrite."""
        self._namespace[_NAME] = self._words
        return super().visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Rewrite ``and`` and ``or``."""
        self.generic_visit(node)
        # Where an expression can be left and entered again, the pile would get out of order.
        if any(isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom)) for part in ast.walk(node)):
            return node
        word = "and" if isinstance(node.op, ast.And) else "or"
        *before, result = node.values
        for value in reversed(before):
            result = ast.IfExp(
                test=_call(f"{word}_goes_on", value),
                body=_call(f"{word}_join", result),
                orelse=_call("kept"),
            )
        return ast.fix_missing_locations(ast.copy_location(result, node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Rewrite ``not``."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.Not):
            return node
        call = _call("negated", node.operand)
        return ast.fix_missing_locations(ast.copy_location(call, node))


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    function = ast.Attribute(ast.Name(_NAME, ast.Load()), name, ast.Load())
    return ast.Call(func=function, args=list(arguments), keywords=[])


def is_installed(shell: Any) -> bool:
    """Tell whether the words work in this shell."""
    return any(isinstance(item, BooleanWords) for item in shell.ast_transformers)


def install(shell: Any) -> None:
    """Make the words work."""
    if not is_installed(shell):
        shell.ast_transformers.append(BooleanWords(shell.user_ns))


def remove(shell: Any) -> None:
    """Make the words plain Python again; functions defined meanwhile keep working."""
    shell.ast_transformers[:] = [
        item for item in shell.ast_transformers if not isinstance(item, BooleanWords)
    ]
