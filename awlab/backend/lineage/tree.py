"""The lineage of an object as a tree that people can read.

Objects of one class in one role are one branch; what stands in the tree already is named again,
but not spread out again.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from awlab.backend.database import (
    DBObject,
    Direction,
    Lineage,
    class_named,
    current_database,
    objects_with_ids,
)

__all__ = ["Branch", "label_of", "lineage_tree"]

# So many names of a branch are told; the rest is a number.
_NAMED = 3
# Nobody reads deeper, and browsers give up on deeper nesting.
_DEEPEST = 60


@dataclass
class Branch:
    """Objects of one class that stand in one role to the objects of the branch above.

    Attributes
    ----------
    role : str
        Name of the link; empty at the root.
    class_name : str
        Class of the objects.
    count : int
        How many they are.
    repeated : int
        How many of them stand further up in the tree, where their own inputs are.
    names : tuple of str
        Names of the first few.
    branches : list of Branch
        What they were made from, or what was made from them.
    """

    role: str
    class_name: str
    count: int
    repeated: int = 0
    names: tuple[str, ...] = ()
    branches: list[Branch] = field(default_factory=list)
    sample: tuple[int, ...] = ()

    def walk(self) -> Iterator[tuple[int, Branch]]:
        """Go through the tree from top to bottom: depth and branch."""
        stack = [(0, self)]
        while stack:
            depth, branch = stack.pop()
            yield depth, branch
            stack += [(depth + 1, inner) for inner in reversed(branch.branches)]

    def title(self) -> str:
        """Say in one line what the branch holds."""
        what, names, above = self._parts()
        role = f"{self.role}: " if self.role else ""
        return f"{role}{what}{'  ' if names else ''}{names}{f' ({above})' if above else ''}"

    def _parts(self) -> tuple[str, str, str]:
        """Return number and class, names, and what is said further up."""
        number = f"{self.count:,} " if self.count > 1 else ""
        names = ", ".join(self.names)
        if self.count > len(self.names) and names:
            names += ", ..."
        above = ""
        if self.repeated:
            above = "as above" if self.repeated == self.count else f"{self.repeated} as above"
        return f"{number}{self.class_name}", names, above

    def _title_html(self) -> str:
        role = f"<span class='awlab-role'>{html.escape(self.role)}</span> " if self.role else ""
        what, names, above = (html.escape(part) for part in self._parts())
        return (
            f"{role}<span class='awlab-name'>{what}</span> <span>{names}</span> "
            f"<span class='awlab-why'>{above}</span>"
        )

    def __str__(self) -> str:
        lines = [f"{'  ' * depth}{b.title()}" for depth, b in self.walk() if depth <= _DEEPEST]
        cut = sum(1 for depth, _ in self.walk() if depth > _DEEPEST)
        return "\n".join([*lines, f"... {cut} branches deeper" if cut else ""]).rstrip("\n")

    def _repr_html_(self) -> str:
        parts: list[str] = []
        open_levels = 0
        for depth, branch in self.walk():
            if depth > _DEEPEST:
                continue
            parts.append("</details>" * (open_levels - depth))
            opened = " open" if depth == 0 else ""
            indent = " style='margin-left:1.2em'" if depth else ""
            title = branch._title_html()
            if branch.branches:
                parts.append(f"<details{opened}{indent}><summary>{title}</summary>")
                open_levels = depth + 1
            else:
                parts.append(f"<div{indent}>{title}</div>")
                open_levels = depth
        return "".join(parts) + "</details>" * open_levels


def label_of(item: Any) -> str:
    """Return the name that people know an object by: its file, its name, or its identity."""
    for name in ("filename", "orig_filename", "name"):
        if name in type(item)._attributes and (found := getattr(item, name)):
            return str(found)
    return str(item.object_id)


def _declared(class_name: str) -> dict[str, int]:
    """Return the place of every attribute in the declaration of a class, by name."""
    cls = class_named(class_name)
    return {name: place for place, name in enumerate(cls._attributes)} if cls else {}


def lineage_tree(item: Any, lineage: Lineage, direction: Direction) -> Branch:
    """Arrange a lineage as a tree.

    Parameters
    ----------
    item : DBObject
        Where the walk began.
    lineage : Lineage
        What it found.
    direction : {'upstream', 'downstream'}
        Which way it went.
    """
    classes = lineage.class_names() | {item._id: type(item).__name__}
    following: dict[int, list[tuple[str, int]]] = {}
    for target, source, role in lineage.edges().rows():
        here, there = (target, source) if direction == "upstream" else (source, target)
        following.setdefault(here, []).append((role, there))
    # Roles stand as their class declares them, not as the database happened to number them.
    for here, found in following.items():
        declared = _declared(classes[here]) if direction == "upstream" else {}
        found.sort(key=lambda pair: (declared.get(pair[0], 0), pair[0] if not declared else ""))
    root = Branch("", type(item).__name__, 1, sample=(item._id,))
    spread: set[int] = set()
    stack: list[tuple[Branch, list[int]]] = [(root, [item._id])]
    while stack:
        branch, members = stack.pop()
        fresh = [number for number in members if number not in spread]
        branch.repeated = branch.count - len(fresh)
        spread.update(fresh)
        groups: dict[tuple[str, str], dict[int, None]] = {}
        for number in fresh:
            for role, other in following.get(number, ()):
                groups.setdefault((role, classes[other]), {})[other] = None
        inner = [
            (Branch(role, name, len(found), sample=tuple(found)[:_NAMED]), list(found))
            for (role, name), found in groups.items()
        ]
        branch.branches = [new for new, _ in inner]
        stack += reversed(inner)
    _name(root)
    return root


def _name(root: Branch) -> None:
    """Name the objects that are told one by one: a constant number of statements per class."""
    numbers = sorted({number for _, branch in root.walk() for number in branch.sample})
    rows = objects_with_ids(current_database(), np.array(numbers, dtype=np.int64), DBObject)
    names = {number: label_of(item) for number, item in zip(numbers, rows, strict=True)}
    for _, branch in root.walk():
        branch.names = tuple(names[number] for number in branch.sample)
