"""Classes, keys and objects out of the words of a line."""

from __future__ import annotations

import ast
import uuid
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from awlab.backend.database import DBObject, Query, class_named, registered_classes
from awlab.backend.errors import NotUnique, ObjectNotFound, QueryError

__all__ = [
    "chosen_of",
    "in_notebook",
    "key_and_pars",
    "key_of",
    "named_class",
    "namespace_of",
    "object_of",
    "target_class",
    "without_commit",
]


def key_of(words: Sequence[str], shell: Any = None) -> dict[str, Any]:
    """Turn ``chip=ccd50 date=2000-04-28`` into a key.

    Parameters
    ----------
    words : sequence of str
        One ``name=value`` each.
    shell : InteractiveShell, optional
        Where variables are looked up that hold objects: ``raw=frame.raw``.

    Raises
    ------
    QueryError
        If a word is not of that form, or a name comes twice.
    """
    key: dict[str, Any] = {}
    for word in words:
        name, found, text = word.partition("=")
        if not found or not all(part.isidentifier() for part in name.split(".")):
            raise QueryError(f"{word!r} is not name=value", "for instance chip=ccd50")
        if name in key:
            raise QueryError(f"{name} is given twice", "give every name once")
        key[name] = _value(text, shell.user_ns if shell is not None else {})
    return key


def key_and_pars(words: Sequence[str], shell: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell the key from process parameters: ``BiasFrame.process_params.SIGMA_CLIP=5``."""
    found = key_of(words, shell)
    pars = {name: literal(value) for name, value in found.items() if "." in name}
    return {name: value for name, value in found.items() if "." not in name}, pars


def without_commit(key: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Take ``commit=False`` out of a key, and tell whether it asks for a dry run.

    Raises
    ------
    QueryError
        If it is neither True nor False.
    """
    rest = {name: value for name, value in key.items() if name != "commit"}
    wanted = literal(key.get("commit", True))
    if not isinstance(wanted, bool):
        raise QueryError(f"commit={key['commit']!r}", "commit=False is a dry run")
    return rest, not wanted


def literal(text: Any) -> Any:
    """Return the Python value of a text that is one, the text itself otherwise."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return text


def _value(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the object or query that a variable holds; the text itself in all other cases."""
    first, *rest = text.split(".")
    found = variables.get(first)
    for name in rest:
        if not isinstance(found, DBObject) or name not in type(found)._attributes:
            return text
        found = getattr(found, name)
    if isinstance(found, list) and found and all(isinstance(item, DBObject) for item in found):
        return found
    return found if isinstance(found, DBObject | Query) else text


def named_class(name: str) -> Any:
    """Return the persistent class of a name.

    Raises
    ------
    ObjectNotFound
        With the nearest names.
    """
    import_module("awlab.backend.targets")
    found = class_named(name)
    if found is None:
        lowered = {known.lower(): known for known in registered_classes()}
        near = [lowered[close] for close in get_close_matches(name.lower(), lowered, n=3)]
        hint = f"did you mean {', '.join(near)}?" if near else "for instance BiasFrame"
        raise ObjectNotFound(f"no class {name!r}", hint)
    return found


def target_class(name: str) -> Any:
    """Return the target class of a name.

    Raises
    ------
    QueryError
        If the class is not one that the system makes.
    """
    found = named_class(name)
    if not hasattr(found, "plan"):
        raise QueryError(f"{name} is not made by the system", "for instance BiasFrame")
    return found


def namespace_of(shell: Any) -> dict[str, Any]:
    """Return what names mean at the prompt: the user's variables, then awlab's classes."""
    import_module("awlab.backend.targets")
    return {**registered_classes(), **shell.user_ns}


def object_of(text: str, shell: Any) -> DBObject:
    """Return the object that is meant: an expression, an ``object_id``, or the name of a file.

    Raises
    ------
    ObjectNotFound
        If there is none.
    NotUnique
        If the expression gives several.
    """
    import_module("awlab.backend.targets")
    if _is_identity(text):
        return DBObject(object_id=text)
    if text.endswith((".fits", ".fits.fz", ".fits.gz")):
        found: Any = named_class("DataObject").filename == text
        if not found.exists():
            raise ObjectNotFound(f"no object has the file {text!r}", "%awe query DataObject")
        return _only(found, text)
    return _only(_evaluated(text, shell), text)


def chosen_of(text: str, shell: Any) -> Any:
    """Return the object, the list of objects or the query that is meant; a class means all of it.

    Raises
    ------
    ObjectNotFound
        If there is none.
    """
    import_module("awlab.backend.targets")
    if _is_identity(text) or text.endswith((".fits", ".fits.fz", ".fits.gz")):
        return object_of(text, shell)
    found = _evaluated(text, shell)
    if isinstance(found, type) and issubclass(found, DBObject):
        return found.select_all()
    if isinstance(found, list | tuple) and found and all(isinstance(i, DBObject) for i in found):
        return list(found)
    return found if isinstance(found, Query) else _only(found, text)


def in_notebook(shell: Any) -> bool:
    """Tell whether answers are shown in a page, where widgets live."""
    return getattr(shell, "kernel", None) is not None


def _is_identity(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _evaluated(text: str, shell: Any) -> Any:
    hint = "name a variable, an object_id or a file"
    try:
        # The user's own expression, in the user's own namespace: what a cell would do.
        return eval(text, namespace_of(shell))
    except NameError as exc:
        # What IPython itself put there (open, exit, In, Out) is nobody's variable.
        own = [n for n in shell.user_ns if n[0] != "_" and n not in shell.user_ns_hidden]
        near = get_close_matches(str(exc.name), own, n=3)
        more = f"did you mean {', '.join(near)}?" if near else hint
        raise ObjectNotFound(f"there is no variable {exc.name!r}", more) from None
    except (SyntaxError, LookupError, TypeError, ValueError, AttributeError) as exc:
        raise ObjectNotFound(f"{text!r} names no object: {exc}", hint) from None


def _only(found: Any, text: str) -> DBObject:
    if isinstance(found, Query | list | tuple):
        if len(found) == 0:
            raise ObjectNotFound(f"{text} holds no object", "%awe query shows what there is")
        if len(found) > 1:
            raise NotUnique(f"{text} is {len(found)} objects, not one", f"for instance {text}[0]")
        found = found[0]
    if not isinstance(found, DBObject):
        kind = type(found).__name__
        raise ObjectNotFound(f"{text} is of type {kind}, not an object of awlab", "try q[0]")
    return found
