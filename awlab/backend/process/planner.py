"""The planner: from targets asked for to a tree of states with reasons. Pure and set-based.

It walks the *classes*, not the objects: for every class once, all wishes for it are gathered, its
candidates are read in bulk from a `Registry`, and each wish is answered. So the number of
statements depends on the number of classes in the chain and not on the number of targets.
A second walk, inputs first, decides the states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from awlab.backend.process.candidates import CandidateIndex
from awlab.backend.process.defaults import ON_DEMAND, has_default
from awlab.backend.process.dependencies import class_order, dependencies_of
from awlab.backend.process.judgement import Judge
from awlab.backend.process.keys import (
    Candidate,
    Group,
    RawRecord,
    Reference,
    Request,
    Selection,
)
from awlab.backend.process.plan import Node, Plan
from awlab.backend.process.wishes import Wish, Wishes

__all__ = ["Planner", "Registry"]


class Registry(Protocol):
    """What the planner asks of the database; each method is a constant number of statements."""

    def candidates(
        self, cls: Any, requests: Sequence[Request], used: set[int], asked: Sequence[str]
    ) -> list[Candidate]:
        """Return the objects of a class that can answer the requests, and those used already."""

    def raw_frames(
        self, cls: Any, nights: set[tuple[Group, str]], purposes: Sequence[str] = ()
    ) -> dict[tuple[Group, str], tuple[int, ...]]:
        """Return the good raw frames of a class by group and night, in order of time.

        Those taken for one of the purposes are preferred, where there are any.
        """

    def selected(
        self, cls: Any, selections: set[Selection]
    ) -> dict[Selection, tuple[RawRecord, ...]]:
        """Return the good raw frames of a class by selection, in order of time."""

    def raw_records_of(self, cls: Any, numbers: set[int]) -> dict[int, RawRecord]:
        """Return raw frames of a class by row number."""

    def references(self, cls: Any) -> list[Reference]:
        """Return the valid reference catalogues of a class, the newest last."""

    def filters_with(self, attribute: str) -> set[int]:
        """Return the filters of which an attribute is true."""

    def classes_of(self, numbers: set[int]) -> dict[int, Any]:
        """Return the classes of objects."""

    def withdrawn(self, numbers: set[int]) -> set[int]:
        """Return those of some objects that were invalidated."""

    def midnight(self, instrument: int, night: str) -> Any:
        """Return the middle of a night, UTC."""

    def overscan_default(self, cls: Any) -> int | None:
        """Return the overscan method of a class by default; None if it knows none."""

    def horizon(self) -> int:
        """Return the newest row number there is."""

    def names(self, numbers: set[int]) -> dict[int, str]:
        """Return names of instruments, chips, filters and raw frames, for people."""


class Planner:
    """Makes plans.

    Parameters
    ----------
    registry : Registry
        Source of what exists.
    asked : mapping, optional
        Process parameters asked for: ``{"BiasFrame": {"SIGMA_CLIP": 5.0}}``.
    depth : int, optional
        How far down inputs are checked; all the way by default.
    code : bool
        Whether other code counts as outdated.
    """

    def __init__(
        self,
        registry: Registry,
        asked: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        depth: int | None = None,
        code: bool = False,
    ) -> None:
        self._registry = registry
        self._asked = {name: dict(values) for name, values in (asked or {}).items()}
        self._depth = depth
        self._wishes: dict[Any, list[Wish]] = {}
        self._nodes: dict[Any, list[Node]] = {}
        self._judge = Judge(self._asked, code=code)
        self._wisher = Wishes(registry, self._asked)

    def plan(self, cls: Any, requests: Sequence[Request]) -> Plan:
        """Plan targets of one class.

        Parameters
        ----------
        cls : type
            Target class.
        requests : sequence of Request
            The targets.

        Raises
        ------
        DependencyCycle
            If classes depend on each other in a circle.
        """
        order = class_order(cls)
        self._wishes[cls] = [Wish(request) for request in requests]
        horizon = self._registry.horizon()
        roots: list[Node] = []
        for here in order:
            found = self._expand(here)
            if here is cls:
                roots = found
        for here in reversed(order):
            for node in self._nodes.get(here, ()):
                self._judge.decide(node)
        needed = _needed(roots)
        nodes = [
            node
            for here in reversed(order)
            for node in self._nodes.get(here, ())
            if id(node) in needed
        ]
        return Plan(roots, nodes, self._asked, horizon, self._registry.names(_numbers(nodes)))

    # -- first walk: who needs what --------------------------------------------------------

    def _expand(self, cls: Any) -> list[Node]:
        """Answer all wishes for a class; return the nodes in the order of the wishes."""
        wishes = self._wishes.pop(cls, [])
        if not wishes:
            return []
        asked = list(self._asked.get(cls.__name__, ()))
        requests = [wish.request for wish in wishes]
        used = {number for wish in wishes for number in _used(wish)}
        index = CandidateIndex(self._registry.candidates(cls, requests, used, asked))
        self._judge.learn(cls, index)
        made: dict[Any, Node] = {}
        answers = [self._answer(cls, wish, index, made) for wish in wishes]
        self._nodes[cls] = list(made.values())
        deeper = [node for node in made.values() if self._is_checked(node)]
        for target, wish in self._wisher.of(cls, deeper):
            self._wishes.setdefault(target, []).append(wish)
        return answers

    def _answer(self, cls: Any, wish: Wish, index: CandidateIndex, made: dict[Any, Node]) -> Node:
        key, request, existing = index.resolve(cls, wish.request)
        node = made.get(key)
        if node is None:
            node = made[key] = Node(cls, self._own_request(cls, request, existing), existing)
            node.alternative = index.alternative(wish.request)
            node.seen = index.like(cls, node.request)
            node.depth = wish.consumer.depth + 1 if wish.consumer else 0
        consumer = wish.consumer
        if consumer is not None:
            node.depth = min(node.depth, consumer.depth + 1)
            if wish.many:
                members = consumer.inputs[wish.role]
                assert isinstance(members, list)
                members.append(node)
                return node
            consumer.inputs[wish.role] = node
            if not wish.optional:
                default = index.default(wish.request)
                if default is not None:
                    consumer.fallback[wish.role] = default.id
                elif has_default(cls):
                    consumer.fallback[wish.role] = ON_DEMAND
        return node

    def _own_request(self, cls: Any, request: Request, existing: Candidate | None) -> Request:
        """Return the key of the node itself: that of the object there is, or of the one to make."""
        if existing is not None:
            time = existing.time
            if existing.night and not existing.raw:
                time = self._registry.midnight(existing.group.instrument, existing.night)
            given = request.given or _given(cls, existing)
            return Request(
                existing.group if existing.group.chip or existing.selection else request.group,
                existing.night,
                time,
                existing.raw,
                self._asked_overscan(cls, existing.overscan),
                given=given,
                selection=existing.selection,
                grid=existing.grid,
                position=existing.position or request.position,
            )
        overscan = self._asked_overscan(cls, request.overscan)
        if overscan is None:
            overscan = self._registry.overscan_default(cls)
        time = request.time
        if not request.raw and request.night:
            time = self._registry.midnight(request.group.instrument, request.night)
        return request._replace(time=time, overscan=overscan, own_night=False)

    def _asked_overscan(self, cls: Any, otherwise: int | None) -> int | None:
        return self._asked.get(cls.__name__, {}).get("OVERSCAN_CORRECTION", otherwise)

    def _is_checked(self, node: Node) -> bool:
        existing = node.existing
        if existing is None:
            return True  # whether it can be made depends on everything below, however deep
        # Defaults and objects from outside have no raw frames to be checked against.
        key = (existing.night, existing.raw, existing.selection, node.request.given)
        if existing.is_default or not any(key):
            return False
        return self._depth is None or node.depth < self._depth


def _needed(roots: list[Node]) -> set[int]:
    """Return the ``id()`` of what the roots need; what is not made needs nothing to be made."""
    needed: set[int] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if id(node) in needed:
            continue
        needed.add(id(node))
        if not node.is_work:
            _drop_work(node)
        stack += [child for _, child in node.children]
    return needed


def _drop_work(node: Node) -> None:
    """Forget the inputs of a node that would have to be made."""
    for role, value in list(node.inputs.items()):
        if isinstance(value, list):
            node.inputs[role] = [child for child in value if not child.is_work]
        elif isinstance(value, Node) and value.is_work:
            del node.inputs[role]


def _used(wish: Wish) -> set[int]:
    """Row numbers of what the consumer was made from in this role, to say what became of it."""
    numbers = {wish.request.forced} if wish.request.forced else set()
    if wish.consumer is not None and wish.consumer.existing is not None:
        existing = wish.consumer.existing
        used = existing.links.get(wish.role)
        numbers |= {used} if used else set(existing.lists.get(wish.role, ()))
    return numbers


def _given(cls: Any, existing: Candidate) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found = []
    # A product of a selection or of a raw frame finds its inputs by its key.
    is_keyed = existing.selection is not None or existing.raw or existing.night
    for dependency in dependencies_of(cls):
        by_hand = dependency.rule in ("members", "choice") and not is_keyed
        if dependency.rule == "given" or by_hand:
            one = existing.links.get(dependency.role, 0)
            found.append(
                (dependency.role, existing.lists.get(dependency.role, (one,) if one else ()))
            )
    return tuple(found)


def _numbers(nodes: list[Node]) -> set[int]:
    numbers: set[int] = set()
    for node in nodes:
        numbers |= {node.group.instrument, node.group.chip, node.group.filter, node.request.raw}
    return numbers - {0}
