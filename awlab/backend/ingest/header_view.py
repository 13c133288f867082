"""One look at a file's headers: the image's own keywords first, then the primary's.

Headers are plain mappings from keyword to value. What a keyword says is cleaned here once: blanks,
quotes, numbers written as strings, placeholders for "not measured".
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePath

__all__ = ["Header", "HeaderView", "number", "text"]

#: What ingest asks of a header: keyword -> value.
Header = Mapping[str, object]

_PLACEHOLDERS = {
    "", "-", "--", "?", "n/a", "na", "nan", "none", "null", "undefined", "unknown", "notset",
    "not set", "not available", "hh:mm:ss", "hh:mm:ss.ss", "dd:mm:ss", "dd:mm:ss.s", "+dd:mm:ss",
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")
_CARD = re.compile(r"^.{8}=\s*([^/]*)")


def text(value: object) -> str | None:
    """Clean string, None for a placeholder.

    Parameters
    ----------
    value : object
        Value of a card.
    """
    if value is None:
        return None
    cleaned = str(value).strip().strip("'\"").strip()
    return None if cleaned.casefold() in _PLACEHOLDERS else cleaned


def number(value: object) -> float | None:
    """Finite number, also where it is written as a string; None for anything else.

    Parameters
    ----------
    value : object
        Value of a card.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        cleaned = value.strip().strip("'\"").strip()
        if not _NUMBER.fullmatch(cleaned):
            return None
        value = cleaned.upper().replace("D", "E")
    try:
        result = float(value)  # type: ignore[arg-type]  # numpy scalars and Decimals pass here
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


@lru_cache(maxsize=256)
def _indexed_pattern(keyword: str) -> re.Pattern[str]:
    return re.compile("(?:HIERARCH )?" + re.escape(keyword).replace(r"\#", r"(\d*)"))


class HeaderView(Mapping[str, object]):
    """The keywords that apply to one image of a file.

    Parameters
    ----------
    headers : sequence of mapping
        Headers of all HDUs of the file.
    extension : int
        HDU of the image.
    path : str, optional
        Where the file lies; ``FILENAME`` and ``FOLDER`` are answered from it.
    """

    def __init__(self, headers: Sequence[Header], extension: int, path: str = "") -> None:
        self.extension = extension
        own = headers[extension]
        self._layers: tuple[Header, ...] = (own,) if extension == 0 else (own, headers[0])
        place = PurePath(path.replace("\\", "/"))
        self._pseudo = {"FILENAME": place.name, "FOLDER": place.parent.name}
        self._broken: list[str] = []

    def __getitem__(self, keyword: str) -> object:
        if keyword in self._pseudo:
            return self._pseudo[keyword]
        for layer in self._layers:
            value = self._indexed(layer, keyword) if "#" in keyword else self._read(layer, keyword)
            if value is not None:
                return value
        raise KeyError(keyword)

    def __iter__(self) -> Iterator[str]:
        seen: dict[str, None] = {}
        for layer in self._layers:
            seen.update(dict.fromkeys(layer))
        return iter([*seen, *self._pseudo])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def problems(self) -> tuple[str, ...]:
        """Cards that break the FITS standard, as the reader of the headers and this view found."""
        told = [str(p) for layer in self._layers for p in getattr(layer, "problems", ())]
        told += [
            f"the card {keyword} breaks the FITS rules; what could be read of it was used"
            for keyword in self._broken
        ]
        return tuple(dict.fromkeys(told))

    def own(self, keyword: str) -> object:
        """Value in the image's own header, None where it has none."""
        return self._read(self._layers[0], keyword)

    def string(self, keyword: str) -> str | None:
        """Clean string of a keyword, None where absent or a placeholder."""
        return text(self.get(keyword))

    def number(self, keyword: str) -> float | None:
        """Number of a keyword, None where absent or not a number."""
        return number(self.get(keyword))

    def _indexed(self, layer: Header, keyword: str) -> object:
        """Keyword with a number in it: this image's own number first, then the lowest."""
        pattern = _indexed_pattern(keyword)
        found: list[tuple[bool, int, str]] = []
        for key in layer:
            match = pattern.fullmatch(key)
            if match:
                index = int(match.group(1) or 0)
                found.append((index != self.extension, index, key))
        return self._read(layer, min(found)[2]) if found else None

    def _read(self, layer: Header, keyword: str) -> object:
        for name in (keyword, f"HIERARCH {keyword}"):
            try:
                if name in layer:
                    return layer[name]
            except Exception:  # whatever a FITS library raises on a card it cannot parse
                return self._mend(layer, name)
        return None

    def _mend(self, layer: Header, keyword: str) -> object:
        """Take the value of a card from its 80 characters, e.g. an unquoted 12:34:56."""
        cards = getattr(layer, "cards", None)
        try:
            with warnings.catch_warnings():
                # Asking for the card makes the library mend it; it is told in the problems.
                warnings.simplefilter("ignore")
                image = str(cards[keyword].image) if cards is not None else ""
        except Exception:  # the card is beyond reading; said, never a reason to drop the file
            image = ""
        if keyword not in self._broken:
            self._broken.append(keyword)
        found = _CARD.match(image)
        return text(found.group(1)) if found else None
