"""``LineageTree``: what an object was made from, and what was made from it."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.lineage_tree.state import LineageState

__all__ = ["LineageTree"]


class LineageTree(AwlabWidget):
    """The lineage of one object as a tree that opens as far as one looks.

    Parameters
    ----------
    item : DBObject
        Committed object at the root.
    height : int
        Height of the tree on the screen [pixel].

    Attributes
    ----------
    selection : DBObject or Query
        What was chosen last: an object, or the objects of a group.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("tree", "picture", "difference")

    selection = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(420).tag(sync=True)

    def __init__(self, item: Any, *, height: int = 420) -> None:
        self.state = LineageState(item)
        super().__init__(height=height, selection=item)

    @answers
    def opening(self) -> dict[str, Any]:
        """Answer with the root and its direct neighbours."""
        return self.state.opening()

    @answers
    def groups(self, object_id: str) -> dict[str, Any]:
        """Answer with the neighbours of an object, by role and class."""
        return {"groups": self.state.groups(object_id)}

    @answers
    def members(
        self, object_id: str, direction: str, role: str, class_name: str, after: int = 0
    ) -> dict[str, Any]:
        """Answer with one page of a group."""
        return self.state.members(object_id, direction, role, class_name, after)

    @answers
    def judge(self, object_ids: list[str]) -> dict[str, Any]:
        """Answer with the states of targets."""
        return {"states": self.state.judge(object_ids)}

    @answers
    def choose(self, object_id: str) -> dict[str, Any]:
        """Make an object the selection; answer with its portrait."""
        self.selection = self.state.object(object_id)
        return self.state.portrait(object_id)

    @answers
    def choose_group(
        self, object_id: str, direction: str, role: str, class_name: str
    ) -> dict[str, Any]:
        """Make the objects of a group the selection, as a query."""
        self.selection = self.state.group_query(object_id, direction, role, class_name)
        return {"python": str(self.selection)}

    @answers
    def path(self, object_id: str) -> dict[str, Any]:
        """Answer with the way between the root and an object."""
        return self.state.path_to(object_id)

    @answers
    def thumbnail(self, object_id: str) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with a small picture of an object."""
        return self.state.thumbnail(object_id)

    @answers
    def difference(self, first: str, second: str) -> dict[str, Any]:
        """Answer with why two objects of one class differ."""
        return self.state.difference(first, second)

    @answers
    def search(self, text: str) -> dict[str, Any]:
        """Answer with the objects whose name fits."""
        return {"items": self.state.search(text)}

    @answers
    def prov(self) -> dict[str, Any]:
        """Answer with the lineage as PROV-JSON."""
        return {"text": self.state.prov()}

    @answers
    def svg(self) -> dict[str, Any]:
        """Answer with the lineage as a drawing."""
        return {"text": self.state.drawing()}
