"""Names of what is made: ``'Reduce>Astrometry'`` is two target classes."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import class_named, registered_classes
from awlab.backend.errors import TargetError

__all__ = ["sequence_classes"]


def sequence_classes(sequence: Any) -> list[Any]:
    """Return the target classes of a sequence: ``'Reduce'``, ``'Bias>HotPixels'``, or a class.

    Raises
    ------
    TargetError
        If a name is none of the sequences, which it lists, or a class is not a target.
    """
    if not isinstance(sequence, str):
        if not (isinstance(sequence, type) and hasattr(sequence, "plan")):
            name = getattr(sequence, "__name__", repr(sequence))
            raise TargetError(f"{name} is not made by the system", "for instance 'Reduce'")
        return [sequence]
    known = {
        str(cls.SEQUENCE): cls
        for cls in registered_classes().values()
        if getattr(cls, "SEQUENCE", "")
    }
    found = []
    for name in sequence.split(">"):
        cls = known.get(name.strip()) or class_named(name.strip())
        if cls is None or not hasattr(cls, "plan"):
            raise TargetError(f"no sequence {name.strip()!r}", f"known: {', '.join(sorted(known))}")
        found.append(cls)
    return found
