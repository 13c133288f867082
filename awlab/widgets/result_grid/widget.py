"""``ResultGrid``: the rows of a query of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

from awlab.backend.database import DBObject, Query
from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.result_grid.state import GridState, checked_key

__all__ = ["ResultGrid"]


class ResultGrid(AwlabWidget):
    """The rows of a query, read page by page as one scrolls.

    Parameters
    ----------
    query : Query or type
        What to show; a class means all its objects.
    columns : sequence of str, optional
        Attribute paths.
    height : int
        Height on the screen [pixel].

    Attributes
    ----------
    selection : Query or DBObject
        The query, or the object of the row chosen last.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("grid",)

    selection = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(360).tag(sync=True)

    def __init__(
        self, query: Any, columns: Sequence[str] | None = None, *, height: int = 360
    ) -> None:
        query = query if isinstance(query, Query) else query.select_all()
        self.state = GridState(query, columns)
        super().__init__(height=height, selection=query)

    @answers
    def page(self, after: Any = None, order: str = "") -> dict[str, Any]:
        """Answer with the next rows."""
        return self.state.page(checked_key(after), order)

    @answers
    def count(self) -> dict[str, Any]:
        """Answer with the number of rows, up to a cap."""
        return self.state.count()

    @answers
    def choose(self, object_id: str) -> dict[str, Any]:
        """Make the object of a row the selection."""
        self.selection = DBObject(object_id=object_id)
        return {"python": f"{type(self.selection).__name__}(object_id={object_id!r})"}
