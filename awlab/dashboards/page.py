"""The frame of a dashboard: what was asked, what to show, a link to it, and a word on errors."""

from __future__ import annotations

import html
import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import HTML, display

from awlab.backend.database import DBObject
from awlab.backend.datamodel import connect
from awlab.backend.errors import AwlabError
from awlab.dashboards.lean import load_lean_pandas
from awlab.dashboards.start import log_to_file
from awlab.dashboards.words import Words, address, asked_text

__all__ = ["Page"]

_log = logging.getLogger("awlab.dashboards")

# Where a single object leads to, in the order of the links.
_OF_OBJECT = {"quality": "quality page", "lineage": "lineage"}


class Page:
    """One dashboard, as it is shown.

    Parameters
    ----------
    name : str
        Name of its notebook, without ending.
    plots : bool
        Whether it will show plots; to be said before their widgets are imported.
    """

    def __init__(self, name: str, *, plots: bool = False) -> None:
        self.name = name
        if plots:
            load_lean_pandas()
        self._link = ipywidgets.HTML()
        # The awlab classes come with the imports, before anybody waits for the page.
        import awlab.backend.targets  # noqa: F401

        logging.getLogger("awlab").addHandler(log_to_file())

    @contextmanager
    def asked(self) -> Iterator[Words]:
        """Give the words of the address to a block; what goes wrong in it is told in words."""
        try:
            words = Words(asked_text())
            connect()
            yield words
        except Exception as exc:
            display(HTML(self.trouble(exc)))

    def show(self, *things: Any) -> None:
        """Show widgets one below the other; text is shown as what it says."""
        for thing in things:
            display(HTML(_note(thing)) if isinstance(thing, str) else thing)

    def heading(self, text: str) -> None:
        """Show a heading."""
        display(HTML(f"<h2>{html.escape(text)}</h2>"))

    def link(self, **words: str) -> Any:
        """Return the link to what is shown now; called again, it changes.

        Parameters
        ----------
        **words : str
            What to ask this page for.
        """
        target = html.escape(address(self.name, **words))
        self._link.value = f'<a href="{target}">Link to this view</a>'
        return self._link

    def leads(self, widget: Any, trait: str = "selection") -> Any:
        """Return links to the pages of what is chosen in a widget.

        Parameters
        ----------
        widget : HasTraits
            A widget with a chosen object.
        trait : str
            Name of the trait that holds it.
        """
        shown = ipywidgets.HTML()

        def follow(change: Any) -> None:
            chosen = change["new"]
            shown.value = _leads(chosen) if isinstance(chosen, DBObject) else ""

        widget.observe(follow, trait)
        follow({"new": getattr(widget, trait)})
        return shown

    @staticmethod
    def trouble(exc: Exception) -> str:
        """Return what went wrong, in words, as HTML.

        Parameters
        ----------
        exc : Exception
            A sentence and a hint for what users can mend; else a number that is also in the log.
        """
        if isinstance(exc, AwlabError):
            lines = [exc.message, exc.hint]
        else:
            number = uuid.uuid4().hex[:8]
            _log.error("error %s", number, exc_info=exc)
            lines = [f"Something unforeseen went wrong; error {number} in the log of the operator."]
        said = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
        back = '<p><a href="index.ipynb">To the start page</a></p>'
        return f'<div class="awlab-trouble" role="alert">{said}{back}</div>'

    @staticmethod
    def table(head: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> Any:
        """Return a small table; numbers stand to the right, a pair (text, address) is a link.

        Parameters
        ----------
        head : sequence of str
            Names of the columns.
        rows : sequence of sequences
            Cells.
        caption : str
            What it is, for who cannot see it.
        """
        top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
        label = html.escape(caption, quote=True)
        return HTML(
            f'<table class="awlab-facts" aria-label="{label}"><thead><tr>{top}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )


def _note(text: str) -> str:
    return f'<div class="awlab-note"><p>{html.escape(text)}</p></div>'


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="awlab-number">{value:,.10g}</td>'
    if isinstance(value, tuple):
        text, target = value
        return f'<td><a href="{html.escape(target)}">{html.escape(text)}</a></td>'
    return f"<td>{html.escape(str(value))}</td>"


def _leads(item: DBObject) -> str:
    """Return links to the dashboards that are here and show a single object."""
    there = {path.stem for path in Path.cwd().glob("*.ipynb")}
    links = [
        f'<a href="{html.escape(address(page, object=item.object_id))}">{text}</a>'
        for page, text in _OF_OBJECT.items()
        if page in there
    ]
    title = html.escape(f"{type(item).__name__} {getattr(item, 'name', '') or item.object_id}")
    return f"<b>{title}</b>: {', '.join(links)}"
