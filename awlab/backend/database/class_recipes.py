"""Classes of a notebook as bytes, so that another process can have them.

A persistent class is made by its metaclass from its declarations. So it travels as its name, its
bases and its declarations, from which the metaclass makes it again, and its methods, which
`cloudpickle` carries by value with everything they refer to.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

import cloudpickle

from awlab.backend.database.meta import DBMeta, Struct

__all__ = ["classes_as_bytes", "classes_from_bytes"]

_MADE_BY_PYTHON = frozenset({"__dict__", "__weakref__", "_attributes", "_abstract"})
_METHODS = (FunctionType, staticmethod, classmethod, property)


def classes_as_bytes(classes: Iterable[Any], modules: Iterable[str]) -> bytes:
    """Write persistent classes, with everything of certain modules that they need.

    Parameters
    ----------
    classes : iterable of type
        Classes wanted.
    modules : iterable of str
        Modules that the other process does not have: ``__main__`` is a notebook. What they hold
        travels by value, everything else by name.
    """
    names = frozenset(modules)
    target = io.BytesIO()
    with contextlib.ExitStack() as registered:
        for name in sorted(names - {"__main__"}):
            module = sys.modules[name]
            if name not in cloudpickle.list_registry_pickle_by_value():
                cloudpickle.register_pickle_by_value(module)
                registered.callback(cloudpickle.unregister_pickle_by_value, module)
        _Recipes(target, names).dump(list(classes))
    return target.getvalue()


def classes_from_bytes(data: bytes) -> list[Any]:
    """Make the classes in this process; they are known by their names afterwards."""
    return list(pickle.loads(data))


class _Recipes(cloudpickle.CloudPickler):  # type: ignore[misc]
    """Pickles persistent classes of some modules as recipes."""

    def __init__(self, file: io.BytesIO, modules: frozenset[str]) -> None:
        super().__init__(file)
        self._modules = modules

    def reducer_override(self, obj: Any) -> Any:
        """Return the recipe of a persistent class; everything else is cloudpickle's."""
        kind = type(obj)
        if isinstance(obj, (DBMeta, type(Struct))) and obj.__module__ in self._modules:
            declared, methods = _parts(obj)
            keywords = {"abstract": True} if getattr(obj, "_abstract", False) else {}
            recipe = (kind, obj.__name__, obj.__bases__, declared, keywords)
            return _make_class, recipe, methods, None, None, _add_methods
        return super().reducer_override(obj)


def _parts(cls: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Declarations and constants, which the metaclass looks at, and methods, which may wait.

    Methods come later because they may name the class itself: ``super()`` does.
    """
    names = {name: value for name, value in vars(cls).items() if name not in _MADE_BY_PYTHON}
    methods = {name: value for name, value in names.items() if isinstance(value, _METHODS)}
    return {name: value for name, value in names.items() if name not in methods}, methods


def _make_class(
    kind: Callable[..., Any], name: str, bases: tuple[Any, ...], declared: Any, keywords: Any
) -> Any:
    return kind(name, bases, dict(declared), **keywords)


def _add_methods(cls: Any, methods: dict[str, Any]) -> None:
    for name, value in methods.items():
        setattr(cls, name, value)
