"""``ProcessTarget``: a target is pulled; it is found, checked, or made with all it needs."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from awlab.backend.database import DBObject, Query, persistent
from awlab.backend.datamodel import Flag, Judged, utc_now
from awlab.backend.errors import TargetError
from awlab.backend.process.code_version import code_version
from awlab.backend.process.content import value_hash
from awlab.backend.process.process_params import ProcessParameters, parameter_class
from awlab.backend.process.up_to_date import UpToDate
from awlab.backend.process.work_folder import work_folder

__all__ = ["ProcessTarget"]


class _UpToDateAccess:
    """``Class.uptodate(**key)`` and ``obj.uptodate()``: whether, and why not."""

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        from awlab.backend.process.pulling import judge_key, judge_object

        def of_key(**key: Any) -> UpToDate:
            """Tell whether the target of a key, as in `get`, is up to date: true, or `.reasons`."""
            return judge_key(owner, key)

        def of_object(*, code: bool = False) -> UpToDate:
            """Tell whether this object is up to date: true, or `.reasons`.

            Parameters
            ----------
            code : bool
                Whether other code than today's makes it outdated.
            """
            return judge_object(obj, code=code)

        return of_key if obj is None else of_object


class ProcessTarget(Judged, abstract=True):
    """Something the system makes from other objects: the make metaphor.

    A class derived from it declares what it is made from as persistent links, and computes itself
    in `make`. Links are the lineage; nothing else needs to be written down.
    """

    _is_process_target = True
    FLAGS: ClassVar[tuple[Flag, ...]] = ()

    process_params = persistent("Process parameters it was made with", ProcessParameters)
    process_status = persistent("1 once it was made", int, 0)
    code_version = persistent("Code it was made with", str, "")
    content_hash = persistent("Hash of the result: the same content is the same result", str, "")
    prev = persistent("Previous object of the same key", DBObject, dependency=False)

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        parameters = parameter_class(type(self))
        if parameters is not None and self.process_params is None:
            self.process_params = parameters()

    # -- pulling ---------------------------------------------------------------------------

    @classmethod
    def get(cls, *, commit: bool = True, pars: Any = None, **key: Any) -> Any:
        """Return the target: the one that exists and is up to date, or made with all it needs.

        Parameters
        ----------
        commit : bool
            False for a dry run: returns the plan, and nothing is made.
        pars : Pars or dict, optional
            Process parameters to use.
        **key
            ``instrument, chip, filter, date`` for calibrations (``date`` is the observing night);
            ``raw`` or ``filename``, or ``instrument, date, filter, chip, object`` for science.
            What is missing comes from the context.

        Returns
        -------
        ProcessTarget or list
            One object; a list where the key fits several raw frames.

        Raises
        ------
        TargetError
            If the key is incomplete or fits nothing.
        NoValidCalibration
            If an input is missing and cannot be made.
        MakeFailed
            If making failed; nothing of the failed target is kept.
        """
        plan = cls.plan(pars=pars, **key)
        if not commit:
            return plan
        made = plan.run()
        return made if plan.is_list else made[0]

    @classmethod
    def plan(cls, *, pars: Any = None, depth: int | None = None, **key: Any) -> Any:
        """Return what `get` would do, without doing anything.

        Parameters
        ----------
        pars : Pars or dict, optional
            Process parameters asked for.
        depth : int, optional
            How deep inputs are checked.
        **key
            As in `get`.

        Returns
        -------
        Plan
            Prints as a tree with states and reasons; ``plan.run()`` does exactly that.
        """
        from awlab.backend.process.pulling import plan_targets

        return plan_targets(cls, key, pars=pars, depth=depth)

    @classmethod
    def exist(cls, **key: Any) -> bool:
        """Tell whether the target exists, up to date or not."""
        roots = cls.plan(depth=0, **key).roots
        return all(node.existing is not None and not node.stands_in for node in roots)

    uptodate = _UpToDateAccess()

    # -- making ----------------------------------------------------------------------------

    def make(self) -> None:
        """Compute the target from its inputs; written by the class."""
        raise TargetError(
            f"{type(self).__name__} does not say how it is made", "give the class a make() method"
        )

    def verify(self) -> None:
        """Compare the result with the limits in ``process_params`` and raise quality flags."""

    def compare(self) -> dict[str, tuple[Any, Any]]:
        """Compare with the previous object of the same key.

        Returns
        -------
        dict
            Per attribute the values of ``prev`` and of this object, where they differ.
        """
        if self.prev is None:
            return {}
        found: dict[str, tuple[Any, Any]] = {}
        for name, old, new in _numbers(self.prev, self):
            if old != new:
                found[name] = (old, new)
        return found

    def derive_timestamps(self) -> None:
        """Set the validity of a calibration; other targets have none."""

    def new_pathname(self, suffix: str = ".fits") -> str:
        """Return a path for the file of this object, in the folder of the work that runs.

        `store` copies the file to the data server; the folder is emptied afterwards.
        """
        return str(work_folder() / f"{type(self).__name__}-{self.object_id}{suffix}")

    def finish(self) -> Self:
        """Do what follows `make`: validity, verdict, bookkeeping."""
        self.derive_timestamps()
        if not self.content_hash:
            self.content_hash = value_hash(self)
        self.code_version = code_version(type(self))
        self.process_status = 1
        self.creation_date = utc_now()
        self.verify()
        return self

    @classmethod
    def outdated(cls, query: Query | None = None) -> list[tuple[Any, list[str]]]:
        """Return the objects of the class that are outdated, each with its reasons.

        Parameters
        ----------
        query : Query, optional
            Objects to look at; all valid ones by default.
        """
        from awlab.backend.process.pulling import judge_objects

        return judge_objects(cls, query if query is not None else cls.is_valid > 0)


def _numbers(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    """Pair the numeric results of two objects of a class."""
    rows = []
    skipped = ("creation_date", "file_size", "quality_flags", "is_valid", "privileges")
    for name, attribute in type(new)._attributes.items():
        if attribute.kind == "struct":
            a, b = getattr(old, name), getattr(new, name)
            rows += [
                (f"{name}.{f}", getattr(a, f), getattr(b, f)) for f in attribute.type._attributes
            ]
        elif attribute.kind == "value" and attribute.type in (int, float) and name not in skipped:
            rows.append((name, getattr(old, name), getattr(new, name)))
    return rows
