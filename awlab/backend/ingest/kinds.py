"""Tell the kind of a frame: the first rule of its instrument that fits decides."""

from __future__ import annotations

import re

from awlab.backend.errors import IngestError
from awlab.backend.ingest.attributes import Attributes
from awlab.backend.ingest.instruments import KindRule

__all__ = ["find_kind"]

_PURPOSES = {"standard": "photom"}


def find_kind(attributes: Attributes) -> tuple[str, str]:
    """Kind and purpose of a frame.

    Parameters
    ----------
    attributes : Attributes
        The image's headers; guesses are noted there.

    Returns
    -------
    tuple of str
        Kind (see `awlab.backend.ingest.description.KINDS`) and purpose.

    Raises
    ------
    IngestError
        If no rule fits, or the one that does says that such frames are not ingested.
    """
    for rule in attributes.definition.kinds:
        if _fits(rule, attributes):
            return _decided(rule, attributes)
    raise IngestError(
        f"{_name(attributes)} does not tell what kind of frame it is",
        "say so in its IMAGETYP, OBJECT, file name or folder name, or give the purpose",
    )


def _decided(rule: KindRule, attributes: Attributes) -> tuple[str, str]:
    if rule.kind == "unsupported":
        said = ", ".join(f"{k} is {attributes.view.string(k)!r}" for k in rule.when)
        raise IngestError(
            f"{_name(attributes)} is not a frame that awlab ingests: {said}",
            "only bias, dark, flat, science and standard images are",
        )
    if rule.note:
        attributes.note(_filled(rule, attributes), guess=True)
    kind = "science" if rule.kind == "standard" else rule.kind
    return kind, rule.purpose or _PURPOSES.get(rule.kind, rule.kind)


def _fits(rule: KindRule, attributes: Attributes) -> bool:
    for keyword, pattern in rule.when.items():
        value = _value(keyword, attributes)
        if not pattern:
            if value:
                return False
        elif not re.search(pattern, value, re.IGNORECASE):
            return False
    return True


def _value(keyword: str, attributes: Attributes) -> str:
    if keyword == "EXPTIME":  # compared as a number, so that '0', 0 and '0.000' are the same
        found = attributes.number("EXPTIME")
        return "" if found is None else f"{found:g}"
    return str(attributes.view.get(keyword) or "").strip()


def _filled(rule: KindRule, attributes: Attributes) -> str:
    """Put the values of the keywords into the note of a rule, where it names them in braces."""
    return re.sub(r"\{([^}]+)\}", lambda m: repr(_value(m[1], attributes)), rule.note)


def _name(attributes: Attributes) -> str:
    return str(attributes.view.get("FILENAME") or "the frame")
