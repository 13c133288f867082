"""Process parameters: what can be tuned about a target, kept once per content.

A target class names its parameter class in the link ``process_params``; the documented defaults
are those of the parameter class. `Pars` shows and changes them for a run.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from typing import Any, ClassVar

from awlab.backend.database import DBObject, class_named, persistent
from awlab.backend.errors import QueryError, UnknownAttribute
from awlab.backend.process.dependencies import class_order
from awlab.backend.process.named_targets import sequence_classes

__all__ = [
    "Pars",
    "ProcessParameters",
    "asked_parameters",
    "parameter_class",
    "parameter_names",
]

#: The one parameter that has to be the same in all that a target is made from.
OVERSCAN = "OVERSCAN_CORRECTION"
_BOOKKEEPING = frozenset(DBObject._attributes) | {"content_hash"}


class ProcessParameters(DBObject, abstract=True):
    """Parameters of one target class; equal parameters are one object."""

    _lineage_node = False
    _named_for_all = True
    _unique_on = ("content_hash",)

    content_hash = persistent("Hash of the values", str, "")

    def _before_commit(self) -> None:
        text = json.dumps(self.values(), sort_keys=True, default=str)
        self.content_hash = hashlib.sha256(text.encode()).hexdigest()[:40]

    def values(self) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in parameter_names(type(self))}

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.values().items())
        return f"{type(self).__name__}({inside})"


def parameter_names(cls: Any) -> list[str]:
    """Return the names of the parameters of a parameter class."""
    return [name for name in cls._attributes if name not in _BOOKKEEPING]


def parameter_class(target: Any) -> Any:
    """Return the parameter class of a target class, None where it has none."""
    attribute = target._attributes.get("process_params")
    if attribute is None or attribute.type is ProcessParameters:
        return None
    return attribute.type


def _unknown(target: str, name: str, parameters: Any) -> UnknownAttribute:
    known = parameter_names(parameters)
    near = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"it has {', '.join(known)}"
    return UnknownAttribute(f"{target} has no process parameter {name!r}", hint)


class _Values:
    """The parameters of one target class in a `Pars` tree."""

    def __init__(self, target: str, cls: Any) -> None:
        object.__setattr__(self, "_target", target)
        object.__setattr__(self, "_cls", cls)
        object.__setattr__(self, "_changed", {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in parameter_names(self._cls):
            raise _unknown(self._target, name, self._cls)
        return self._changed.get(name, self._cls._attributes[name].default)

    def __setattr__(self, name: str, value: Any) -> None:
        getattr(self, name)  # refuses unknown names
        # Kept also where it is the default: what was made with another value is then outdated.
        self._changed[name] = self._cls._attributes[name].check(value)

    def __dir__(self) -> list[str]:
        return parameter_names(self._cls)


class _Target:
    """One target class in a `Pars` tree."""

    def __init__(self, target: Any) -> None:
        self.process_params = _Values(target.__name__, parameter_class(target))


class Pars:
    """The process parameters of a target class and of everything it depends on.

    Parameters
    ----------
    target : type or str
        Target class, its name, or a sequence such as ``'Reduce>Astrometry'``.
    **key
        Instrument, chip and filter that it is for, shown on top. Defaults are the same for all.

    Raises
    ------
    TargetError
        If there is no such target.
    QueryError
        If the key has another name.

    Examples
    --------
    >>> p = Pars(BiasFrame)                               # doctest: +SKIP
    >>> p.BiasFrame.process_params.SIGMA_CLIP = 5.0       # doctest: +SKIP
    >>> p.get()                                           # doctest: +SKIP
    {'BiasFrame.process_params.SIGMA_CLIP': 5.0}
    """

    _KEY: ClassVar[frozenset[str]] = frozenset({"instrument", "chip", "filter"})

    def __init__(self, target: Any, **key: str) -> None:
        unknown = set(key) - self._KEY
        if unknown:
            raise QueryError(
                f"Pars has no key {sorted(unknown)[0]!r}", "use instrument, chip, filter"
            )
        self._key = key
        wanted = [cls for named in sequence_classes(target) for cls in class_order(named)]
        self._targets = {
            cls.__name__: _Target(cls) for cls in dict.fromkeys(wanted) if parameter_class(cls)
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._targets:
            known = ", ".join(self.__dict__.get("_targets", ()))
            raise UnknownAttribute(f"Pars has no target {name!r}", f"it has {known}")
        return self._targets[name]

    def __dir__(self) -> list[str]:
        return [*self._targets, "show", "get"]

    def get(self) -> dict[str, Any]:
        """Return what was set: ``{'BiasFrame.process_params.SIGMA_CLIP': 5.0}``."""
        return {
            f"{target}.process_params.{name}": value
            for target, holder in self._targets.items()
            for name, value in holder.process_params._changed.items()
        }

    def text(self) -> str:
        """Return the tree as text; changed values are marked with their default."""
        lines = [", ".join(f"{n} {value}" for n, value in self._key.items())] if self._key else []
        for target, holder in self._targets.items():
            lines.append(target)
            values = holder.process_params
            for name in parameter_names(values._cls):
                attribute = values._cls._attributes[name]
                is_other = getattr(values, name) != attribute.default
                mark = f"  (default {attribute.default!r})" if is_other else ""
                lines.append(f"  {name} = {getattr(values, name)!r}{mark}   {attribute.doc}")
        return "\n".join(lines)

    def show(self) -> None:
        """Print the tree."""
        print(self.text())  # noqa: T201 - showing is what it is for

    def __repr__(self) -> str:
        return self.text()


def asked_parameters(pars: Any) -> dict[str, dict[str, Any]]:
    """Return parameters asked for by target class, from a `Pars`, its ``get()``, or None.

    Raises
    ------
    QueryError
        If a name is not of the form ``Target.process_params.NAME``, or there is no such target.
    UnknownAttribute, WrongType
        If the target has no such parameter, or the value does not fit it.
    """
    if pars is None:
        return {}
    flat = pars.get() if isinstance(pars, Pars) else dict(pars)
    found: dict[str, dict[str, Any]] = {}
    for path, value in flat.items():
        parts = path.split(".")
        if len(parts) != 3 or parts[1] != "process_params":
            raise QueryError(f"{path!r} is not a parameter", "write Target.process_params.NAME")
        found.setdefault(parts[0], {})[parts[2]] = _checked(parts[0], parts[2], value)
    for target in list(found):
        _hand_down(target, found)
    return found


def _hand_down(target: str, asked: dict[str, dict[str, Any]]) -> None:
    """Ask for the overscan method of a target in all that it is made from: no other fits."""
    method = asked[target].get(OVERSCAN)
    if method is None:
        return
    for needed in class_order(class_named(target)):
        parameters = parameter_class(needed)
        if parameters is not None and OVERSCAN in parameters._attributes:
            asked.setdefault(needed.__name__, {}).setdefault(OVERSCAN, method)


def _checked(target: str, name: str, value: Any) -> Any:
    cls = class_named(target)
    if cls is None or parameter_class(cls) is None:
        raise QueryError(f"no target {target!r} with process parameters", "Pars(Target) shows them")
    parameters = parameter_class(cls)
    if name not in parameter_names(parameters):
        raise _unknown(target, name, parameters)
    return parameters._attributes[name].check(value)
