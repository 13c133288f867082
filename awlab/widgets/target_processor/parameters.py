"""Process parameters that are edited as text, checked, and marked where they differ."""

from __future__ import annotations

import json
from typing import Any

from awlab.backend.database import Persistent, class_named
from awlab.backend.errors import QueryError
from awlab.backend.process import Pars, parameter_class, parameter_names

__all__ = ["Parameters", "parse"]

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Parameters:
    """The parameters of a target class and of all it is made from.

    Parameters
    ----------
    cls : type
        Target class.
    before : Parameters, optional
        Values set there are kept, as far as the class has them.
    """

    def __init__(self, cls: Any, before: Parameters | None = None) -> None:
        self._cls = cls
        self._targets = [name for name in dir(Pars(cls)) if name not in ("show", "get")]
        old = before.values if before is not None else {}
        self.values: dict[tuple[str, str], Any] = {
            key: value for key, value in old.items() if key[0] in self._targets
        }

    def table(self) -> list[dict[str, Any]]:
        """Return the parameters by target, each with its default and whether it was changed."""
        found = []
        for target in self._targets:
            cls = parameter_class(class_named(target))
            rows = [self._row(target, name, cls._attributes[name]) for name in parameter_names(cls)]
            changed = sum(row["changed"] for row in rows)
            found.append({"target": target, "rows": rows, "changed": changed})
        return found

    def _row(self, target: str, name: str, attribute: Persistent) -> dict[str, Any]:
        key = (target, name)
        return {
            "name": name,
            "value": _text(self.values.get(key, attribute.default)),
            "default": _text(attribute.default),
            "doc": attribute.doc,
            "unit": attribute.unit or "",
            "changed": key in self.values,
        }

    def set(self, target: Any, name: Any, text: Any) -> dict[str, Any]:
        """Set a parameter; empty text, or that of the default, takes a change back.

        Parameters
        ----------
        target, name, text : str
            As they were typed.

        Returns
        -------
        dict
            The row of the parameter.

        Raises
        ------
        QueryError, UnknownAttribute, WrongType
            If there is no such parameter, or the text does not fit it.
        """
        if target not in self._targets:
            raise QueryError(f"{target!r} has no process parameters", ", ".join(self._targets))
        cls = parameter_class(class_named(str(target)))
        getattr(getattr(Pars(self._cls), target).process_params, str(name))  # refuses unknown names
        attribute = cls._attributes[name]
        words = str(text).strip()
        value = attribute.default if not words else attribute.check(parse(attribute, words))
        if value == attribute.default:
            self.values.pop((target, name), None)
        else:
            self.values[target, name] = value
        return self._row(target, name, attribute)

    def asked(self) -> dict[str, Any]:
        """Return what was changed, as ``Class.plan(pars=...)`` takes it."""
        return {f"{t}.process_params.{name}": value for (t, name), value in self.values.items()}


def parse(attribute: Persistent, text: str) -> Any:
    """Return typed text as a value of an attribute.

    Raises
    ------
    QueryError
        If it is none.
    """
    if attribute.kind == "array" or attribute.type in (list, dict):
        wrapped = text if text[0] in "[{" else f"[{text}]"
        return _parsed(json.loads, wrapped, text, "list, such as 5, 10, 24")
    if attribute.type is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise QueryError(f"{text!r} is no truth value", "true or false")
        return text.lower() in _TRUE
    if attribute.type in (int, float):
        return _parsed(attribute.type, text, text, attribute.type.__name__)
    return text


def _parsed(kind: Any, text: str, typed: str, word: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise QueryError(f"{typed!r} is no {word}") from None


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value)
    return "" if value is None else str(value)
