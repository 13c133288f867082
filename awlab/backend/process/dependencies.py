"""What a target class depends on, read from its persistent links, and the order of classes.

=============== =========================================== ===================================
rule            declared as a link to                       today's object is
=============== =========================================== ===================================
``raws``        a list of a raw frame class                 all good raw frames of the night
``raw``         a raw frame class                           the raw frame of the key
``calibration`` a `Calibration` class                       the one that applies at the time
``companion``   a target class made from one raw frame,     the newest of the same raw frame
                on a class made from one raw frame itself
``members``     a list of such a class, on a calibration    those of all raw frames of the night
                or on a product of a selection              or of the selection
``choice``      a link with several ``CHOICES`` of class    the one that the key leads to
``reference``   a class with ``_is_reference``              the newest that covers the position
``field``       a class with ``_is_field_solution``,        that of all frames of its object and
                on a class made from one raw frame          filter
``given``       any other class                             what the key names
=============== =========================================== ===================================

A class of a user that has no raw frame, no night and no selection is made from what its key names,
so there every input is ``given``.

A class may say more about its inputs: ``MINIMUM`` how many a list must have, ``NEEDS_DERIVED``
which must not be defaults, ``CHOICES`` the classes of a link, ``PURPOSES`` which raw frames are
preferred, ``ONLY_WITH`` which process parameter an input is asked for with, and its values. A class
may say about itself: ``FATAL`` the flags with which nothing can be made from it,
``ONLY_FOR_FILTERS`` the attribute that a filter must have for it to exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awlab.backend.datamodel import RawFrame, flags_of
from awlab.backend.errors import DependencyCycle

__all__ = [
    "Dependency",
    "class_order",
    "dependencies_of",
    "fatal_bits",
    "is_keyed_by_raw",
    "is_selection",
    "is_target",
]


@dataclass(frozen=True, slots=True)
class Dependency:
    """One input of a target class."""

    role: str
    cls: Any
    rule: str
    optional: bool
    many: bool
    minimum: int = 1
    choices: tuple[Any, ...] = ()
    only_with: tuple[str, tuple[Any, ...]] | None = None


def is_target(cls: Any) -> bool:
    """Tell whether a class is made by the system (a `ProcessTarget`)."""
    return bool(getattr(cls, "_is_process_target", False))


def is_keyed_by_raw(cls: Any) -> bool:
    """Tell whether there is one object of the class per raw frame: it links to one as ``raw``."""
    raw = cls._attributes.get("raw")
    return is_target(cls) and raw is not None and raw.kind == "link"


def is_selection(cls: Any) -> bool:
    """Tell whether an object of the class is made from a selection of raw frames."""
    return bool(getattr(cls, "_is_selection", False))


def fatal_bits(cls: Any) -> int:
    """Return the quality flags with which an object cannot serve as an input, as bits."""
    flags = flags_of(cls)
    return sum(flags[name].value for name in getattr(cls, "FATAL", ()))


def dependencies_of(cls: Any) -> list[Dependency]:
    """Return the inputs of a target class in order of declaration."""
    found = []
    minimum, choices = getattr(cls, "MINIMUM", {}), getattr(cls, "CHOICES", {})
    only_with = getattr(cls, "ONLY_WITH", {})
    for name, attribute in cls._attributes.items():
        if not attribute.dependency:
            continue
        many = attribute.kind == "links"
        rule = "choice" if name in choices else _rule(cls, attribute.type, many=many)
        found.append(
            Dependency(
                name,
                attribute.type,
                rule,
                attribute.optional,
                many,
                minimum.get(name, 1),
                choices.get(name, ()),
                only_with.get(name),
            )
        )
    return found


def _rule(owner: Any, cls: Any, *, many: bool) -> str:
    has_key = is_keyed_by_raw(owner) or is_selection(owner)
    if not has_key and not getattr(owner, "_is_calibration", False):
        return "given"
    if issubclass(cls, RawFrame):
        return "raws" if many else "raw"
    if many:
        gathers = is_selection(owner) or getattr(owner, "_is_calibration", False)
        return "members" if gathers and is_keyed_by_raw(cls) else "given"
    if getattr(cls, "_is_reference", False):
        return "reference"
    if getattr(cls, "_is_calibration", False):
        return "calibration"
    if getattr(cls, "_is_field_solution", False) and is_keyed_by_raw(owner):
        return "field"
    return "companion" if is_keyed_by_raw(cls) and is_keyed_by_raw(owner) else "given"


def class_order(cls: Any) -> list[Any]:
    """Return a class and all target classes it depends on, dependents before dependencies.

    Raises
    ------
    DependencyCycle
        If classes depend on each other in a circle.
    """
    ordered: list[Any] = []
    open_: list[Any] = []

    def visit(here: Any) -> None:
        if here in ordered:
            return
        if here in open_:
            names = " -> ".join(c.__name__ for c in [*open_[open_.index(here) :], here])
            raise DependencyCycle(f"target classes depend on each other: {names}")
        open_.append(here)
        for dependency in dependencies_of(here):
            for needed in dependency.choices or (dependency.cls,):
                if is_target(needed):
                    visit(needed)
        open_.pop()
        ordered.append(here)

    visit(cls)
    return ordered[::-1]
