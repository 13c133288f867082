"""A FITS header as a plain ordered mapping, free of astropy."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from awlab.backend.dataserver.cards import (
    CARD,
    NOTES,
    Card,
    Value,
    format_card,
    format_note,
    parse_card,
)
from awlab.backend.errors import MissingKeyword

__all__ = ["Header", "merge_headers"]

_END = "END".ljust(CARD)


class Header(MutableMapping[str, Value]):
    """Keyword -> value, in the order of the file.

    Keywords are found in any case, with or without ``HIERARCH``:
    ``header['ESO INS FILT1 NAME']``. Where a keyword stands twice the first one counts, and both
    are kept. Cards that are not changed are written back exactly as they were read.

    Parameters
    ----------
    values : mapping, optional
        Values to begin with, or tuples (value, comment); another `Header` is copied with
        everything it has.

    Attributes
    ----------
    problems : list of str
        What broke the FITS standard where this header was read, and how it was understood.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._cards: list[Card] = []
        self._index: dict[str, int] = {}
        self.problems: list[str] = []
        if isinstance(values, Header):
            self._cards = list(values._cards)
            self._index = dict(values._index)
            self.problems = list(values.problems)
        elif values is not None:
            for keyword, value in values.items():
                self[keyword] = value

    @classmethod
    def parse(cls, text: str) -> Header:
        """Read the text of a header.

        Parameters
        ----------
        text : str
            Cards of 80 characters, up to ``END`` or the end.

        Returns
        -------
        Header
            The header; cards that break the standard are mended and listed in ``problems``.
        """
        header = cls()
        position = 0
        while position < len(text):
            stop = position + CARD
            if text.startswith("END", position) and text[position:stop].rstrip() == "END":
                break
            while text.startswith("CONTINUE", stop):
                stop += CARD
            card, problem = parse_card(text[position:stop].ljust(CARD))
            if problem:
                header.problems.append(problem)
            header._append(card)
            position = stop
        return header

    def to_text(self) -> str:
        """Text of the header, ``END`` and padding included: a multiple of 2880 characters."""
        text = "".join(map(_image, self._cards)) + _END
        return text + " " * (-len(text) % 2880)

    def cards(self) -> Iterator[Card]:
        """All cards, notes and repeated keywords included."""
        return iter(self._cards)

    def append(self, card: Card) -> None:
        """Add a card at the end, even if its keyword is there already."""
        self._append(card)

    def comment(self, keyword: str) -> str:
        """Comment of a keyword.

        Raises
        ------
        MissingKeyword
            If there is no such keyword.
        """
        return self._cards[self._find(keyword)].comment

    def notes(self, keyword: str) -> list[str]:
        """Texts of all cards of a keyword that has no value: COMMENT, HISTORY or ``''``."""
        return [str(c.value).strip() for c in self._cards if c.note and c.keyword == keyword]

    def add_note(self, keyword: str, text: str) -> None:
        """Add a COMMENT or HISTORY (or another note) at the end; long text takes more cards."""
        self._append(Card(keyword, text, note=True))

    def copy(self) -> Header:
        """A copy that can be changed by itself."""
        return Header(self)

    def _append(self, card: Card) -> None:
        if not card.note:
            self._index.setdefault(card.keyword, len(self._cards))
        self._cards.append(card)

    def _find(self, keyword: str) -> int:
        try:
            return self._index[_normal(keyword)]
        except KeyError:
            raise MissingKeyword(
                f"the header has no keyword {keyword!r}", f"it has {len(self._index)} others"
            ) from None

    def __getitem__(self, keyword: str) -> Value:
        return self._cards[self._find(keyword)].value

    def __setitem__(self, keyword: str, value: Any) -> None:
        name = _normal(keyword)
        if name in NOTES:
            self.add_note(name, str(value))
            return
        place = self._index.get(name)
        old = "" if place is None else self._cards[place].comment
        content, comment = value if isinstance(value, tuple) else (value, old)
        card = Card(name, content, str(comment))
        if place is None:
            self._append(card)
        else:
            self._cards[place] = card

    def __delitem__(self, keyword: str) -> None:
        name = self._cards[self._find(keyword)].keyword
        self._cards = [card for card in self._cards if card.note or card.keyword != name]
        self._index = {}
        for place, card in enumerate(self._cards):
            if not card.note:
                self._index.setdefault(card.keyword, place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, keyword: object) -> bool:
        return isinstance(keyword, str) and _normal(keyword) in self._index

    def __repr__(self) -> str:
        return "\n".join(_image(card).rstrip() for card in self._cards)


def merge_headers(primary: Header, extension: Header) -> Header:
    """Header of an extension as a file of its own: nothing of either is lost.

    Parameters
    ----------
    primary : Header
        Header of the primary HDU.
    extension : Header
        Header of the extension; it wins where both have a keyword.

    Returns
    -------
    Header
        The primary's cards, then the extension's. A primary value that another one replaces is
        kept as ``PRIMARY <keyword>``.
    """
    merged = Header()
    merged.problems = [*primary.problems, *extension.problems]
    for card in primary.cards():
        if card.note or card.keyword not in extension:
            merged.append(card)
        elif card.value != extension[card.keyword]:
            merged.append(Card(f"PRIMARY {card.keyword}", card.value, card.comment))
    for card in extension.cards():
        merged.append(card)
    return merged


@functools.lru_cache(maxsize=4096)
def _normal(keyword: str) -> str:
    return " ".join(keyword.upper().removeprefix("HIERARCH ").split())


def _image(card: Card) -> str:
    if card.image:
        return card.image
    if card.note:
        return format_note(card.keyword, str(card.value))
    return format_card(card.keyword, card.value, card.comment)
