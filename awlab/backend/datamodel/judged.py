"""Objects that are judged: by the system (``quality_flags``) and by people (``is_valid``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from awlab.backend.database import (
    Amendment,
    DBObject,
    Query,
    amend,
    history,
    persistent,
)
from awlab.backend.datamodel.quality_flags import Flag, QualityFlags, flags_of
from awlab.backend.datamodel.times import night_name
from awlab.backend.errors import QueryError

__all__ = ["Comment", "Judged", "Tag", "use_inspector"]

# What a key calls them: the observing night, and the object observed.
_KEY_WORDS = {"date": "night", "object": "OBJECT"}
_VERDICTS = {0: "bad", 1: "valid", 2: "qualified, ready for delivery"}


# What a quality page says is written above this room (`quality`): an object only asks for it.
_inspectors: dict[str, Callable[[Any], Any]] = {}


def use_inspector(make_page: Callable[[Any], Any]) -> None:
    """Say what `Judged.inspect` returns: a function that makes the page of an object."""
    _inspectors["page"] = make_page


class Judged(DBObject, abstract=True):
    """An object with a verdict.

    ``quality_flags`` are set by `verify` when the object is made, and never after; ``is_valid``
    is set by people: 0 bad, 1 valid, 2 qualified.
    """

    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(0, "DEFAULT_CALIBRATION", "made with a default (boot-strap) calibration"),
        Flag(1, "FEW_INPUTS", "made from fewer inputs than it should be"),
        Flag(2, "REPEATS_INVALID", "has the same content as an object that was invalidated"),
        Flag(3, "NOT_FINITE", "has pixels or values that are not numbers"),
        Flag(4, "QUANTISED", "the pixel values are too coarse for the measurement"),
        Flag(5, "FLAGGED_INPUT", "made from an input that is flagged"),
    )

    is_valid = persistent("Verdict of people: 0 bad, 1 valid, 2 qualified", int, 1)
    quality_flags = persistent("Verdict of the system: bits, 0 is good", int, 0)

    @classmethod
    def _select_by(cls, name: str, value: Any) -> Query:
        """Know the words of keys, and ask the raw frame for what the class has not itself."""
        if name in cls._attributes:
            return super()._select_by(name, value)
        column = _KEY_WORDS.get(name, name)
        raw = cls._attributes.get("raw")
        if column in cls._attributes:
            path = column
        elif raw is not None and column in raw.type._attributes:
            path = f"raw.{column}"
        else:
            path = name  # refused, under the name that was given
        return super()._select_by(path, _nights(value) if name == "date" else value)

    def raise_flag(self, name: str) -> None:
        """Set one flag of an object that is being made.

        Raises
        ------
        QueryError
            If the class has no flag of that name.
        """
        known = flags_of(type(self))
        if name not in known:
            raise QueryError(
                f"{type(self).__name__} has no quality flag {name!r}", f"it has {', '.join(known)}"
            )
        self.quality_flags = int(self.quality_flags) | known[name].value

    def set_valid(self, verdict: int, reason: str) -> None:
        """Give a verdict: 0 bad, 1 valid, 2 qualified; who and why is kept.

        Raises
        ------
        QueryError
            If the verdict is none of these or no reason is given.
        """
        if verdict not in _VERDICTS:
            raise QueryError(f"is_valid = {verdict!r} has no meaning", f"use one of {_VERDICTS}")
        amend([self], {"is_valid": verdict}, reason)

    def verdict(self) -> str:
        """Put both verdicts in words."""
        text = f"{self.is_valid}: {_VERDICTS.get(self.is_valid, 'unknown')}"
        flags = self.quality_flags
        return f"{text}; {'no flags' if not flags else ', '.join(flags.names)}"

    def inspect(self) -> Any:
        """Return the quality page: Jupyter shows it with its figures, a terminal as text.

        Raises
        ------
        QueryError
            If the object is not committed.
        """
        return _inspectors["page"](self)

    def history(self) -> list[Amendment]:
        """Return what was changed after the object was made, oldest first."""
        return history(self)

    def comment(self, text: str) -> Any:
        """Say something about the object; anybody who sees it may read it."""
        return Comment(subject=self, content=text).commit()

    def tag(self, name: str) -> Any:
        """Put a tag on the object: a release, a campaign, a to-do."""
        return Tag(subject=self, name=name).commit()

    def comments(self) -> Query:
        """Return the comments on the object, oldest first."""
        found: Query = Comment.subject == self
        return found.order_by("creation_date")

    def tags(self) -> Query:
        """Return the tags of the object."""
        found: Query = Tag.subject == self
        return found.order_by("name")


def _present_flags(obj: Any, value: Any) -> Any:
    return None if value is None else QualityFlags(value, type(obj))


Judged._attributes["quality_flags"].present = _present_flags


def _nights(value: Any) -> Any:
    """Return nights by name: of one date, of several, or as a pattern."""
    if isinstance(value, (list, tuple, set)):
        return [night_name(item) for item in value]
    if isinstance(value, str) and ("*" in value or "?" in value):
        return value
    return night_name(value)


class Comment(DBObject):
    """A remark about an object."""

    _remark_on = "subject"

    subject = persistent("Object the remark is about", DBObject, dependency=False)
    content = persistent("The remark", str, "")


class Tag(DBObject):
    """A mark on an object, by which to find it again."""

    _remark_on = "subject"

    subject = persistent("Object that is marked", DBObject, dependency=False)
    name = persistent("The mark", str, "")
