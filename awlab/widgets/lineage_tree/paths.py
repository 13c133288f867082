"""The ancestors of an object as a graph: ways through it, and a drawing of its classes."""

from __future__ import annotations

from collections import deque
from typing import Any

from awlab.widgets.lineage_tree.drawing import draw_classes

__all__ = ["Ancestry"]

Step = tuple[str, int, int]


class Ancestry:
    """Everything an object was made from; the edges are read when a way is asked for.

    Parameters
    ----------
    item : DBObject
        Committed object.
    """

    def __init__(self, item: Any) -> None:
        self.item = item
        self.lineage = item.upstream()
        self.counts: dict[str, int] = self.lineage.counts()
        self._edges: list[tuple[int, int, str]] | None = None

    def edges(self) -> list[tuple[int, int, str]]:
        """Return (made, made from, role) of all edges: one statement, at the first call."""
        if self._edges is None:
            self._edges = self.lineage.edges().rows()
        return self._edges

    def way(self, start: int, end: int) -> tuple[list[Step], set[int]]:
        """Find the shortest way up from one object to another.

        Parameters
        ----------
        start, end : int
            Row numbers; ``end`` is an ancestor of ``start``.

        Returns
        -------
        steps : list of (role, here, there)
            From the start to the end.
        between : set of int
            All objects on any way, both ends included.
        """
        inputs: dict[int, list[tuple[str, int]]] = {}
        products: dict[int, list[tuple[str, int]]] = {}
        for made, source, role in self.edges():
            inputs.setdefault(made, []).append((role, source))
            products.setdefault(source, []).append((role, made))
        above, below = _reached(start, inputs), _reached(end, products)
        steps: list[Step] = []
        here = end
        while here != start and here in above:
            role, before = above[here]
            steps.append((role, before, here))
            here = before
        return steps[::-1], set(above) & set(below)

    def drawing(self, title: str) -> str:
        """Return the classes and the links between them as SVG."""
        names = self.lineage.class_names() | {self.item._id: title}
        links: dict[tuple[str, str, str], int] = {}
        for made, source, role in self.edges():
            key = (names[source], names[made], role)
            links[key] = links.get(key, 0) + 1
        counts = dict(self.counts)
        counts[title] = counts.get(title, 0) + 1
        return draw_classes(counts, links)


def _reached(start: int, following: dict[int, list[tuple[str, int]]]) -> dict[int, tuple[str, int]]:
    """Breadth first: every object reached, with the link and the object it was reached by."""
    found: dict[int, tuple[str, int]] = {start: ("", start)}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for role, there in following.get(here, ()):
            if there not in found:
                found[there] = (role, here)
                queue.append(there)
    return found
