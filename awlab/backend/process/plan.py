"""A plan: the tree of what exists, what is outdated and why, and what would be made."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from awlab.backend.database import mean_seconds
from awlab.backend.datamodel import utc_now
from awlab.backend.errors import TargetError
from awlab.backend.process.keys import Candidate, Group, Request

__all__ = ["Node", "Plan", "State"]


_MOST_LINES = 200
# So many targets of a list, in each state, are shown in full.
_IN_FULL = 1


class State(StrEnum):
    """State of a target in a plan."""

    UP_TO_DATE = "up to date"
    OUTDATED = "outdated"
    TO_BE_BUILT = "to be built"
    NOT_CHECKED = "not checked"
    NULL = "null"


@dataclass(eq=False)
class Node:
    """One target of a plan.

    Attributes
    ----------
    cls : type
        Class of the target.
    request : Request
        What it was asked by; for an existing object its own key.
    existing : Candidate or None
        The object there is.
    inputs : dict
        Per role: a node, a list of nodes, row numbers of objects that are just there, or None for
        an absent optional input.
    fallback : dict
        Per role: default calibration to use if the node of the role cannot serve.
    state, reasons
        What the planner found, and why.
    alternative : Candidate or None
        What serves if the target cannot be made.
    blocked : str
        Why an outdated target cannot be made again; empty if it can.
    stands_in : bool
        Whether the object there is only serves in place of one that cannot be made.
    seen : frozenset of int
        Row numbers of the objects of the same key when the plan was made.
    withdrawn : dict
        Per role of a list that the key names: how many of it were invalidated.
    """

    cls: Any
    request: Request
    existing: Candidate | None = None
    inputs: dict[str, Node | list[Node] | tuple[int, ...] | None] = field(default_factory=dict)
    fallback: dict[str, int] = field(default_factory=dict)
    state: State = State.NOT_CHECKED
    reasons: list[str] = field(default_factory=list)
    depth: int = 0
    alternative: Candidate | None = None
    blocked: str = ""
    stands_in: bool = False
    seen: frozenset[int] = frozenset()
    withdrawn: dict[str, int] = field(default_factory=dict)

    @property
    def group(self) -> Group:
        """Instrument, chip, filter and read-out of the target."""
        return self.request.group

    @property
    def is_work(self) -> bool:
        """True if running the plan makes this target."""
        return self.state in (State.OUTDATED, State.TO_BE_BUILT) and not self.blocked

    @property
    def object_id(self) -> int:
        """Row number of the object there is, 0 for none."""
        return self.existing.id if self.existing else 0

    @property
    def children(self) -> list[tuple[str, Node]]:
        """Inputs that are targets themselves, each with its role."""
        found: list[tuple[str, Node]] = []
        for role, value in self.inputs.items():
            if isinstance(value, Node):
                found.append((role, value))
            elif isinstance(value, list):
                found += [(role, node) for node in value]
        return found


class Plan:
    """What `plan()` returns: nothing has been done yet.

    Attributes
    ----------
    roots : list of Node
        The targets asked for.
    nodes : list of Node
        All targets, inputs before what is made from them.
    asked : dict
        Process parameters asked for, by class name.
    horizon : int
        Newest row number when the plan was made; the runner looks again for anything newer.
    planned : datetime
        When the plan was made, UTC.
    names : dict
        Names of instruments, chips and filters by row number, for people.
    """

    def __init__(
        self,
        roots: list[Node],
        nodes: list[Node],
        asked: dict[str, dict[str, Any]],
        horizon: int,
        names: dict[int, str],
    ) -> None:
        self.roots = roots
        self.nodes = nodes
        self.asked = asked
        self.horizon = horizon
        self.names = names
        self.planned = utc_now()
        self.is_list = False
        self.runner: Callable[..., list[Any]] | None = None

    def counts(self) -> dict[str, dict[str, int]]:
        """Count targets by class and state."""
        table: dict[str, Counter[str]] = {}
        for node in self.nodes:
            table.setdefault(node.cls.__name__, Counter())[node.state.value] += 1
        return {name: dict(states) for name, states in table.items()}

    @property
    def work(self) -> list[Node]:
        """What running the plan makes, in order: inputs first."""
        return [node for node in self.nodes if node.is_work]

    def needs(self, nodes: Iterable[Node]) -> list[Node]:
        """Return targets, and the work among their inputs at any depth, inputs first.

        Parameters
        ----------
        nodes : iterable of Node
            Targets of the plan that have to be made.
        """
        found: set[int] = set()
        stack = list(nodes)
        while stack:
            node = stack.pop()
            if node.is_work and id(node) not in found:
                found.add(id(node))
                stack += [child for _, child in node.children]
        return [node for node in self.work if id(node) in found]

    def only(self, nodes: Iterable[Node]) -> Plan:
        """Return the plan of some of its targets, with the work that they need.

        Parameters
        ----------
        nodes : iterable of Node
            Targets of this plan.

        Raises
        ------
        TargetError
            If there is nothing to make among them.
        """
        kept = self.needs(nodes)
        if not kept:
            raise TargetError("nothing of what was chosen has to be made", "choose other targets")
        inner = {id(child) for node in kept for _, child in node.children}
        asked = {id(root) for root in self.roots}
        roots = [node for node in kept if id(node) in asked or id(node) not in inner]
        part = Plan(roots, kept, self.asked, self.horizon, self.names)
        # What was looked at earlier may have been overtaken since: the runner looks again.
        part.planned, part.is_list, part.runner = self.planned, len(roots) > 1, self.runner
        return part

    @property
    def is_up_to_date(self) -> bool:
        """True if there is nothing to do."""
        return not self.work and all(r.state is not State.NULL for r in self.roots)

    def __bool__(self) -> bool:
        return True

    def run(
        self, *, processes: int = 0, progress: Callable[[int, int, str], None] | None = None
    ) -> list[Any]:
        """Make exactly what the plan says, and return the objects asked for.

        Parameters
        ----------
        processes : int
            Worker processes; 0 works in this process.
        progress : callable, optional
            Called with (done, total, name) after every target.
        """
        if self.runner is None:
            raise TargetError("this plan was made for looking only", "use Class.plan(**key)")
        return self.runner(self, processes=processes, progress=progress)

    def estimate(self) -> float:
        """Estimated time [s], from how long targets of each class took before."""
        usual = mean_seconds({node.cls.__name__ for node in self.work})
        return sum(usual.get(node.cls.__name__, 1.0) for node in self.work)

    # -- showing ---------------------------------------------------------------------------

    def label(self, node: Node) -> str:
        """Say which target a node is."""
        request = node.request
        parts = [self.names.get(n, "") for n in (request.group.filter, request.group.chip) if n]
        if request.selection is not None:
            parts.append(request.selection.object)
        named = request.given and request.selection is None
        parts.append(request.night or ("given" if named else ""))
        if request.raw:
            parts.append(self.names.get(request.raw, f"raw {request.raw}"))
        return f"{node.cls.__name__} {' '.join(part for part in parts if part)}".strip()

    def lines(self, limit: int = _MOST_LINES) -> Iterator[str]:
        """Walk over the tree, a line per target or input.

        Of a list of targets one in each state is shown in full, the others are counted. What is
        needed for a target that is up to date is not shown, unless that was asked for.

        Parameters
        ----------
        limit : int
            Largest number of lines.
        """
        seen: set[int] = set()
        # A text in the place of a node is a line as it is.
        stack: list[tuple[int, Node | str, str]] = _shortened(0, self.roots, "")[::-1]
        shown = 0
        while stack:
            if shown == limit:
                yield f"... {len(self.nodes) - len(seen)} more targets: .counts() counts them"
                return
            shown += 1
            depth, node, role = stack.pop()
            if isinstance(node, str):
                yield f"{'  ' * depth}{node}"
                continue
            again = id(node) in seen
            seen.add(id(node))
            hidden = again or (depth > 0 and node.state is State.UP_TO_DATE)
            yield self._line(depth, node, role, again=again, hidden=hidden)
            if not hidden:
                below: list[tuple[int, Node | str, str]]
                below = [(depth + 1, text, "") for text in self._leaves(node)]
                for name, value in node.inputs.items():
                    children = [value] if isinstance(value, Node) else value
                    if isinstance(children, list):
                        below += _shortened(depth + 1, children, name)
                stack += below[::-1]

    def _line(self, depth: int, node: Node, role: str, *, again: bool, hidden: bool) -> str:
        name = f"{role}: " if role else ""
        why = f" ({'; '.join(node.reasons)})" if node.reasons and not again else ""
        mark = " ..." if hidden and node.children else ""
        return f"{'  ' * depth}{name}{self.label(node)}: {node.state.value}{why}{mark}"

    def __str__(self) -> str:
        took = self.estimate() if self.work else 0.0
        told = f"; about {took:.{0 if took >= 2 else 1}f} s of work" if took else ""
        return "\n".join([*self.lines(), self.summary() + told])

    def _leaves(self, node: Node) -> list[str]:
        """Say what else goes in: raw frames, and optional inputs that are absent."""
        texts = []
        for role, value in node.inputs.items():
            if value is None or value == ():
                texts.append(f"{role}: null")
            elif isinstance(value, tuple):
                kind = node.cls._attributes[role].type.__name__
                texts.append(f"{role}: {len(value)} {kind}")
        return texts

    def summary(self) -> str:
        """Count what there is to do."""
        totals = Counter(node.state.value for node in self.nodes)
        text = ", ".join(f"{count} {state}" for state, count in totals.items())
        return f"{len(self.nodes)} targets: {text or 'nothing'}"

    def __repr__(self) -> str:
        return f"<Plan {self.summary()}>"

    def _repr_html_(self) -> str:
        def item(node: Node, role: str, seen: set[int]) -> str:
            name = f"<span class='awlab-role'>{html.escape(role)}</span> " if role else ""
            text = f"<span class='awlab-name'>{html.escape(self.label(node))}</span>"
            head = f"{name}{text} {_state_html(node.state)}"
            if id(node) in seen:
                return f"<li>{head} <small class='awlab-why'>shown above</small></li>"
            head += f" <span class='awlab-why'>{html.escape('; '.join(node.reasons))}</span>"
            leaves = "".join(
                f"<li class='awlab-leaf'>{html.escape(leaf)}</li>" for leaf in self._leaves(node)
            )
            seen.add(id(node))
            below = "".join(item(child, r, seen) for r, child in node.children) + leaves
            opened = " open" if node.is_work or not role else ""
            body = f"<details{opened}><summary>{head}</summary><ul>{below}</ul></details>"
            return f"<li>{body if below else head}</li>"

        seen: set[int] = set()
        roots = "".join(item(node, "", seen) for node in self.roots[:50])
        more = len(self.roots) - 50
        rest = f"<li>... and {more} more</li>" if more > 0 else ""
        return f"<div class='awlab-plan'><ul>{roots}{rest}</ul>{html.escape(self.summary())}</div>"


def _shortened(depth: int, nodes: list[Node], role: str) -> list[tuple[int, Node | str, str]]:
    """Return what is shown of a list of targets: the first ones, those that differ, a count."""
    shown: list[tuple[int, Node | str, str]] = []
    more: Counter[str] = Counter()
    states: Counter[State] = Counter()
    for node in nodes:
        states[node.state] += 1
        if states[node.state] > _IN_FULL:
            more[node.state.value] += 1
        else:
            shown.append((depth, node, role))
    if sum(more.values()) == 1:
        return [(depth, node, role) for node in nodes]
    if more:
        counts = ", ".join(f"{count} {state}" for state, count in more.items())
        name = f"{role}: " if role else ""
        shown.append(
            (depth, f"{name}{sum(more.values())} more {nodes[0].cls.__name__}: {counts}", "")
        )
    return shown


def _state_html(state: State) -> str:
    """Name a state; its class lets a style sheet add a colour and a sign to the word."""
    return f"<b class='awlab-state awlab-{state.value.replace(' ', '-')}'>{state.value}</b>"
