"""Every instrument awlab can recognise: the built-in ones and the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from awlab.backend.errors import IngestError, UnknownInstrument
from awlab.backend.ingest.instruments.definition import InstrumentDefinition
from awlab.backend.ingest.instruments.reading import read_definition

__all__ = ["Instruments", "builtin_instruments", "load_instruments"]

_BUILTIN = Path(__file__).parent / "definitions"


@dataclass(frozen=True, slots=True)
class Instruments:
    """Instrument definitions in the order in which they are asked.

    Attributes
    ----------
    definitions : tuple of InstrumentDefinition
        Highest priority first.
    """

    definitions: tuple[InstrumentDefinition, ...]

    def __getitem__(self, name: str) -> InstrumentDefinition:
        for definition in self.definitions:
            if definition.name.casefold() == name.casefold():
                return definition
        raise UnknownInstrument(
            f"there is no instrument {name!r}", f"known instruments: {', '.join(self.names)}"
        )

    @property
    def names(self) -> list[str]:
        """Names of all definitions, sorted."""
        return sorted(d.name for d in self.definitions)

    def recognise(self, header: Mapping[str, object], path: str = "") -> InstrumentDefinition:
        """Find the definition that fits a header.

        Parameters
        ----------
        header : mapping
            Keywords of the file, primary and first image together.
        path : str, optional
            Name of the file, for the message.

        Raises
        ------
        UnknownInstrument
            If none fits.
        """
        for definition in self.definitions:
            if any(_fits(test, header) for test in definition.recognise):
                return definition
        named = str(header.get("INSTRUME") or "").strip()
        said = f"INSTRUME is {named!r}" if named else "it does not name its instrument"
        raise UnknownInstrument(
            f"{path or 'the file'} is of no known instrument: {said}",
            "pass an instrument definition, or put one into the folder instruments of AWLAB_HOME",
        )

    def with_definition(self, definition: InstrumentDefinition) -> Instruments:
        """Same instruments with one added, or replaced where the name is the same."""
        others = [d for d in self.definitions if d.name.casefold() != definition.name.casefold()]
        return Instruments(tuple(sorted([definition, *others], key=lambda d: -d.priority)))


def _fits(test: Mapping[str, str], header: Mapping[str, object]) -> bool:
    for keyword, pattern in test.items():
        value = header.get(keyword)
        if value is None or not re.search(pattern, str(value).strip(), re.IGNORECASE):
            return False
    return bool(test)


@lru_cache(maxsize=1)
def builtin_instruments() -> Instruments:
    """Instruments that come with awlab."""
    return _gather(Instruments(()), sorted(_BUILTIN.glob("*.yaml")))


def load_instruments(home: Path | None = None, extra: Iterable[Path] = ()) -> Instruments:
    """Gather the built-in instruments and the user's own, which win over those of the same name.

    Parameters
    ----------
    home : Path, optional
        ``AWLAB_HOME``; its folder ``instruments`` is searched for ``.yaml`` and ``.py`` files.
    extra : iterable of Path, optional
        Further definition files, strongest.

    Raises
    ------
    IngestError
        If a file cannot be read.
    """
    paths: list[Path] = []
    if home is not None and (home / "instruments").is_dir():
        found = (home / "instruments").iterdir()
        paths += sorted(p for p in found if p.suffix in {".yaml", ".yml", ".py"})
    return _gather(builtin_instruments(), [*paths, *extra])


def _gather(known: Instruments, paths: Sequence[Path]) -> Instruments:
    """Read files in whatever order their ``extends`` asks for."""
    waiting = {path.stem.casefold(): path for path in paths}
    reading: list[str] = []

    def read(stem: str) -> None:
        nonlocal known
        reading.append(stem)
        definition = read_definition(waiting.pop(stem), parent)
        # Only now: reading may have added the parents to what is known.
        known = known.with_definition(definition)
        reading.remove(stem)

    def parent(name: str) -> InstrumentDefinition:
        stem = name.casefold()
        if stem in waiting:
            read(stem)
        elif stem in reading and name.casefold() not in {n.casefold() for n in known.names}:
            raise IngestError(f"the instrument {name} extends itself", "mend its extends")
        return known[name]

    while waiting:
        read(next(iter(waiting)))
    return known
