"""``TargetProcessor``: the object maker. Choose, look at what would be made, have it made."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.backend.database import DBObject, Query, WithIds, context
from awlab.backend.errors import QueryError, TargetError
from awlab.backend.process import lpu
from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.following import Follower
from awlab.widgets.target_processor.choices import (
    choices_of,
    key_of,
    target_class,
    target_classes,
)
from awlab.widgets.target_processor.parameters import Parameters
from awlab.widgets.target_processor.plan_tree import PlanTree
from awlab.widgets.target_processor.running import Run, product_cards, products_query

__all__ = ["TargetProcessor"]

_MOST_PROCESSES = 256
_FIRST = "ReducedScienceFrame"  # what most people come for


class TargetProcessor(AwlabWidget):
    """A target, what it is made from, in which state that is and why; and making it.

    Parameters
    ----------
    cls : type, optional
        Target class to begin with.
    height : int
        Height of the tree on the screen [pixel].
    **asked
        ``instrument``, ``date``, ``object``, ``filter``, and ``chips``, a list of names.

    Attributes
    ----------
    selection : ProcessTarget, Query or Job
        What was chosen last, or the products of the last run; while it runs, its job.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("tree", "tabs", "parameters")

    selection = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(360).tag(sync=True)

    def __init__(self, cls: Any = None, *, height: int = 360, **asked: Any) -> None:
        names = [entry["name"] for entry in target_classes()]
        first = _FIRST if _FIRST in names else names[0]
        self.cls = target_class(cls.__name__ if cls is not None else first)
        self.asked = {"instrument": context.instrument, **asked}
        self.parameters = Parameters(self.cls)
        self.tree: PlanTree | None = None
        self.run: Run | None = None
        self._follower: Follower | None = None
        super().__init__(height=height)

    # -- choosing --------------------------------------------------------------------------

    @answers
    def opening(self) -> dict[str, Any]:
        """Answer with what there is to choose from, and what is chosen."""
        found = choices_of(str(self.asked["instrument"] or ""))
        if not self.asked["instrument"] and len(found["instruments"]) == 1:
            self.asked["instrument"] = found["instruments"][0]
            found = choices_of(self.asked["instrument"])
        chosen = {"class_name": self.cls.__name__, "asked": self.asked}
        return {"classes": target_classes(), "choices": found, **chosen, **self._table()}

    def _table(self) -> dict[str, Any]:
        return {"parameters": self.parameters.table()}

    @answers
    def set_class(self, name: str) -> dict[str, Any]:
        """Choose another target class; answer with its parameters."""
        self.cls = target_class(name)
        self.parameters = Parameters(self.cls, self.parameters)
        return self._table()

    @answers
    def set_instrument(self, name: str) -> dict[str, Any]:
        """Choose another instrument; answer with its nights, objects, filters and chips."""
        self.asked["instrument"] = str(name)
        return {"choices": choices_of(str(name))}

    @answers
    def set_project(self, name: str) -> dict[str, Any]:
        """Work in another project: there the products will be."""
        context.set_project(str(name))
        return {"choices": choices_of(str(self.asked["instrument"] or ""))}

    @answers
    def set_parameter(self, target: str, name: str, text: str) -> dict[str, Any]:
        """Change a process parameter; answer with its row."""
        return {"row": self.parameters.set(target, name, text)}

    # -- looking ---------------------------------------------------------------------------

    @answers
    def plan(self, asked: dict[str, Any], depth: Any = None) -> dict[str, Any]:
        """Plan what is chosen; answer with the targets and what there is to do."""
        deep = None if depth in (None, "") else _whole("depth", depth, 0, 100)
        key = key_of(self.cls, asked)
        pars = self.parameters.asked()
        self.tree = PlanTree(self.cls.plan(pars=pars, depth=deep, **key))
        self.asked = dict(asked)
        self._key = key
        words = [f"{name}={value!r}" for name, value in key.items()]
        words += [f"pars={pars!r}"] if pars else []
        words += [f"depth={deep}"] if deep is not None else []
        python = f"{self.cls.__name__}.plan({', '.join(words)})"
        return {**self.tree.children(), **self._totals(), "python": python}

    def _planned(self) -> PlanTree:
        if self.tree is None:
            raise TargetError("nothing is planned yet", "choose, and show the targets")
        return self.tree

    def _totals(self) -> dict[str, Any]:
        return {"totals": self._planned().totals()}

    @answers
    def inputs(self, number: int, offset: int = 0) -> dict[str, Any]:
        """Answer with what a target is made from."""
        return self._planned().children(number, offset)

    @answers
    def check(self, number: int, on: bool, alike: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Say whether a target is made; answer with what is checked then."""
        self._planned().check(number, on=bool(on), alike=bool(alike))
        return self._totals()

    @answers
    def check_all(self, on: bool) -> dict[str, Any]:  # noqa: FBT001 - a message has names
        """Check all or nothing; answer with what is checked then."""
        self._planned().check_all(on=bool(on))
        return self._totals()

    @answers
    def choose(self, number: int) -> dict[str, Any]:
        """Make the object of a target, if there is one, the selection."""
        node = self._planned().node(number)
        if not node.object_id:
            return {"python": ""}
        (self.selection,) = Query(DBObject, WithIds((node.object_id,)))
        return {"python": _python(self.selection)}

    # -- making ----------------------------------------------------------------------------

    @answers
    def start(self, processes: Any = None) -> dict[str, Any]:
        """Make what is checked, in worker processes; answer with the number of the job."""
        if self.run is not None and self.run.is_open:
            raise TargetError(f"job {self.run.job.number} still runs", "wait for it, or cancel it")
        tree = self._planned()
        count = None if processes in (None, "") else _whole("number", processes, 0, _MOST_PROCESSES)
        part = tree.chosen()
        job = lpu.run_plan(part, processes=count, wait=False, **self._key)
        self.run = Run(job, tree.numbers_of(part))
        self.selection = job
        # Many rows are looked at less often: the database has other things to do.
        pause = 0.3 + len(part.work) / 5_000
        self._follower = Follower(self.run.look, self._tell, pause=pause)
        self._follower.begin()
        return {"number": job.number, "python": f"lpu.job({job.number})"}

    def _tell(self, found: dict[str, Any]) -> None:
        if found["over"] and self.run is not None and "failure" not in found:
            items = self.run.products()
            if items:
                self.selection = products_query(items)
            found = {**found, **product_cards(items)}
        self.send({"op": "progress", **found})

    def _running(self) -> Run:
        if self.run is None:
            raise TargetError("nothing was started here", "check targets, and process them")
        return self.run

    @answers
    def cancel(self) -> dict[str, Any]:
        """Stop before the next target; what is finished stays."""
        self._running().job.cancel()
        return {}

    @answers
    def logs(self) -> dict[str, Any]:
        """Answer with the log of the job."""
        return {"text": self._running().job.logs()}

    @answers
    def product(self, object_id: str) -> dict[str, Any]:
        """Make one of the products the selection."""
        if object_id not in {item.object_id for item in self._running().products()}:
            raise QueryError(f"{object_id!r} is no product of this run")
        self.selection = DBObject(object_id=object_id)
        return {"python": _python(self.selection)}

    def close(self) -> None:
        """Close the widget; the job goes on, and is found again with ``lpu.jobs()``."""
        follower = getattr(self, "_follower", None)
        if follower is not None:
            follower.stop()
        super().close()


def _python(item: Any) -> str:
    return f"{type(item).__name__}(object_id={item.object_id!r})"


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise QueryError(f"{value!r} is no {name}", f"{low} to {high}") from None
    if not low <= number <= high:
        raise QueryError(f"{name} {number} does not exist", f"{low} to {high}")
    return number
