"""Quality flags: what every bit means, for every class, from one registry.

A class declares the bits it can set; the declaration is the documentation and the decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awlab.backend.database import registered_classes
from awlab.backend.errors import DefinitionError

__all__ = ["Flag", "QualityFlags", "describe_flags", "flags_of"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One bit of ``quality_flags``.

    Attributes
    ----------
    bit : int
        0 ... 62; 0-15 are the same for all classes, a class's own begin at 16.
    name : str
        Name in capitals.
    meaning : str
        What is wrong, in a few words.
    informs : bool
        True if it only informs: what is made from the object is not doubted because of it.
    """

    bit: int
    name: str
    meaning: str
    informs: bool = False

    @property
    def value(self) -> int:
        """The bit as a number."""
        return 1 << self.bit


def flags_of(cls: Any) -> dict[str, Flag]:
    """Return the flags of a class by name, those of its bases included, in order of bits.

    Raises
    ------
    DefinitionError
        If two flags share a bit or a name.
    """
    found: dict[str, Flag] = {}
    bits: dict[int, str] = {}
    for base in reversed(cls.__mro__):
        for flag in vars(base).get("FLAGS", ()):
            if flag.name in found or flag.bit in bits or not 0 <= flag.bit <= 62:
                raise DefinitionError(
                    f"{base.__name__}: flag {flag.name} (bit {flag.bit}) is taken",
                    "choose a free bit and name",
                )
            found[flag.name] = flag
            bits[flag.bit] = flag.name
    return dict(sorted(found.items(), key=lambda item: item[1].bit))


class QualityFlags(int):
    """The value of ``quality_flags``, which knows what its bits mean."""

    _owner: Any

    def __new__(cls, value: int, owner: Any = None) -> QualityFlags:
        """Make the flags of an object of class ``owner``."""
        flags = super().__new__(cls, value)
        flags._owner = owner
        return flags

    @property
    def flags(self) -> list[Flag]:
        """The flags that are set."""
        return [flag for flag in flags_of(self._owner).values() if self & flag.value]

    @property
    def are_serious(self) -> bool:
        """True if one is set that does more than inform: it makes products doubtful too."""
        informing = sum(flag.value for flag in flags_of(self._owner).values() if flag.informs)
        return bool(self & ~informing)

    @property
    def names(self) -> list[str]:
        """Names of the flags that are set."""
        return [flag.name for flag in self.flags]

    def explain(self) -> str:
        """Put the flags in words, one line each."""
        if not self:
            return "no flag is set"
        return "\n".join(f"{flag.name}: {flag.meaning}" for flag in self.flags)

    def __repr__(self) -> str:
        return f"{int(self)} ({', '.join(self.names)})" if self else "0"

    def __reduce__(self) -> tuple[Any, ...]:
        return (QualityFlags, (int(self), self._owner))


def describe_flags() -> list[dict[str, Any]]:
    """List all flags of all classes, for documentation: class, bit, name and meaning."""
    rows = []
    for name, cls in sorted(registered_classes().items()):
        for flag in vars(cls).get("FLAGS", ()):
            rows.append(
                {"class": name, "bit": flag.bit, "name": flag.name, "meaning": flag.meaning}
            )
    return rows
