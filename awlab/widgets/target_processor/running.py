"""A job of a plan while it runs, as plain data: target by target, and what came of it."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import Query, WithIds, target_rows
from awlab.backend.errors import AwlabError
from awlab.backend.lineage import label_of
from awlab.backend.process import Job
from awlab.widgets.job_monitor import target_card

__all__ = ["Run", "product_cards", "products_query"]

_LINES = 14
_SHOWN = 200
_OPEN = ("queued", "running")


class Run:
    """A job and the numbers of its targets in the tree.

    Parameters
    ----------
    job : Job
        What runs.
    numbers : list of int
        Number in the tree of every target of the job, in order.
    """

    def __init__(self, job: Job, numbers: list[int]) -> None:
        self.job, self.numbers = job, numbers

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.job.status in _OPEN

    def look(self) -> tuple[dict[str, Any], bool]:
        """Return how far it is, and whether it is over: two statements."""
        # Status first: what is written between both looks belongs to a job that is not over.
        status, error = self.job.status, self.job.error
        rows = target_rows(self.job.number)
        cards = [target_card(row) for row in rows]
        begun = [card for card in cards if card["status"] != "queued"]
        numbers = dict(enumerate(self.numbers))
        found = {
            "number": self.job.number,
            "status": status,
            "error": " ".join(error.split()),
            "done": sum(card["status"] in ("finished", "skipped") for card in cards),
            "failed": sum(card["status"] == "failed" for card in cards),
            "total": len(cards),
            "nodes": {numbers[c["ordinal"]]: c["status"] for c in begun if c["ordinal"] in numbers},
            "lines": [_line(card) for card in begun[-_LINES:]],
        }
        return found, status not in _OPEN

    def products(self) -> list[Any]:
        """Return the objects that were asked for; if it failed, those that were made."""
        try:
            return self.job.products
        except AwlabError:
            return []


def _line(card: dict[str, Any]) -> str:
    took = f" {card['took']}" if card["took"] else ""
    message = f": {card['message']}" if card["message"] else ""
    return f"{card['label']}: {card['status']}{took}{message}"


def product_cards(items: list[Any]) -> dict[str, Any]:
    """Return products as rows that lead to them.

    Parameters
    ----------
    items : list of ProcessTarget
        Committed objects.
    """
    shown = [
        {
            "id": item.object_id,
            "class_name": type(item).__name__,
            "label": label_of(item),
            "verdict": item.verdict(),
        }
        for item in items[:_SHOWN]
    ]
    return {"products": shown, "products_total": len(items)}


def products_query(items: list[Any]) -> Any:
    """Return products as a query; one as it is, those of several classes as a list."""
    kinds = {type(item) for item in items}
    if len(items) == 1:
        return items[0]
    if len(kinds) > 1:
        return items
    return Query(kinds.pop(), WithIds(tuple(sorted(item._id for item in items))))
