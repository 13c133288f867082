"""``DBMeta``: makes any derived class persistent, and instantiates persistent objects."""

from __future__ import annotations

import inspect
import keyword
from typing import Any

from awlab.backend.database.attributes import Persistent
from awlab.backend.database.paths import PATH_METHODS, AttributePath
from awlab.backend.database.registry_tables import metadata
from awlab.backend.database.resolve import attribute_of
from awlab.backend.errors import DefinitionError, WrongType

__all__ = ["DBMeta", "Struct", "class_named", "concrete_subclasses", "registered_classes"]

_registry: dict[str, DBMeta] = {}


def registered_classes() -> dict[str, DBMeta]:
    """All persistent classes known in this process, by name."""
    return dict(_registry)


def class_named(name: str) -> DBMeta | None:
    """Return the persistent class of that name, None if this process has none."""
    return _registry.get(name)


def concrete_subclasses(cls: DBMeta) -> list[DBMeta]:
    """Return the classes with a table that are ``cls`` or derived from it, sorted by name."""
    found = {
        known.__name__: known
        for known in _registry.values()
        if issubclass(known, cls) and not known._abstract
    }
    if not cls._abstract:
        found[cls.__name__] = cls
    return [found[name] for name in sorted(found)]


def _own_attributes(namespace: dict[str, Any]) -> dict[str, Persistent]:
    return {name: value for name, value in namespace.items() if isinstance(value, Persistent)}


def _inherited(bases: tuple[type, ...]) -> dict[str, Persistent]:
    attributes: dict[str, Persistent] = {}
    for base in reversed(bases):
        attributes.update(getattr(base, "_attributes", {}))
    return attributes


# Columns that every table of PostgreSQL has.
_SYSTEM_COLUMNS = frozenset({"ctid", "cmax", "cmin", "tableoid", "xmax", "xmin"})
# PostgreSQL cuts names at 63 bytes; the names of triggers, indexes and structs' columns are longer
# than those they are made of.
_LONGEST_CLASS, _LONGEST_COLUMN = 50, 63
_NOTEBOOK = frozenset({"__main__", "__mp_main__"})
_STAND_IN = "awlab.stand_in"


def _check_class_name(name: str) -> None:
    if not name.isidentifier() or not name.isascii() or len(name) > _LONGEST_CLASS:
        raise DefinitionError(
            f"{name!r} is not a name for a persistent class",
            f"use up to {_LONGEST_CLASS} plain letters, digits and underscores",
        )
    if name in metadata.tables:
        raise DefinitionError(
            f"{name} is the name of a table of awlab's own", "class names begin with a capital"
        )


def _check_hidden(owner: str, namespace: dict[str, Any], inherited: dict[str, Persistent]) -> None:
    for name, attribute in inherited.items():
        if name in namespace and not isinstance(namespace[name], Persistent):
            raise DefinitionError(
                f"{owner}.{name} would hide the persistent attribute {attribute.owner}.{name}",
                "choose another name",
            )


def _check_name(owner: str, name: str, bases: tuple[type, ...]) -> None:
    if name.startswith("_") or keyword.iskeyword(name) or not name.isascii():
        raise DefinitionError(
            f"{owner}.{name}: not a name for a persistent attribute",
            "use plain letters, digits and underscores, a letter first",
        )
    if name in PATH_METHODS or name == "id":
        raise DefinitionError(
            f"{owner}.{name}: the name is taken by the query language", "choose another name"
        )
    if name in _SYSTEM_COLUMNS:
        raise DefinitionError(
            f"{owner}.{name}: the name is taken by PostgreSQL", "choose another name"
        )
    for base in bases:
        taken = next((vars(c)[name] for c in base.__mro__ if name in vars(c)), None)
        if taken is not None and not isinstance(taken, Persistent):
            raise DefinitionError(
                f"{owner}.{name} would hide {base.__name__}.{name}", "choose another name"
            )


def _check_redeclared(owner: str, new: Persistent, old: Persistent | None) -> None:
    if old is None:
        return
    narrowed = new.is_link and issubclass(new.type, old.type)
    if new.kind != old.kind or not (new.type is old.type or narrowed):
        raise DefinitionError(
            f"{owner}.{new.name} changes the type that {old.owner} declares",
            "a derived class may only narrow a link",
        )


def _check_columns(owner: str, attributes: dict[str, Persistent]) -> None:
    """Columns of structs carry a prefix and must not meet another column's name."""
    seen: dict[str, str] = {}
    for name, attribute in attributes.items():
        if attribute.kind == "links":
            continue
        fields = attribute.type._attributes if attribute.kind == "struct" else {"": None}
        for field in fields:
            column = f"{name}_{field}" if field else name
            if len(column) > _LONGEST_COLUMN:
                raise DefinitionError(
                    f"{owner}.{column}: the name has {len(column)} characters",
                    f"use at most {_LONGEST_COLUMN}",
                )
            if column in seen:
                raise DefinitionError(
                    f"{owner}: {name} and {seen[column]} share a column name", "rename one of them"
                )
            seen[column] = name


