"""``tell_me_everything``: the full account of one object."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from awlab.backend.database import PRIVILEGES, Amendment, Lineage
from awlab.backend.datamodel import Judged
from awlab.backend.lineage.asked import committed
from awlab.backend.lineage.tree import Branch, label_of, lineage_tree

__all__ = ["Account", "facts_of", "tell_me_everything"]

# Bookkeeping that the account tells in words, and what only serves the machine.
_TOLD = frozenset(
    {
        "object_id",
        "creation_date",
        "creator",
        "project",
        "privileges",
        "is_valid",
        "quality_flags",
        "process_params",
        "code_version",
        "content_hash",
        "file_sha256",
        "process_status",
    }
)


@dataclass
class Account:
    """Everything known of an object, as plain data.

    Attributes
    ----------
    title : str
        What it is.
    made : dict
        When, by whom, with which code.
    values : dict
        Its attributes, with units.
    parameters : dict
        Process parameters.
    inputs, raw, products : dict
        Numbers of objects by class: everything upstream, the raw data among it, everything
        downstream.
    links : dict
        What it links to directly, by role.
    ancestry, uses : Branch
        The same as trees: down to the raw files, and up to the last product.
    raw_files : list of str
        Names of all raw files it goes back to.
    hidden : int
        Objects of its lineage that the context may not see.
    verdict : str
        Flags and verdict in words.
    timeline : list of str
        What happened to it, oldest first.
    """

    title: str
    made: dict[str, str]
    values: dict[str, str]
    parameters: dict[str, str]
    links: dict[str, str]
    inputs: dict[str, int]
    raw: dict[str, int]
    products: dict[str, int]
    verdict: str
    ancestry: Branch
    uses: Branch
    raw_files: list[str] = field(default_factory=list)
    hidden: int = 0
    timeline: list[str] = field(default_factory=list)

    def sections(self) -> list[tuple[str, dict[str, str]]]:
        """Return the account as titled groups of names and values."""

        def numbers(counts: dict[str, int]) -> dict[str, str]:
            return {name: str(count) for name, count in counts.items()}

        return [
            ("made", self.made),
            ("verdict", {"": self.verdict}),
            ("values", self.values),
            ("process parameters", self.parameters),
            ("links to", self.links),
            ("everything it was made from", numbers(self.inputs)),
            ("raw data it goes back to", numbers(self.raw)),
            ("what was made from it", numbers(self.products)),
            ("timeline", {str(i + 1): text for i, text in enumerate(self.timeline)}),
            ("not shown", self._unseen()),
        ]

    def _unseen(self) -> dict[str, str]:
        text = f"{self.hidden} objects of its lineage that you may not see"
        return {"hidden": text} if self.hidden else {}

    def trees(self) -> list[tuple[str, Branch]]:
        """Return the lineage as titled trees; those without a branch are left out."""
        pairs = [("made from", self.ancestry), ("used for", self.uses)]
        return [(title, tree) for title, tree in pairs if tree.branches]

    def __str__(self) -> str:
        lines = [self.title]
        for title, tree in self.trees():
            lines.append(f"  {title}")
            lines += [f"  {line}" for line in str(tree).splitlines()[1:]]
        for title, rows in self.sections():
            if not rows:
                continue
            lines.append(f"  {title}")
            width = max(len(name) for name in rows)
            for name, value in rows.items():
                lines += [f"    {name:<{width}}  {part}" for part in value.splitlines() or [""]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        class_name, _, rest = self.title.partition(" ")
        parts = [
            f"<p class='awlab-title'><span class='awlab-name'>{html.escape(class_name)}</span> "
            f"{self._verdict_html()} <code>{html.escape(rest)}</code></p>"
        ]
        for title, tree in self.trees():
            shown = tree._repr_html_()
            parts.append(f"<details open><summary>{title}</summary>{shown}</details>")
        if self.raw_files:
            files = "".join(f"<li>{html.escape(name)}</li>" for name in self.raw_files)
            count = f"{len(self.raw_files):,} raw files"
            parts.append(f"<details><summary>{count}</summary><ul>{files}</ul></details>")
        parts.append("<div class='awlab-told'>")
        for title, rows in self.sections():
            if not rows:
                continue
            body = "".join(
                f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
                for name, value in rows.items()
            )
            opened = "" if title == "values" else " open"
            parts.append(
                f"<details{opened}><summary>{html.escape(title)}</summary>"
                f"<table>{body}</table></details>"
            )
        return f"<div class='awlab-account'>{''.join(parts)}</div></div>"

    def _verdict_html(self) -> str:
        """Name the verdict of people, if there is one."""
        word = self.verdict.partition(";")[0].partition(": ")[2]
        judged = self.verdict[:1].isdigit() and word.isalpha()
        return f"<b class='awlab-state awlab-{word}'>{word}</b>" if judged else ""


def tell_me_everything(item: Any) -> Account:
    """Tell everything about an object, from its raw data to what was made from it.

    Parameters
    ----------
    item : DBObject
        Committed object.

    Returns
    -------
    Account
        Prints as text, shows as nested tables in Jupyter.

    Raises
    ------
    QueryError
        If it is not a committed object.
    """
    item = committed(item)
    upstream, downstream = item.upstream(), item.downstream()
    raw = upstream.raw()
    return Account(
        title=repr(item).strip("<>"),
        made=_made(item),
        values=_values(item),
        parameters=_parameters(item),
        links=_links(item),
        inputs=upstream.counts(),
        raw=raw.counts(),
        products=downstream.counts(),
        verdict=_verdict(item),
        ancestry=lineage_tree(item, upstream, "upstream"),
        uses=lineage_tree(item, downstream, "downstream"),
        raw_files=sorted(label_of(found) for found in raw),
        hidden=upstream.hidden + downstream.hidden,
        timeline=_timeline(item, raw, downstream),
    )


def facts_of(item: Any) -> dict[str, dict[str, str]]:
    """Tell what an object is by itself, without walking along its lineage.

    Parameters
    ----------
    item : DBObject
        Committed object.

    Returns
    -------
    dict of dict
        Titled groups of names and values, in words and with units.
    """
    return {
        "verdict": {"verdict": _verdict(item)},
        "made": _made(item),
        "values": _values(item),
        "process parameters": _parameters(item),
        "links": _links(item),
    }


def _made(item: Any) -> dict[str, str]:
    level = PRIVILEGES.get(item.privileges, "")
    by = f"{item.creator}, project {item.project}, privileges {item.privileges} ({level})"
    made = {"when": f"{item.creation_date} UTC", "by": by}
    if getattr(item, "code_version", None):
        made["code"] = item.code_version
    return made


def _verdict(item: Any) -> str:
    if not isinstance(item, Judged):
        return "no verdict: not a thing that is judged"
    return f"{item.verdict()}\n{item.quality_flags.explain()}"


def _values(item: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, attribute in type(item)._attributes.items():
        value = getattr(item, name) if name not in _TOLD and not attribute.is_link else None
        if value is None or value == "":
            continue
        if attribute.kind == "struct":
            fields = attribute.type._attributes
            found |= {
                f"{name}.{f}": _with_unit(v, fields[f].unit)
                for f, v in value.as_dict().items()
                if v is not None
            }
        else:
            found[name] = _with_unit(value, attribute.unit)
    return found


def _with_unit(value: Any, unit: str | None) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}" if unit else text


def _parameters(item: Any) -> dict[str, str]:
    parameters = getattr(item, "process_params", None)
    return {} if parameters is None else {k: str(v) for k, v in parameters.values().items()}


def _links(item: Any) -> dict[str, str]:
    found = {}
    for name, attribute in type(item)._attributes.items():
        value = getattr(item, name) if attribute.is_link and name != "process_params" else None
        if attribute.kind == "links" and value:
            found[name] = f"{len(value)} {attribute.type.__name__}"
        elif value is not None and attribute.kind == "link":
            found[name] = label_of(value)
    return found


def _timeline(item: Any, raw: Lineage, downstream: Lineage) -> list[str]:
    events = [(item.creation_date, f"made by {item.creator}")]
    events += _observed([item, *raw])
    if len(downstream):
        first = downstream[0]  # row numbers rise with time
        events.append((first.creation_date, f"first used, for a {type(first).__name__}"))
    if isinstance(item, Judged):
        events += [(entry.made, _change(entry)) for entry in item.history()]
        events += [(c.creation_date, f"{c.creator}: {c.content}") for c in item.comments()]
        events += [(t.creation_date, f"{t.creator} tagged it {t.name}") for t in item.tags()]
    events.sort(key=lambda event: event[0])
    return [f"{when:%Y-%m-%d %H:%M:%S} {text}" for when, text in events]


def _observed(items: list[Any]) -> list[tuple[Any, str]]:
    """When the first and the last of the raw frames were taken."""
    times = sorted(
        found
        for item in items
        if type(item)._raw_data and (found := getattr(item, "DATE_OBS", None)) is not None
    )
    if not times:
        return []
    if len(times) == 1:
        return [(times[0], "raw frame taken")]
    return [(times[0], "first raw frame taken"), (times[-1], "last raw frame taken")]


def _change(entry: Amendment) -> str:
    return (
        f"{entry.member} changed {entry.attribute} from {entry.old} to {entry.new}: {entry.reason}"
    )
