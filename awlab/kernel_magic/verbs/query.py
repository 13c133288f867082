"""``%awe query``: objects of a class by key, or by a Python expression.

Returns the query; a notebook shows a page of it. In an expression ``and``, ``or`` and ``not``
combine queries as ``&``, ``|`` and ``~`` do, and every class is known whether imported or not.

Examples: ``%awe query BiasFrame chip=ccd50``, ``%awe query --page 2 RawFrame night=2000-04-28``,
``q = %awe query BiasFrame.chip.name == 'ccd50' and BiasFrame.imstat.mean > 3``.
Python: ``BiasFrame.select(chip='ccd50')``, ``BiasFrame.imstat.mean > 3``.
"""

from __future__ import annotations

import argparse
import ast
import shlex
from typing import Any

from IPython.core.error import UsageError

from awlab.backend.database import Query
from awlab.backend.errors import AwlabError, ObjectNotFound, QueryError
from awlab.kernel_magic.boolean_words import BooleanWords
from awlab.kernel_magic.display import page_of
from awlab.kernel_magic.words import key_of, literal, named_class, namespace_of

TAKES_TEXT = True


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class and a key, or an expression."""
    parser.add_argument("--page", type=int, metavar="NUMBER", help="show that page")
    # The text itself is not argparse's to split; the place is there for completion and usage.
    parser.add_argument("query", nargs="*", metavar="QUERY")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the query, or the table of a page."""
    found = _by_key(options.text, shell)
    if found is None:
        found = _by_expression(options.text, shell)
    if options.page is None:
        return found
    if options.page < 1:
        raise QueryError(f"there is no page {options.page}", "pages begin at 1")
    return page_of(found, options.page)


def _by_key(text: str, shell: Any) -> Query | None:
    try:
        first, *rest = shlex.split(text)
    except ValueError:
        return None
    names = [word.partition("=")[0] for word in rest]
    if not first.isidentifier() or not all(name.isidentifier() for name in names):
        return None
    if any("=" not in word or "==" in word for word in rest):
        return None
    if not rest and isinstance(shell.user_ns.get(first), Query):
        return None
    cls = named_class(first)
    key = {name: _typed(cls, name, value) for name, value in key_of(rest, shell).items()}
    found: Query = cls.select(**key)
    return found


def _typed(cls: Any, name: str, value: Any) -> Any:
    attribute = cls._attributes.get(name)
    is_number = attribute is not None and attribute.type in (int, float, bool)
    return literal(value) if is_number else value


def _by_expression(text: str, shell: Any) -> Query:
    names = namespace_of(shell)
    try:
        tree = BooleanWords(names).visit(ast.parse(text.strip(), mode="eval"))
    except SyntaxError as exc:
        raise UsageError(f"%awe query: {text.strip()!r} is no expression: {exc.msg}") from None
    try:
        found = eval(compile(tree, "<%awe query>", "eval"), names)
    except NameError as exc:
        raise ObjectNotFound(
            f"there is no name {exc.name!r}", "put texts in quotes: chip.name == 'ccd50'"
        ) from None
    except AwlabError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError) as exc:
        raise QueryError(f"{text}: {exc}", "compare an attribute of a class") from None
    if not isinstance(found, Query):
        raise QueryError(f"{text} is not a query", "compare an attribute of a class with a value")
    return found
