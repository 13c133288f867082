"""Attributes of a frame, found in its headers by the rules of its instrument's definition."""

from __future__ import annotations

import math
from collections.abc import Iterator

from awlab.backend.ingest.header_view import HeaderView, number, text
from awlab.backend.ingest.instruments import Extract, InstrumentDefinition

__all__ = ["Attributes"]


class Attributes:
    """Reads attributes from the headers of one image and keeps what was doubtful, in words.

    Parameters
    ----------
    view : HeaderView
        The image's headers.
    definition : InstrumentDefinition
        Gives the rules of each attribute.
    """

    def __init__(self, view: HeaderView, definition: InstrumentDefinition) -> None:
        self.view = view
        self.definition = definition
        self._notes: list[str] = []
        self._guesses: list[str] = []

    @property
    def problems(self) -> tuple[str, ...]:
        """What was noted so far, and the cards that break the FITS standard."""
        return (*self._notes, *self.view.problems)

    @property
    def guesses(self) -> tuple[str, ...]:
        """Those of the problems in which something essential was guessed: the kind, the date."""
        return tuple(self._guesses)

    def note(self, problem: str, *, guess: bool = False) -> None:
        """Keep one doubtful thing, once.

        Parameters
        ----------
        problem : str
            A sentence without a full stop.
        guess : bool
            True where something was guessed that decides what the frame is used for.
        """
        if problem and problem not in self._notes:
            self._notes.append(problem)
            if guess:
                self._guesses.append(problem)

    def values(self, attribute: str) -> Iterator[tuple[str, object]]:
        """Give what the rules of an attribute find, in order of trust, the default last.

        Parameters
        ----------
        attribute : str
            Name of the attribute.

        Yields
        ------
        tuple of str and object
            Where the value stands, and the value.
        """
        for rule in self.definition.keywords.get(attribute, ()):
            if isinstance(rule, str):
                source, value = rule, self.view.get(rule)
            else:
                source = rule.keyword if isinstance(rule, Extract) else "a rule"
                value = rule(self.view)
            if value is not None:
                if source in {"FILENAME", "FOLDER"}:
                    self.note(f"{attribute} {value!r} was read from the {_SPOKEN[source]}")
                yield source, value
        if attribute in self.definition.defaults:
            yield "the definition", self.definition.defaults[attribute]

    def string(self, attribute: str) -> str | None:
        """First value that is not a placeholder.

        Parameters
        ----------
        attribute : str
            Name of the attribute.
        """
        return next((t for _, v in self.values(attribute) if (t := text(v)) is not None), None)

    def number(
        self, attribute: str, low: float = -math.inf, high: float = math.inf
    ) -> float | None:
        """First number between two limits; those beyond them stand for "not measured".

        Parameters
        ----------
        attribute : str
            Name of the attribute.
        low, high : float, optional
            Limits, themselves allowed.
        """
        for source, value in self.values(attribute):
            found = number(value)
            if found is not None and low <= found <= high:
                return found
            if text(value) is not None or found is not None:
                self.note(f"{source} is {str(value).strip()!r}: taken as not measured")
        return None


_SPOKEN = {"FILENAME": "file name", "FOLDER": "folder name"}
