"""What a target class depends on, read from its persistent links, and the order of classes.

=============== =========================================== ===================================
rule            declared as a link to                       today's object is
=============== =========================================== ===================================
``raws``        a list of a raw frame class                 all good raw frames of the night
``raw``         a raw frame class                           the raw frame of the key
``calibration`` a `Calibration` class                       the one that applies at the time
``companion``   a target class made from one raw frame,     the newest of the same raw frame
                on a class made from one raw frame itself
``given``       any other class                             what the key names
=============== =========================================== ===================================

A class of a user that has neither a raw frame nor a night is made from what its key names, so
there every input is ``given``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awlab.backend.datamodel import RawFrame
from awlab.backend.errors import DependencyCycle

__all__ = ["Dependency", "class_order", "dependencies_of", "is_keyed_by_raw", "is_target"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """One input of a target class."""

    role: str
    cls: Any
    rule: str
    optional: bool
    many: bool
    minimum: int = 1


def is_target(cls: Any) -> bool:
    """Tell whether a class is made by the system (a `ProcessTarget`)."""
    return bool(getattr(cls, "_is_process_target", False))


def is_keyed_by_raw(cls: Any) -> bool:
    """Tell whether there is one object of the class per raw frame: it links to one as ``raw``."""
    raw = cls._attributes.get("raw")
    return is_target(cls) and raw is not None and raw.kind == "link"


def dependencies_of(cls: Any) -> list[Dependency]:
    """Return the inputs of a target class in order of declaration."""
    found = []
    minimum = getattr(cls, "MINIMUM", {})
    for name, attribute in cls._attributes.items():
        if not attribute.dependency:
            continue
        many = attribute.kind == "links"
        rule = _rule(cls, attribute.type, many=many)
        found.append(
            Dependency(name, attribute.type, rule, attribute.optional, many, minimum.get(name, 1))
        )
    return found


def _rule(owner: Any, cls: Any, *, many: bool) -> str:
    if not is_keyed_by_raw(owner) and not getattr(owner, "_is_calibration", False):
        return "given"
    if issubclass(cls, RawFrame):
        return "raws" if many else "raw"
    if many:
        return "given"
    if getattr(cls, "_is_calibration", False):
        return "calibration"
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
            if is_target(dependency.cls):
                visit(dependency.cls)
        open_.pop()
        ordered.append(here)

    visit(cls)
    return ordered[::-1]
