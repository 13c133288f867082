"""What a calibration timeline shows, as plain data: classes, selectors, bars cut to the span."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from awlab.backend.database import Query, WithIds, context, read_records
from awlab.backend.datamodel import Chip, Filter, Instrument, QualityFlags
from awlab.backend.errors import QueryError
from awlab.backend.quality import Bar, PlanEntry, calibration_plan, calibration_timeline
from awlab.widgets.calibration_timeline.span import Axis, span_of

__all__ = ["MOST", "TimelineState", "time_text"]

# More bars than that nobody looks through, one by one.
MOST = 2_000
_SELECTORS = ("instrument", "chip", "filter", "year", "quarter", "month", "week")
_LINKS = ("instrument", "chip", "filter")
_TIMES = ("DATE_OBS", "raw.DATE_OBS", "creation_date")
_COLUMNS = (
    ("from", "Beginning of the validity, UTC"),
    ("to", "End of the validity, UTC"),
    ("created", "When it was made, UTC"),
    ("chip", "Detector chip"),
    ("filter", "Filter"),
    ("state", "Whether it is the one that applies"),
    ("flags", "Verdict of the system"),
    ("creator", "Who made it"),
)


class TimelineState:
    """The calibrations of one class in a span of time.

    Parameters
    ----------
    cls : type, optional
        Class to begin with; the first one of the plan that there is something of by default.
    **asked
        ``instrument``, ``chip``, ``filter``, ``year``, ``quarter``, ``month``, ``week``,
        ``only_good``.

    Raises
    ------
    QueryError
        If the class is not part of the calibration plan, or there is no such selector.
    """

    def __init__(self, cls: Any = None, **asked: Any) -> None:
        self.plan = {entry.class_name: entry for entry in calibration_plan()}
        self.asked: dict[str, Any] = dict.fromkeys(_SELECTORS, "") | {"only_good": False}
        self.entry = self._entry(cls.__name__ if cls is not None else self._first_class())
        if "instrument" not in asked:
            asked = asked | {"instrument": self._newest_instrument()}
        self._take(asked)
        self.bars: list[Bar] = []

    @property
    def cls(self) -> Any:
        """Class that is shown."""
        return self.entry.cls

    # -- what there is to choose from ------------------------------------------------------

    def opening(self) -> dict[str, Any]:
        """Return the plan, the selectors, and the bars."""
        self._narrow()
        return {"plan": [_plain(entry) for entry in self.plan.values()], **self.look({})}

    def look(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the bars of another class or another span; what is not named stays.

        Parameters
        ----------
        asked : dict
            ``class_name`` and selectors.

        Raises
        ------
        QueryError
            If something is asked for that does not exist, or too much.
        """
        words = dict(asked)
        before = self.entry, dict(self.asked)
        try:
            if "class_name" in words:
                self.entry = self._entry(str(words.pop("class_name")))
            self._take(words)
            return self._shown()
        except QueryError:
            self.entry, self.asked = before
            raise

    def _entry(self, name: str) -> PlanEntry:
        entry = self.plan.get(name)
        if entry is None:
            raise QueryError(f"{name!r} is not in the calibration plan", ", ".join(self.plan))
        return entry

    def _first_class(self) -> str:
        names = list(self.plan)
        bias = ["BiasFrame"] if "BiasFrame" in self.plan else []
        return next(
            (n for n in [*bias, *names] if self.plan[n].cls.select_all().exists()), names[0]
        )

    def _newest_instrument(self) -> str:
        if context.instrument:
            return str(context.instrument)
        newest = self.cls.select_all().order_by("-creation_date").limit(1)
        found = read_records(newest, ("instrument.name",)) if self._has("instrument") else []
        return str(found[0][0] or "") if found else ""

    def _has(self, name: str) -> bool:
        return name in self.cls._attributes

    def _take(self, asked: dict[str, Any]) -> None:
        unknown = set(asked) - set(self.asked)
        if unknown:
            raise QueryError(f"a timeline has no {sorted(unknown)[0]!r}", ", ".join(self.asked))
        wanted = self.asked | {n: "" if v is None else v for n, v in asked.items()}
        if "instrument" in asked and wanted["instrument"] != self.asked["instrument"]:
            # Chips and filters of another instrument have other names.
            wanted |= {name: "" for name in ("chip", "filter") if name not in asked}
        wanted["only_good"] = bool(wanted["only_good"])
        span_of(*(wanted[name] for name in _SELECTORS[3:]))
        self.asked = wanted

    def _narrow(self) -> None:
        """Begin with the newest year where there is too much for one look."""
        if not self.asked["year"] and self._query().count(cap=MOST + 1) > MOST:
            self.asked["year"] = max(self._years(), default="")

    def _choices(self) -> dict[str, list[Any]]:
        instrument = self.asked["instrument"]
        found = {"instruments": _names(Instrument.select_all())}
        for name, kind in (("chips", Chip), ("filters", Filter)):
            query = kind.select(instrument=instrument) if instrument else kind.select_all()
            found[name] = _names(query)
        return found | {"years": self._years()}

    def _years(self) -> list[int]:
        """Years from the first to the last object of the class, the last one first."""
        path = self._time()
        if "." in path:
            path = "creation_date"
        query = self.cls.select_all()
        if self.entry.is_calibration:
            query &= self.cls.origin == "derived"
        ends = [
            record[0].year
            for order in (path, f"-{path}")
            for record in read_records(query.order_by(order).limit(1), (path,))
            if record[0] is not None
        ]
        return list(range(ends[-1], ends[0] - 1, -1))[:200] if ends else []

    # -- bars ------------------------------------------------------------------------------

    def _time(self) -> str:
        """Path of the time that year, quarter, month and week are about."""
        if self.entry.is_calibration:
            return "timestamp_start"
        return next(p for p in _TIMES if self._has(p.partition(".")[0]))

    def _key(self) -> dict[str, Any]:
        return {n: self.asked[n] for n in _LINKS if self.asked[n] and self._has(n)}

    def span(self) -> tuple[datetime, datetime] | None:
        """Return the span of time that is asked for."""
        return span_of(*(self.asked[name] for name in _SELECTORS[3:]))

    def _query(self) -> Query:
        query: Query = self.cls.select(**self._key())
        span = self.span()
        if span is None:
            return query
        if self.entry.is_calibration:
            query &= self.cls.timestamp_end > span[0]
            query &= self.cls.timestamp_start < span[1]
            return query
        chain: Any = self.cls
        for name in self._time().split("."):
            chain = getattr(chain, name)
        query &= chain >= span[0]
        query &= chain < span[1]
        return query

    def _shown(self) -> dict[str, Any]:
        if self._query().count(cap=MOST + 1) > MOST:
            raise QueryError(
                f"more than {MOST:,} {self.entry.class_name} fit",
                "choose a chip, a filter, or a shorter time",
            )
        span = self.span()
        if self.entry.is_calibration:
            start, end = span or (None, None)
            bars = calibration_timeline(self.cls, start=start, end=end, **self._key()).bars
        else:
            bars = self._moments()
        if self.asked["only_good"]:
            bars = [bar for bar in bars if bar.is_good]
        self.bars = sorted(bars, key=_place)
        derived = [(b.start, b.end) for b in self.bars if b.origin == "derived"]
        axis = Axis(*span) if span else Axis.around(derived or [(b.start, b.end) for b in bars])
        return self._told(axis)

    def _moments(self) -> list[Bar]:
        """Return what has no validity as bars without length."""
        links = [name for name in _LINKS if self._has(name)]
        path = self._time()
        plain = ("id", "object_id", path, "creation_date", "is_valid", "quality_flags", "creator")
        paths = (*plain, *(f"{name}.name" for name in links))
        bars = []
        for row in read_records(self._query(), paths):
            value = dict(zip(paths, row, strict=True))
            when = value[path] or value["creation_date"]
            flags = QualityFlags(int(value["quality_flags"] or 0), self.cls)
            names = [str(value.get(f"{name}.name") or "") for name in _LINKS]
            made, valid = value["creation_date"], int(value["is_valid"])
            bars.append(
                Bar(
                    id=int(value["id"]), object_id=str(value["object_id"]),
                    instrument=names[0], chip=names[1], filter=names[2], readout="", night="",
                    start=when, end=when, creation_date=made, is_valid=valid,
                    quality_flags=int(flags), flags=flags.names, origin="derived",
                    creator=str(value["creator"]), used=[(when, when)],
                )
            )  # fmt: skip
        return bars

    def _told(self, axis: Axis) -> dict[str, Any]:
        rows = [self._row(bar, axis) for bar in self.bars]
        counts = Counter(row["state"] for row in rows)
        what = "calibration files" if self.entry.is_calibration else "objects"
        return {
            "class_name": self.entry.class_name,
            "asked": self.asked,
            "choices": self._choices(),
            "rows": rows,
            "ticks": axis.ticks(),
            "axis": f"{time_text(axis.start)} - {time_text(axis.end)}",
            "columns": [{"path": name, "doc": doc, "unit": ""} for name, doc in _COLUMNS],
            "total": f"Total {what}: {len(rows)}",
            "counts": dict(counts),
            "python": self.python(),
        }

    def _row(self, bar: Bar, axis: Axis) -> dict[str, Any]:
        state = "good" if bar.state == "used" and not self.entry.is_calibration else bar.state
        return {
            "id": bar.object_id,
            "from": time_text(bar.start),
            "to": time_text(bar.end),
            "created": time_text(bar.creation_date),
            "chip": bar.chip,
            "filter": bar.filter,
            "state": state,
            "flags": ", ".join(bar.flags),
            "creator": bar.creator,
            "origin": bar.origin,
            "favourite": bar.favourite,
            "group": "  ".join(p for p in (bar.instrument, bar.chip, bar.filter) if p),
            "parts": _parts(bar, axis),
        }

    # -- taking along ----------------------------------------------------------------------

    def python(self) -> str:
        """Return the Python that gives what is shown."""
        words = [f"{name}={value!r}" for name, value in self._key().items()]
        if not self.entry.is_calibration:
            return str(self._query())
        span = self.span()
        if span:
            words += [f"start='{span[0]:%Y-%m-%d}'", f"end='{span[1]:%Y-%m-%d}'"]
        if self.asked["only_good"]:
            words.append("only_good=True")
        return f"calibration_timeline({', '.join([self.entry.class_name, *words])})"

    def chosen(self, object_ids: list[str]) -> Query:
        """Return some of the shown objects as a query.

        Raises
        ------
        QueryError
            If one of them is not shown.
        """
        numbers = {bar.object_id: bar.id for bar in self.bars}
        strangers = [str(name) for name in object_ids if name not in numbers]
        if strangers:
            raise QueryError(f"{strangers[0]!r} is not shown")
        return Query(self.cls, WithIds(tuple(sorted(numbers[name] for name in object_ids))))


