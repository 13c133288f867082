"""Classes and keys out of the words of a line."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from awlab.backend.database import class_named, registered_classes
from awlab.backend.errors import ObjectNotFound, QueryError

__all__ = ["key_of", "named_class", "target_class"]


def key_of(words: Sequence[str]) -> dict[str, Any]:
    """Turn ``chip=ccd50 date=2000-04-28`` into a key."""
    bad = [word for word in words if "=" not in word]
    if bad:
        raise QueryError(f"{bad[0]!r} is not name=value", "for instance chip=ccd50")
    return dict(word.split("=", 1) for word in words)


def named_class(name: str) -> Any:
    """Return the persistent class of a name."""
    import_module("awlab.backend.targets")
    found = class_named(name)
    if found is None:
        near = get_close_matches(name, registered_classes(), n=3)
        raise ObjectNotFound(
            f"no class {name!r}", f"did you mean {', '.join(near) or 'BiasFrame'}?"
        )
    return found


def target_class(name: str) -> Any:
    """Return the target class of a name."""
    found = named_class(name)
    if not hasattr(found, "plan"):
        raise QueryError(f"{name} is not made by the system", "for instance BiasFrame")
    return found
