"""What ingest did with every file, and why."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from awlab.backend.database import Query, WithIds
from awlab.backend.datamodel import RawFrame

__all__ = ["FileRow", "IngestReport"]

_MOST_REMARKS = 10


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file.

    Attributes
    ----------
    file : str
        Its path.
    status : str
        ``new``, ``known``, ``refused`` or, in a dry run, ``would ingest``.
    kind, filter, night : str
        What it is.
    chips : int
        Number of frames in it.
    why : str
        Reason or remarks.
    """

    file: str
    status: str
    kind: str = ""
    filter: str = ""
    night: str = ""
    chips: int = 0
    why: str = ""


@dataclass
class IngestReport:
    """All files of one ingest; prints as a table, the refused ones first."""

    rows: list[FileRow] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    moved: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Files by status."""
        return dict(Counter(row.status for row in self.rows))

    @property
    def objects(self) -> Query:
        """The frames that are new."""
        return Query(RawFrame, WithIds(tuple(self.numbers)))

    @property
    def exit_status(self) -> int:
        """1 if a file was refused, else 0."""
        return int(any(row.status == "refused" for row in self.rows))

    @property
    def headline(self) -> str:
        """One line with the numbers."""
        counts = ", ".join(f"{n} {status}" for status, n in sorted(self.counts.items()))
        moved = f"; {self.moved} originals moved" if self.moved else ""
        return (
            f"{len(self.rows)} files: {counts or 'nothing'}; {len(self.numbers)} new frames{moved}"
        )

    def groups(self) -> list[tuple[str, str, str, str, int, int]]:
        """Count files and frames by status, kind, filter and night."""
        files: Counter[tuple[str, str, str, str]] = Counter()
        chips: Counter[tuple[str, str, str, str]] = Counter()
        for row in self.rows:
            if row.status != "refused":
                key = (row.status, row.kind, row.filter, row.night)
                files[key] += 1
                chips[key] += row.chips
        return [(*key, files[key], chips[key]) for key in sorted(files)]

    def _notes(self) -> list[str]:
        told = {row.why for row in self.rows if row.why and row.status != "refused"}
        notes = [*self.remarks, *sorted(told)]
        more = len(notes) - _MOST_REMARKS
        return notes[:_MOST_REMARKS] + ([f"{more} more: see .rows"] if more > 0 else [])

    def __str__(self) -> str:
        lines = [f"refused  {row.file}: {row.why}" for row in self.rows if row.status == "refused"]
        head = ("status", "kind", "filter", "night", "files", "frames")
        table = [head, *(tuple(str(cell) for cell in group) for group in self.groups())]
        widths = [max(len(row[i]) for row in table) for i in range(len(head))]
        if len(table) > 1:
            form = "  ".join(f"{{:<{width}}}" for width in widths)
            lines += [form.format(*row).rstrip() for row in table]
        lines += [f"note     {text}" for text in self._notes()]
        return "\n".join([*lines, self.headline])

    def _repr_html_(self) -> str:
        def cells(tag: str, row: Any) -> str:
            return "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row)

        bad = [row for row in self.rows if row.status == "refused"]
        refused = "".join(f"<tr>{cells('td', (row.file, row.why))}</tr>" for row in bad)
        head = cells("th", ("status", "kind", "filter", "night", "files", "frames"))
        body = "".join(f"<tr>{cells('td', group)}</tr>" for group in self.groups())
        first = f"<table><tr><th>refused</th><th>why</th></tr>{refused}</table>" if bad else ""
        notes = "".join(f"<li>{html.escape(text)}</li>" for text in self._notes())
        last = f"<p>{html.escape(self.headline)}</p>" + (f"<ul>{notes}</ul>" if notes else "")
        return f"{first}<table><tr>{head}</tr>{body}</table>{last}"
