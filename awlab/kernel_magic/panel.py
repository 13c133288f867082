"""What the panel of JupyterLab shows of a kernel: who works where, what is new, what runs.

The extension of JupyterLab (``jupyter-config/labextension``) asks the kernel of the notebook in
front for it, as an expression beside an empty cell: there is no server of its own, and whoever may
not use the kernel sees nothing.
"""

from __future__ import annotations

import json
from typing import Any

from awlab.backend.database import context, database_is_open, take_census
from awlab.backend.errors import AwlabError
from awlab.backend.process import lpu
from awlab.dashboards import flagged_targets, new_targets, previews

__all__ = ["Panel"]

_NEWEST = 6
_JOBS = 4


class Panel:
    """The facts of the panel; it shows itself as JSON, in one line."""

    def __repr__(self) -> str:
        try:
            return json.dumps(self.facts())
        except AwlabError as exc:
            return json.dumps({"failure": " ".join(str(exc).split())})

    def facts(self) -> dict[str, Any]:
        """Return the facts as plain data; without a database none is opened for this."""
        if not database_is_open():
            return {"open": False}
        census = take_census()
        return {
            "open": True,
            "user": context.user,
            "project": context.project,
            "instrument": context.instrument,
            "objects": census.total,
            "newest": _lines(new_targets()),
            "flagged": _lines(flagged_targets()),
            "jobs": [
                {
                    "id": row["id"],
                    "status": row["status"],
                    "name": row["sequence"],
                    "done": int(row["finished_targets"] or 0),
                    "all": int(row["targets"] or 0),
                }
                for row in lpu.jobs(_JOBS)
            ],
        }


def _lines(query: Any) -> list[dict[str, str]]:
    return [
        {"id": one.object_id, "cls": one.name, "about": one.about, "verdict": one.verdict}
        for one in previews(query, _NEWEST)
    ]