class DBMeta(type):
    """Metaclass of persistent classes.

    A class keyword ``abstract=True`` declares a class without objects of its own: a query on it
    returns the objects of all derived classes.
    """

    _attributes: dict[str, Persistent]
    _abstract: bool
    _persistent_kind = "object"

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        abstract: bool = False,
        **keywords: Any,
    ) -> DBMeta:
        """Make a derived class persistent; refuse a declaration that cannot be kept."""
        _check_class_name(name)
        own = _own_attributes(namespace)
        inherited = _inherited(bases)
        _check_hidden(name, namespace, inherited)
        for attribute_name in own:
            _check_name(name, attribute_name, bases)
            own[attribute_name].read_unit(name, attribute_name)
            _check_redeclared(name, own[attribute_name], inherited.get(attribute_name))
        attributes = inherited | own
        _check_columns(name, attributes)
        namespace.setdefault("__doc__", "")
        cls = super().__new__(mcs, name, bases, namespace, **keywords)
        cls._attributes = attributes
        cls._abstract = abstract
        _register(cls)
        return cls

    def __init__(cls, *args: Any, **_: Any) -> None:
        super().__init__(*args)

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        """Make a new object, or get a committed one back by its ``object_id``."""
        if "object_id" in keywords:
            if args or len(keywords) > 1:
                raise WrongType(
                    f"{cls.__name__}(object_id=...) takes nothing else",
                    "a committed object has its values already",
                )
            return cls._load(keywords["object_id"])
        if cls._abstract:
            raise DefinitionError(
                f"{cls.__name__} is abstract and has no objects of its own",
                f"use one of {', '.join(c.__name__ for c in concrete_subclasses(cls)) or 'its'}",
            )
        return super().__call__(*args, **keywords)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return attribute_of(cls, name)

    def _attribute_path(cls, attribute: Persistent) -> AttributePath:
        return AttributePath(cls, (attribute.name,))

    def __dir__(cls) -> list[str]:
        return sorted({*super().__dir__(), *cls._attributes})

    # -- what a prompt shows of a class: BiasFrame? ------------------------------------------

    @property
    def __signature__(cls) -> inspect.Signature:
        """How a new object is made; not how classes call, which says nothing."""
        _, *parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
        return inspect.Signature(parameters)

    def getdoc(cls) -> str:
        """Return the documentation of the class with all its attributes; IPython asks for it."""
        bases = [base.__name__ for base in cls.__mro__]
        attributes = sorted(cls._attributes.items(), key=lambda item: bases.index(item[1].owner))
        lines = [inspect.getdoc(cls) or "", "", "Persistent attributes", "---------------------"]
        for name, attribute in attributes:
            many = "list of " if attribute.kind in ("links", "array") else ""
            lines += [f"{name} : {many}{attribute.type.__name__}", f"    {attribute.doc}"]
        return "\n".join(lines)


def _register(cls: DBMeta) -> None:
    """Make a class known by its name; one of the same name gives way only to its own new version.

    A notebook cell run again, or a module reloaded, redefines its own class; a class that was
    read from the database gives way to its code.
    """
    known = _registry.get(cls.__name__)
    if known is not None and _home(known) not in (_home(cls), _STAND_IN):
        if known.__module__.startswith("awlab."):
            raise DefinitionError(
                f"{cls.__name__} is a class of awlab", "choose another name for your own class"
            )
        raise DefinitionError(
            f"a persistent class {cls.__name__} exists already, in {_told(known)}, and is now"
            f" declared in {_told(cls)}",
            "choose another name for one of them, or restart Python to move the class",
        )
    _registry[cls.__name__] = cls


def _home(cls: DBMeta) -> str:
    return "__main__" if cls.__module__ in _NOTEBOOK else cls.__module__


def _told(cls: DBMeta) -> str:
    return "this notebook" if cls.__module__ in _NOTEBOOK else f"module {cls.__module__}"


class _StructMeta(type):
    _attributes: dict[str, Persistent]
    _persistent_kind = "struct"

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _StructMeta:
        own = _own_attributes(namespace)
        for attribute_name, attribute in own.items():
            _check_name(name, attribute_name, bases)
            attribute.read_unit(name, attribute_name)
            if attribute.kind != "value":
                raise DefinitionError(f"{name}.{attribute_name}: a struct holds plain values only")
        cls = super().__new__(mcs, name, bases, namespace)
        cls._attributes = _inherited(bases) | own
        return cls

    def _attribute_path(cls, attribute: Persistent) -> Persistent:
        return attribute


class Struct(metaclass=_StructMeta):
    """A group of plain values kept inside the object that has it: statistics, coordinates.

    Reads like a linked object (``frame.imstat.stdev``) and costs no join.
    """

    _attributes: dict[str, Persistent]
    _state: dict[str, Any] | None = None
    _block: Any = None
    _row: int = 0
    _id: int | None = None

    def __init__(self, **values: Any) -> None:
        self._state = {}
        for name, value in values.items():
            attribute_of(type(self), name)
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return the values by name."""
        return {name: getattr(self, name) for name in type(self)._attributes}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.as_dict().items() if v is not None)
        return f"{type(self).__name__}({inside})"
