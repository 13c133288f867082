"""Units in the documentation of persistent attributes: ``"Read noise [ADU]"``.

The unit is the text in the last pair of brackets at the end of the documentation. Astro-WISE
spellings (``ADU``, ``e-``, ``sec``) are accepted beside those of ``astropy.units``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from awlab.backend.errors import DefinitionError

__all__ = ["split_unit", "unit_string"]

_BRACKETS = re.compile(r"\[([^\[\]]*)\]\s*\.?\s*$")

# Astro-WISE's spelling -> astropy's.
_ALIASES = {
    "ADU": "adu",
    "e-": "electron",
    "sec": "s",
    "hour": "h",
    "pixels": "pixel",
    "degree": "deg",
    "meter": "m",
    "angstrom": "Angstrom",
}
_WORD = re.compile(r"e-(?![\w])|[A-Za-z]+")

# Checked once against astropy by a test: spares every process the import of astropy.units.
KNOWN_UNITS = frozenset(
    {
        "",
        "adu",
        "adu / s",
        "Angstrom",
        "arcsec",
        "arcsec / pixel",
        "byte",
        "d",
        "deg",
        "electron",
        "electron / adu",
        "h",
        "m",
        "mag",
        "mag / arcsec2",
        "mag/arcsec2",
        "min",
        "pixel",
        "s",
    }
)


def unit_string(text: str) -> str:
    """Turn a unit as written into astropy's spelling.

    Parameters
    ----------
    text : str
        For instance ``"electron / ADU"``.

    Returns
    -------
    str
        For instance ``"electron / adu"``; not yet checked.
    """
    return _WORD.sub(lambda m: _ALIASES.get(m.group(0), m.group(0)), text.strip())


@lru_cache(maxsize=1024)
def _is_unit(text: str) -> bool:
    if text in KNOWN_UNITS:
        return True
    from astropy import units

    try:
        units.Unit(text)
    except (ValueError, TypeError):
        return False
    return True


def split_unit(doc: str, owner: str) -> str | None:
    """Return the unit named at the end of a documentation string.

    Parameters
    ----------
    doc : str
        Documentation of an attribute.
    owner : str
        ``Class.attribute``, for the error.

    Returns
    -------
    str or None
        The unit in astropy's spelling, None where the documentation names none.

    Raises
    ------
    DefinitionError
        If the brackets hold something that is not a unit.
    """
    match = _BRACKETS.search(doc)
    if match is None:
        return None
    unit = unit_string(match.group(1))
    if not _is_unit(unit):
        raise DefinitionError(
            f"{owner}: {match.group(1)!r} is not a unit",
            "write a unit of astropy.units in the brackets, or no brackets at the end",
        )
    return unit
