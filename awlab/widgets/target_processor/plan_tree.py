"""A plan as a tree with check boxes: page by page, and what is made with what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from awlab.backend.database import mean_seconds
from awlab.backend.errors import QueryError
from awlab.backend.process import Node, Plan

__all__ = ["PAGE", "PlanTree"]

PAGE = 100
_ROOT = -1


class PlanTree:
    """The targets of a plan, numbered, and which of them are to be made.

    A target is made with all the work it needs: to check it checks that, to uncheck it unchecks
    what is made from it. So whatever is made is up to date afterwards.

    Parameters
    ----------
    plan : Plan
        What `ProcessTarget.plan` gave.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._number = {id(node): i for i, node in enumerate(plan.nodes)}
        self._users: dict[int, list[Node]] = {}
        for node in plan.nodes:
            for _, child in node.children:
                self._users.setdefault(id(child), []).append(node)
        self.checked = {self._number[id(node)] for node in plan.work}
        # One statement, and not one for every click.
        self._usual = mean_seconds({node.cls.__name__ for node in plan.work})

    def node(self, number: Any) -> Node:
        """Return a target by its number.

        Raises
        ------
        QueryError
            If there is none.
        """
        if not isinstance(number, int) or not 0 <= number < len(self.plan.nodes):
            raise QueryError(f"{number!r} is no target of the plan")
        return self.plan.nodes[number]

    def children(self, number: int = _ROOT, offset: int = 0) -> dict[str, Any]:
        """Return a page of what a target is made from, or of the targets asked for.

        Parameters
        ----------
        number : int
            Target; -1 for the targets asked for.
        offset : int
            How many were shown before.
        """
        if not isinstance(offset, int) or offset < 0:
            raise QueryError(f"{offset!r} is no place in a list")
        if number == _ROOT:
            pairs: list[tuple[str, Node]] = [("", node) for node in self.plan.roots]
            leaves = []
        else:
            pairs = self.node(number).children
            leaves = _leaves(self.node(number))
        page = pairs[offset : offset + PAGE]
        items = [self.card(node, role) for role, node in page]
        more = max(0, len(pairs) - offset - PAGE)
        return {"items": items if more else [*items, *leaves], "left": more}

    def card(self, node: Node, role: str = "") -> dict[str, Any]:
        """Return a target as a row shows it."""
        name = node.cls.__name__
        label = self.plan.label(node).removeprefix(name).strip()
        reasons = [*node.reasons, *([node.blocked] if node.blocked else [])]
        return {
            "n": self._number[id(node)],
            "role": role,
            "class_name": name,
            "label": label,
            "state": node.state.value,
            "reasons": reasons,
            "work": node.is_work,
            "leaf": not node.children and not _leaves(node),
            "object": node.object_id,
        }

    # -- check boxes -----------------------------------------------------------------------

    def check(self, number: int, *, on: bool, alike: bool = False) -> None:
        """Say whether a target is made.

        Parameters
        ----------
        number : int
            Target.
        on : bool
            Whether it is made.
        alike : bool
            Also the targets of its class and filter on all other chips.

        Raises
        ------
        QueryError
            If there is no such target, or nothing to make about it.
        """
        node = self.node(number)
        if not node.is_work:
            raise QueryError(f"{self.plan.label(node)} is not made", "; ".join(node.reasons))
        nodes = [n for n in self.plan.work if _is_alike(n, node)] if alike else [node]
        if on:
            self.checked |= self._numbers(self.plan.needs(nodes))
        else:
            self.checked -= self._numbers(self._made_from(nodes))

    def check_all(self, *, on: bool) -> None:
        """Check everything that can be made, or nothing."""
        self.checked = self._numbers(self.plan.work) if on else set()

    def _numbers(self, nodes: Iterable[Node]) -> set[int]:
        return {self._number[id(node)] for node in nodes}

    def _made_from(self, nodes: list[Node]) -> list[Node]:
        """Return targets and all that is made from them, at any depth."""
        found: dict[int, Node] = {}
        stack = list(nodes)
        while stack:
            node = stack.pop()
            if id(node) not in found:
                found[id(node)] = node
                stack += self._users.get(id(node), [])
        return list(found.values())

    # -- totals ----------------------------------------------------------------------------

    def totals(self) -> dict[str, Any]:
        """Return what is checked, what it takes, and all targets by class and state."""
        work = [self.plan.nodes[n] for n in self.checked]
        seconds = sum(self._usual.get(node.cls.__name__, 1.0) for node in work)
        to_make = Counter(node.cls.__name__ for node in work)
        rows = [
            {"class_name": name, "states": states, "chosen": to_make[name]}
            for name, states in self.plan.counts().items()
        ]
        return {
            "checked": sorted(self.checked),
            "work": len(self.plan.work),
            "seconds": round(seconds, 1),
            "summary": self.plan.summary(),
            "classes": rows,
        }

    def chosen(self) -> Plan:
        """Return the plan of what is checked.

        Raises
        ------
        TargetError
            If nothing is.
        """
        return self.plan.only(self.plan.nodes[n] for n in sorted(self.checked))

    def numbers_of(self, part: Plan) -> list[int]:
        """Return the numbers of the work of a part of the plan, in its order."""
        return [self._number[id(node)] for node in part.work]


def _is_alike(one: Node, other: Node) -> bool:
    return one.cls is other.cls and one.group.filter == other.group.filter


def _leaves(node: Node) -> list[dict[str, Any]]:
    """Say what else goes in: raw frames, and optional inputs that are absent."""
    found = []
    for role, value in node.inputs.items():
        if value is None or isinstance(value, tuple):
            kind = node.cls._attributes[role].type.__name__
            state = "null" if value is None else "raw"
            label = "" if value is None else f"{len(value):,}"
            card = {"n": None, "role": role, "class_name": kind, "label": label, "state": state}
            found.append({**card, "reasons": [], "work": False, "leaf": True, "object": 0})
    return found
