"""A verdict on what was selected in a plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awlab.backend.database import amend
from awlab.backend.datamodel import Judged
from awlab.backend.errors import AwlabError, QueryError

__all__ = ["MOST_JUDGED", "VERDICTS", "judge"]

#: More objects than that nobody has looked at.
MOST_JUDGED = 1_000
#: What can be said of an object; its quality flags are the system's verdict and do not change.
VERDICTS = [("0: bad", 0), ("1: valid", 1), ("2: qualified", 2)]


def judge(items: Sequence[Any], verdict: int, reason: str) -> str:
    """Set ``is_valid`` of all objects in one transaction; return what was done, in words.

    Parameters
    ----------
    items : sequence of Judged
        Objects.
    verdict : int
        0, 1 or 2.
    reason : str
        Why; kept with the change.

    Raises
    ------
    AwlabError
        If they are too many, not judged at all, or no reason is given.
    """
    said = " ".join(reason.split())
    if not said:
        raise QueryError("no reason is given", "say why, in a few words")
    if not items or len(items) > MOST_JUDGED or not all(isinstance(i, Judged) for i in items):
        raise AwlabError("these objects cannot be judged", f"at most {MOST_JUDGED:,} of a kind")
    word = dict((number, text) for text, number in VERDICTS)[verdict]
    amend(items, {"is_valid": verdict}, said)
    return f"{len(items):,} objects are marked {word}; {said}"