def _plain(entry: PlanEntry) -> dict[str, Any]:
    names = ("requirement", "title", "class_name", "by_chip", "by_filter", "is_calibration")
    return {name: getattr(entry, name) for name in names}


def _place(bar: Bar) -> tuple[Any, ...]:
    return (bar.instrument, bar.chip, bar.filter, bar.creation_date, bar.id)


def _parts(bar: Bar, axis: Axis) -> list[dict[str, Any]]:
    """Cut a bar into pieces of one style each; what lies outside the axis is left out."""
    if bar.state in ("invalid", "flagged"):
        pieces = [(bar.start, bar.end, bar.state)]
    else:
        pieces = [(start, end, "used") for start, end in bar.used]
        pieces += [(start, end, "eclipsed") for start, end in bar.eclipsed]
    return [
        {"from": axis.at(start), "to": axis.at(end), "style": style}
        for start, end, style in sorted(pieces)
        if end >= axis.start and start <= axis.end
    ]


def _names(query: Query) -> list[str]:
    return sorted({str(name) for (name,) in read_records(query, ("name",)) if name})


def time_text(time: datetime | None) -> str:
    """Return a time as a row shows it, with seconds only where there are any."""
    if time is None:
        return ""
    return (
        f"{time:%Y-%m-%d %H:%M:%S}" if time.second or time.microsecond else f"{time:%Y-%m-%d %H:%M}"
    )
