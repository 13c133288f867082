"""``persistent``: the declaration of one attribute, and its behaviour on instances.

An attribute is one of

======== ================================================= ==========================
kind     declared as                                       kept as
======== ================================================= ==========================
value    ``persistent(doc, float, 0.0)``                   one column
array    ``persistent(doc, float, [])``                    one array column
link     ``persistent(doc, Chip)``                         one column and, for a
                                                           dependency, one lineage edge
links    ``persistent(doc, RawBiasFrame, [])``             lineage edges only
struct   ``persistent(doc, Imstat)``                       one column per field
======== ================================================= ==========================
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from awlab.backend.database.units import split_unit
from awlab.backend.errors import DefinitionError, ImmutableObject, WrongType

__all__ = ["BASIC_TYPES", "Persistent", "as_datetime", "coerce", "persistent"]

BASIC_TYPES: tuple[type, ...] = (str, int, float, bool, datetime, bytes, list, dict)

_UNSET: Any = object()


def as_datetime(value: Any) -> datetime:
    """Return a naive UTC ``datetime`` from a datetime, date, ISO string or astropy ``Time``.

    Raises
    ------
    WrongType
        If the value is none of these, or the text is not a date.
    """
    if hasattr(value, "to_datetime") and hasattr(value, "utc"):  # astropy Time
        value = value.utc.to_datetime()
    elif isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            hint = "write 2000-04-28 or 2000-04-28T23:10:00"
            raise WrongType(f"{value!r} is not a date", hint) from None
    elif type(value).__name__ == "datetime64":
        value = value.astype("datetime64[us]").item()
    elif not isinstance(value, datetime) and hasattr(value, "timetuple"):  # datetime.date
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        raise WrongType(f"{value!r} is not a date", "use a datetime, an ISO string or a Time")
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


_LARGEST = 2**63


def _as_int(value: Any) -> int:
    whole = hasattr(value, "__index__") or (isinstance(value, float) and value.is_integer())
    if not whole:
        raise WrongType(f"{value!r} is not a whole number", "give an int")
    number = int(value)
    if not -_LARGEST <= number < _LARGEST:
        raise WrongType(f"{value!r} does not fit in 64 bits", "use a float or a str")
    return number


def _as_float(value: Any) -> float:
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise WrongType(f"{value!r} is not a number", "give a float")
    try:
        number = float(value)
    except OverflowError:
        raise WrongType("the number is too large for a float", "use a str") from None
    return number if not math.isnan(number) else math.nan


def _as_str(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongType(f"{value!r} is not a text", "give a str")
    if "\x00" in value:
        raise WrongType("a text holds a NUL character", "remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WrongType(
            f"{value!r} holds half a character (a lone surrogate)", "decode it properly"
        ) from None
    return str(value)


def _as_bool(value: Any) -> bool:
    if isinstance(value, bool) or type(value).__name__ in {"bool_", "bool"}:
        return bool(value)
    raise WrongType(f"{value!r} is not True or False", "give a bool")


def _exactly(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise WrongType(f"{value!r} is not a {kind.__name__}", f"give a {kind.__name__}")
        return value

    return check


def _as_json(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise WrongType(f"{value!r} is not a {kind.__name__}", f"give a {kind.__name__}")
        _check_json(value)
        return value

    return check


def _check_json(value: Any) -> None:
    """Refuse what would not come back from JSON as it was."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise WrongType(f"the key {key!r} is not a text", "write str(key)")
            _as_str(key)
            _check_json(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check_json(inner)
    elif isinstance(value, str):
        _as_str(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise WrongType(f"{value!r} cannot be kept inside a list or dict", "use None or a str")
    elif not isinstance(value, (bool, int, float, type(None))):
        raise WrongType(
            f"{value!r} of type {type(value).__name__} cannot be kept inside a list or dict",
            "use plain numbers, texts, lists and dicts",
        )


_COERCE: dict[type, Callable[[Any], Any]] = {
    str: _as_str,
    int: _as_int,
    float: _as_float,
    bool: _as_bool,
    datetime: as_datetime,
    bytes: _exactly(bytes),
    list: _as_json(list),
    dict: _as_json(dict),
}


def coerce(kind: type, value: Any) -> Any:
    """Return ``value`` as the basic type ``kind``; None stays None.

    Raises
    ------
    WrongType
        If it does not fit.
    """
    return None if value is None else _COERCE[kind](value)


class Persistent:
    """One persistent attribute of a class; made by `persistent`.

    Attributes
    ----------
    name, doc : str
        Name and documentation.
    type : type
        Basic type, struct class or persistent class.
    kind : str
        ``value``, ``array``, ``link``, ``links`` or ``struct``.
    unit : str or None
        Unit in astropy's spelling.
    dependency : bool
        True if the link is a lineage edge.
    optional : bool
        True if a dependency may be absent.
    """

    __slots__ = (
        "_dependency",
        "default",
        "doc",
        "kind",
        "name",
        "optional",
        "owner",
        "present",
        "type",
        "unit",
    )

    def __init__(
        self, doc: str, type_: type, default: Any, *, dependency: bool | None, optional: bool
    ) -> None:
        self.doc = doc
        self.type: Any = type_
        self.default = default
        self._dependency = dependency
        self.optional = optional
        self.name = ""
        self.owner = ""
        self.unit: str | None = None
        self.kind = _kind_of(doc, type_, default)
        # A class may present the plain value as something richer (flag bits with names).
        self.present: Callable[[Any, Any], Any] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.owner = owner.__name__

    def read_unit(self, owner: str, name: str) -> None:
        """Read the unit from the documentation.

        Not in ``__set_name__``: Python 3.11 hides what is raised there behind a RuntimeError.

        Raises
        ------
        DefinitionError
            If the brackets at the end hold no unit.
        """
        self.unit = split_unit(self.doc, f"{owner}.{name}")

    @property
    def is_link(self) -> bool:
        """True for a link or a list of links."""
        return self.kind in ("link", "links")

    @property
    def dependency(self) -> bool:
        """True if what the attribute points to is an input: a lineage edge."""
        if not self.is_link:
            return False
        if self._dependency is None:
            return bool(getattr(self.type, "_lineage_node", True))
        return self._dependency

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        if obj is None:
            return owner._attribute_path(self)
        state = obj._state
        if state is None and self.present is None:
            # A row of a result whose column was read before: the way of loops over queries.
            values = obj._block.ready.get(self.name)
            if values is not None:
                return values[obj._row]
        if state is not None:
            value = state.get(self.name, _UNSET)
            if value is not _UNSET:
                return value if self.present is None else self.present(obj, value)
        if obj._block is None:
            return self._initial(obj)
        value = obj._block.value(self, obj._row)
        return value if self.present is None else self.present(obj, value)

    def __set__(self, obj: Any, value: Any) -> None:
        if obj._id is not None or obj._block is not None:
            raise ImmutableObject(
                f"{type(obj).__name__}.{self.name}: the object is committed and cannot change",
                "make a new object; verdict, validity, privileges and project have functions"
                " of their own (set_valid, set_timestamps, context.publish)",
            )
        obj._state[self.name] = self.check(value)

    def _initial(self, obj: Any) -> Any:
        """Put the default on a new object at the first touch, so that lists are its own."""
        if self.kind == "struct":
            value = self.type()
        elif self.default is None:
            return None
        else:
            value = copy.deepcopy(self.default)
        obj._state[self.name] = value
        return value if self.present is None else self.present(obj, value)

    def check(self, value: Any) -> Any:
        """Return ``value`` as this attribute keeps it.

        Raises
        ------
        WrongType
            If it does not fit the declaration.
        """
        try:
            if self.kind == "value":
                return coerce(self.type, value)
            if self.kind == "array":
                return [coerce(self.type, item) for item in value]
            if self.kind == "links":
                return [self._check_instance(item) for item in value]
            return None if value is None else self._check_instance(value)
        except WrongType as exc:
            raise WrongType(f"{self.owner}.{self.name}: {exc.message}", exc.hint) from None
        except TypeError as exc:
            raise WrongType(f"{self.owner}.{self.name}: {exc}", "give a list") from None

    def _check_instance(self, value: Any) -> Any:
        if not isinstance(value, self.type):
            raise WrongType(
                f"{type(value).__name__} object is not a {self.type.__name__}",
                f"give a {self.type.__name__}",
            )
        return value


def _kind_of(doc: str, type_: type, default: Any) -> str:
    if not isinstance(doc, str) or not doc.strip():
        raise DefinitionError("persistent() needs a documentation string", "say what it is")
    many = isinstance(default, list)
    if type_ in BASIC_TYPES:
        return "array" if many and type_ not in (list, dict) else "value"
    kind = getattr(type_, "_persistent_kind", None)
    if kind is None:
        raise DefinitionError(
            f"persistent({doc!r}, {type_!r}): not a type that can be kept",
            "use str int float bool datetime bytes list dict or a persistent class",
        )
    if kind == "struct":
        return "struct"
    if default is not None and default != []:
        raise DefinitionError(f"persistent({doc!r}): a link's default is None or []")
    return "links" if many else "link"


def persistent(
    doc: str,
    type_: type,
    default: Any = None,
    *,
    dependency: bool | None = None,
    optional: bool = False,
) -> Any:
    """Declare a persistent attribute.

    Parameters
    ----------
    doc : str
        What it is; a unit stands in brackets at the end: ``"Exposure time [s]"``.
    type_ : type
        ``str int float bool datetime bytes list dict``, a `Struct`, or a persistent class.
    default : object, optional
        Value of new objects; ``[]`` makes a list of the type.
    dependency : bool, optional
        Whether a link is a lineage edge. By default it is, unless the class linked to only names
        a thing (instrument, chip, filter, process parameters).
    optional : bool, optional
        Whether a dependency may be absent when a target is made.

    Returns
    -------
    Persistent
        A descriptor; typed Any so that ``obj.attribute`` has the freedom of its declaration.

    Raises
    ------
    DefinitionError
        If type, default or unit cannot be kept.
    """
    attribute = Persistent(doc, type_, default, dependency=dependency, optional=optional)
    if attribute.kind == "value" and default is not None:
        attribute.default = coerce(type_, default)
    if attribute.kind == "array":
        attribute.default = [coerce(type_, item) for item in default]
    return attribute
