"""What the prompt shows: tables and trees, as HTML in a notebook and as text in a terminal."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import import_module
from importlib.resources import files
from typing import Any

import numpy as np

from awlab.backend.database import DBObject, Lineage, Query
from awlab.backend.datamodel import QualityFlags
from awlab.backend.errors import AwlabError
from awlab.backend.ingest import IngestReport
from awlab.backend.lineage import Account, Branch, Difference, label_of
from awlab.backend.process import Plan, UpToDate
from awlab.backend.quality import PageContent
from awlab.kernel_magic.config import prompt
from awlab.kernel_magic.short_errors import lines_of

__all__ = ["StateWord", "Table", "install", "page_of", "remove", "show", "styled"]

_STYLE = files("awlab.kernel_magic").joinpath("look.css").read_text(encoding="utf-8")

# What tells objects apart comes first; so many columns fit on a screen.
_FIRST = ("filename", "name", "OBJECT", "night", "chip", "filter", "EXPTIME")
_LAST = ("imstat.mean", "imstat.stdev", "is_valid", "quality_flags", "creation_date")
_UNTOLD = frozenset(
    {
        *("object_id", "creator", "project", "privileges", "process_status", "code_version"),
        *("content_hash", "file_sha256", "file_size"),
    }
)
_COLUMNS = 9
_CELL = 60
# Shown as their own text in a terminal; their HTML they know themselves.
_TREES = (Plan, Account, Branch, Difference, IngestReport, Lineage, UpToDate)
# Shown by a widget in a notebook.
_WIDGET_OF: dict[type, str] = {PageContent: "QualityPage"}
_VERDICTS = {0: "bad", 1: "valid", 2: "qualified"}


class StateWord(str):
    """A state: in a notebook it gets a colour and a sign."""

    __slots__ = ()


def styled(page: str) -> str:
    """Return HTML with the looks of awlab; what a style sheet cannot reach stays readable."""
    return f"<style>{_STYLE}</style><div class='awlab'>{page}</div>"


class Table:
    """Rows that show themselves.

    Parameters
    ----------
    columns : sequence of str
        Heads.
    rows : sequence of sequences
        Values.
    caption : str
        One line about it.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Any], caption: str = "") -> None:
        self.columns = list(columns)
        self.rows = [tuple(row) for row in rows]
        self.caption = caption

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.rows[index]

    def __str__(self) -> str:
        cells = [self.columns, *([_text(value) for value in row] for row in self.rows)]
        cells = [[_short(cell) for cell in row] for row in cells]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        numbers = [_is_number_column(self.rows, i) for i in range(len(self.columns))]
        lines = ["  ".join(map(_aligned, row, widths, numbers)).rstrip() for row in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*([self.caption] if self.caption else []), *lines])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        kinds = [
            "awlab-number" if _is_number_column(self.rows, i) else "awlab-text"
            for i in range(len(self.columns))
        ]
        head = "".join(map(_head_html, self.columns, kinds))
        body = "".join(f"<tr>{''.join(map(_cell_html, row, kinds))}</tr>" for row in self.rows)
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        return (
            f"<table class='awlab-table'>{caption}"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": styled(self._repr_html_())}

    def table(self) -> Any:
        """Return the rows as an astropy ``Table``, masked where values are missing."""
        from astropy.table import MaskedColumn
        from astropy.table import Table as AstropyTable

        found = AstropyTable()
        names = _distinct(self.columns)
        for i, name in enumerate(names):
            values = [row[i] for row in self.rows]
            null = [value is None for value in values]
            if not any(null):
                found[name] = values
                continue
            some = next((value for value in values if value is not None), "")
            filled = [some if value is None else value for value in values]
            found[name] = MaskedColumn(filled, mask=null)
        return found


def _distinct(names: list[str]) -> list[str]:
    """Number the names that occur again: tables cannot hold two of a name."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _text(value: Any) -> str:
    if value is None or value is np.ma.masked:
        return "–"
    if isinstance(value, DBObject):
        return f"{type(value).__name__} {label_of(value)}"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]")).replace("T", " ")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes | memoryview):
        return f"{len(value):,} bytes"
    return str(value)


def _head_html(name: str, kind: str) -> str:
    name, bracket, unit = html.escape(name).partition(" [")
    shown = f"{name} <span class='awlab-unit'>[{unit}</span>" if bracket else name
    return f"<th class='{kind}'>{shown}</th>"


def _cell_html(value: Any, kind: str) -> str:
    text = html.escape(_text(value))
    if isinstance(value, StateWord):
        text = f"<b class='awlab-state awlab-{text.replace(' ', '-')}'>{text}</b>"
    # What is cut to the width of a column is read by pointing at it, and copied in full.
    is_long = kind == "awlab-text" and len(_text(value)) > _CELL // 2
    title = f" title='{text}'" if is_long else ""
    return f"<td class='{kind}'{title}>{text}</td>"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CELL else f"{line[: _CELL - 1]}…"


def _is_number_column(rows: Sequence[Any], i: int) -> bool:
    values = [row[i] for row in rows if row[i] is not None and row[i] is not np.ma.masked]
    kinds = (int, float, np.integer, np.floating)
    return bool(values) and all(isinstance(value, kinds) for value in values)


def _aligned(cell: str, width: int, is_number: bool) -> str:  # noqa: FBT001 - mapped over columns
    return cell.rjust(width) if is_number else cell.ljust(width)


# -- queries -------------------------------------------------------------------------------


def page_of(query: Query, page: int = 1) -> Table:
    """Return one page of a query: the attributes that tell its objects apart.

    Parameters
    ----------
    query : Query
        What to show.
    page : int
        Number of the page, from 1.
    """
    rows = prompt.rows
    first = (page - 1) * rows
    paths = _paths(query.root)
    found = query[first : first + rows].columns(*paths)
    total = query.count(cap=10_001)
    many = "more than 10,000" if total > 10_000 else f"{total:,}"
    caption = f"{query.root.__name__}: {many} object{'' if total == 1 else 's'}"
    heads = [path + _unit(query.root, path) for path in paths]
    table = Table(heads, list(zip(*_presented(query.root, found), strict=True)), caption)
    if table.rows and total > len(table.rows):
        table.caption += f", {first + 1} to {first + len(table.rows)} shown"
    if total > first + rows:
        table.caption += f"; the next ones: q[{first + rows}:{first + 2 * rows}]"
    return table


def _paths(root: Any) -> list[str]:
    attributes = root._attributes
    first = [p for name in _FIRST if (p := _path(attributes, name))]
    last = [name for name in _LAST if name.partition(".")[0] in attributes]
    plain = [
        name
        for name, attribute in attributes.items()
        if attribute.kind == "value"
        and attribute.type not in (bytes, list, dict)
        and name not in (*first, *last, *_UNTOLD)
    ]
    room = max(0, _COLUMNS - len(first) - len(last))
    return [*first, *plain[:room], *last] if first else ["object_id", *plain[:room], *last]


def _path(attributes: Any, name: str) -> str:
    if name not in attributes:
        return ""
    if attributes[name].kind == "link":
        return f"{name}.name" if "name" in attributes[name].type._attributes else ""
    return name


def _unit(root: Any, path: str) -> str:
    first, _, rest = path.partition(".")
    attribute = root._attributes[first]
    if rest:
        attribute = attribute.type._attributes[rest]
    return f" [{attribute.unit}]" if attribute.unit else ""


def _presented(root: Any, columns: dict[str, Any]) -> list[list[Any]]:
    found = {path: list(values) for path, values in columns.items()}
    flags = found.get("quality_flags")
    if flags is not None:
        found["quality_flags"] = [
            value if value is np.ma.masked else repr(QualityFlags(int(value), root))
            for value in flags
        ]
    if "is_valid" in found:
        found["is_valid"] = [
            value if value is np.ma.masked else StateWord(_VERDICTS.get(int(value), str(value)))
            for value in found["is_valid"]
        ]
    return list(found.values())


def _query_bundle(query: Query, **_: Any) -> dict[str, str]:
    try:
        return page_of(query)._repr_mimebundle_()
    except AwlabError as exc:
        # The database may be out of reach: what was asked is shown all the same, and why not more.
        text = "\n".join([repr(query), *lines_of(exc)])
        return {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}


def _as_text(value: Any, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
    printer.text(repr(value) if cycle or len(printer.stack) > 1 else str(value))


def _as_html(value: Any) -> str:
    return styled(value._repr_html_())


def _widget_bundle(value: Any, **_: Any) -> Any:
    """Show a value by its widget, whose text a terminal or another front end falls back to."""
    widgets = import_module("awlab.widgets")
    widget = getattr(widgets, _WIDGET_OF[type(value)])(value)
    found = widget._repr_mimebundle_()
    data, facts = found if isinstance(found, tuple) else (found or {}, {})
    return {**data, "text/plain": str(value)}, facts


# -- the shell -----------------------------------------------------------------------------


def show(value: Any) -> None:
    """Show a value now, wherever in a cell the verb stands."""
    from IPython.display import display

    display(value)


def install(shell: Any) -> None:
    """Teach the shell how awlab's things look."""
    formatter = shell.display_formatter
    formatter.mimebundle_formatter.for_type(Query, _query_bundle)
    for kind in _TREES:
        formatter.formatters["text/plain"].for_type(kind, _as_text)
        formatter.formatters["text/html"].for_type(kind, _as_html)
    for shown in _WIDGET_OF:
        formatter.formatters["text/plain"].for_type(shown, _as_text)
        if hasattr(shell, "kernel"):  # a terminal has no use for widgets
            formatter.mimebundle_formatter.for_type(shown, _widget_bundle)


def remove(shell: Any) -> None:
    """Show them as Python does."""
    formatter = shell.display_formatter
    formatter.mimebundle_formatter.pop(Query, None)
    for kind in _TREES:
        formatter.formatters["text/plain"].pop(kind, None)
        formatter.formatters["text/html"].pop(kind, None)
    for shown in _WIDGET_OF:
        formatter.formatters["text/plain"].pop(shown, None)
        formatter.mimebundle_formatter.pop(shown, None)
