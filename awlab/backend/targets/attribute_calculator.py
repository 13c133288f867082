"""AttributeCalculator: attributes that a user's own function computes from others.

The text of the function is kept and runs again whenever attributes are pulled, in a namespace that
has NumPy as ``np`` and ``math`` and nothing else, so that it computes the same in every process.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from awlab.backend.catalogs import ColumnMeaning, SourceTable
from awlab.backend.database import context, persistent
from awlab.backend.errors import AccessDenied, TargetError
from awlab.backend.targets.source_collection import Pull, SourceCollection

__all__ = ["AttributeCalculator"]


class AttributeCalculator(SourceCollection):
    """A collection with attributes more, computed by a function from those that it has.

    The function gets one array per attribute, of the sources that are wanted, and returns one
    array, or a tuple with one per output.
    """

    parent_collection = persistent("Collection that it is derived from", SourceCollection)
    function_name = persistent("Name of the function", str, "")
    definition = persistent("Its text", str, "")
    inputs = persistent("Attributes that it needs, in the order of its parameters", str, [])
    outputs = persistent("Attributes that it gives", str, [])
    parameters = persistent("Parameters of the function that are no attributes", dict, {})
    units = persistent("Units of the outputs", dict, {})

    @classmethod
    def of(
        cls,
        parent: SourceCollection,
        function: Callable[..., Any],
        outputs: Sequence[str],
        *,
        units: dict[str, str] | None = None,
        **parameters: Any,
    ) -> AttributeCalculator:
        """Make a calculator of a function.

        Parameters
        ----------
        parent : SourceCollection
            Collection that has the attributes.
        function : callable
            A ``def`` that needs nothing from around it; imports stand inside it.
        outputs : sequence of str
            Names of what it returns.
        units : dict of str to str, optional
            Units of the outputs.
        **parameters
            Values of its parameters that are no attributes.

        Raises
        ------
        TargetError
            If the text of the function cannot be kept.
        UnknownAttribute
            If a parameter is no attribute and has no value.
        """
        definition = _text_of(function)
        known = parent.attributes()
        asked = inspect.signature(function).parameters.values()
        needed = [p.name for p in asked if p.name not in parameters and _is_needed(p, known)]
        parent._known(needed)
        taken = [name for name in outputs if name in known]
        if taken or not outputs:
            what = f"{taken[0]!r} is there already" if taken else "the function has no outputs"
            raise TargetError(f"{function.__name__}: {what}", "name its outputs otherwise")
        return cls(
            parent_collection=parent,
            function_name=function.__name__,
            definition=definition,
            inputs=needed,
            outputs=list(outputs),
            parameters=parameters,
            units=dict(units or {}),
        )

    def attributes(self) -> tuple[str, ...]:
        """Return the attributes of the parent and those computed."""
        return (*self.parent_collection.attributes(), *self.outputs)

    def _pull(self, wanted: Pull) -> SourceTable:
        own = [name for name in wanted.columns if name in self.outputs]
        others = [name for name in wanted.columns if name not in self.outputs]
        if not own:
            found: SourceTable = self.parent_collection._pull(wanted)
            return found
        columns = tuple(dict.fromkeys([*others, *self.inputs]))
        table: SourceTable = self.parent_collection._pull(replace(wanted, columns=columns))
        results = self._compute(table, trust=wanted.trust)
        picked = {name: results[name] for name in own}
        meanings = {
            name: ColumnMeaning(self.units.get(name, ""), f"Computed by {self.function_name}")
            for name in own
        }
        return table.with_columns(picked, meanings)

    def _compute(self, table: SourceTable, *, trust: bool) -> dict[str, Any]:
        if self.is_committed and self.creator != context.user and not trust:
            raise AccessDenied(
                f"{self.function_name} is code of {self.creator}",
                "read .definition of the calculator, then pull(..., trust=True)",
            )
        arguments = {name: table[name] for name in self.inputs} | dict(self.parameters)
        if not table.count:
            return {name: np.zeros(0) for name in self.outputs}
        try:
            given = _function(self.definition, self.function_name)(**arguments)
        # Whatever a user's function raises: the pull ends with its name.
        except Exception as exc:
            why = str(exc).splitlines()[0] if str(exc) else ""
            hint = "only np and math are there: imports stand inside the function"
            raise TargetError(
                f"{self.function_name} raised {type(exc).__name__}: {why}",
                hint if isinstance(exc, NameError) else "see .definition of the calculator",
            ) from exc
        results = given if isinstance(given, tuple) else (given,)
        arrays = [np.asarray(one) for one in results]
        fits = len(arrays) == len(self.outputs)
        if not fits or any(one.shape[:1] != (table.count,) for one in arrays):
            shapes = ", ".join(str(one.shape) for one in arrays)
            raise TargetError(
                f"{self.function_name} returned arrays of shape {shapes} for {table.count} sources",
                f"return one value per source for {', '.join(self.outputs)}",
            )
        return dict(zip(self.outputs, arrays, strict=True))

    def _told(self) -> str:
        return f"{', '.join(self.outputs)} by {self.function_name} of {self.parent_collection!r}"


def _is_needed(parameter: inspect.Parameter, known: Sequence[str]) -> bool:
    """Tell whether a parameter must be an attribute: one with a default need not be."""
    return parameter.name in known or parameter.default is inspect.Parameter.empty


def _text_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or name == "<lambda>" or function.__closure__:
        raise TargetError(
            f"{function!r} cannot be kept as a text",
            "write a def that uses no variables of what is around it",
        )
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as exc:
        raise TargetError(
            f"the text of {name} is not to be had", "define it in a file or a notebook cell"
        ) from exc


def _function(definition: str, name: str) -> Callable[..., Any]:
    import math

    namespace: dict[str, Any] = {"np": np, "math": math}
    exec(compile(definition, f"<{name}>", "exec"), namespace)
    found: Callable[..., Any] = namespace[name]
    return found
