"""``QueryBuilder``: ask by choosing."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.backend.database import DBObject, Query, run_sql
from awlab.backend.errors import QueryError
from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.query_builder.choices import class_of_name
from awlab.widgets.query_builder.export import FORMATS, export
from awlab.widgets.query_builder.state import QueryState
from awlab.widgets.result_grid import cell_text, checked_key

__all__ = ["QueryBuilder"]

_SQL_ROWS = 1_000


class QueryBuilder(AwlabWidget):
    """Put a query together by choosing class, attributes and values.

    Parameters
    ----------
    cls : type or str
        Class to begin with.
    height : int
        Height of the rows on the screen [pixel].

    Attributes
    ----------
    selection : Query
        What is asked: usable in the next cell.
    row : DBObject or None
        Object of the row that was chosen last.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("tree", "grid", "tabs", "conditions")

    selection = traitlets.Any(None, allow_none=True)
    row = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(320).tag(sync=True)

    def __init__(self, cls: Any = "ReducedScienceFrame", *, height: int = 320) -> None:
        found = cls.root if isinstance(cls, Query) else cls
        self.state = QueryState(class_of_name(found) if isinstance(found, str) else found)
        super().__init__(height=height, selection=self.state.query)

    @answers
    def opening(self) -> dict[str, Any]:
        """Answer with what is chosen and what there is to choose from."""
        return {**self.state.opening(), "formats": list(FORMATS)}

    @answers
    def set_class(self, name: str) -> dict[str, Any]:
        """Begin anew with another class."""
        found = self.state.set_class(name)
        self.selection = self.state.query
        return found

    @answers
    def attributes(self, path: str = "") -> dict[str, Any]:
        """Answer with the attributes behind a path."""
        return {"items": self.state.attributes(path)}

    @answers
    def find(self, text: str) -> dict[str, Any]:
        """Answer with the attributes that fit what is typed."""
        return {"items": self.state.find(text)}

    @answers
    def values(self, path: str) -> dict[str, Any]:
        """Answer with values to complete with."""
        return self.state.values(path)

    @answers
    def ask(self, group: Any, columns: Any = None, order: str = "") -> dict[str, Any]:
        """Make what was chosen the query."""
        found = self.state.ask(group, columns, order)
        self.selection = self.state.query
        return found

    @answers
    def page(self, after: Any = None, order: str = "") -> dict[str, Any]:
        """Answer with the next rows."""
        return self.state.grid.page(checked_key(after), order)

    @answers
    def count(self) -> dict[str, Any]:
        """Answer with the number of rows, up to a cap."""
        return self.state.grid.count()

    @answers
    def choose(self, object_id: str) -> dict[str, Any]:
        """Make the object of a row the chosen one."""
        self.row = DBObject(object_id=object_id)
        return {"python": f"{type(self.row).__name__}(object_id={object_id!r})"}

    @answers
    def export(self, kind: str) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with the rows as a file."""
        content = export(self.state.query, self.state.columns, kind)
        ending = {"votable": "vot"}.get(kind, kind)
        name = f"{self.state.cls.__name__}.{ending}"
        return {"name": name, "type": FORMATS[kind][0]}, [content]

    @answers
    def sql(self, text: str) -> dict[str, Any]:
        """Answer with the rows of a reading statement of the user's own."""
        if not isinstance(text, str):
            raise QueryError("SQL is a text")
        names, rows = run_sql(text, limit=_SQL_ROWS + 1)
        columns = [
            {
                "path": name,
                "unit": "",
                "doc": "",
                "sortable": False,
                "number": all(isinstance(row[i], int | float | None) for row in rows[:50]),
            }
            for i, name in enumerate(names)
        ]
        shown = [[cell_text(value) for value in row] for row in rows[:_SQL_ROWS]]
        return {"columns": columns, "rows": shown, "after": None, "more": len(rows) > _SQL_ROWS}
