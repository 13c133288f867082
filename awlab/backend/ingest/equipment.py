"""The named things that raw frames refer to: made once, shared by everybody."""

from __future__ import annotations

from typing import Any

from awlab.backend import datamodel
from awlab.backend.database import commit_objects
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.instruments import InstrumentDefinition

__all__ = ["Equipment"]


class Equipment:
    """Gives instrument, chip, filter, observing block and template objects; makes each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], Any] = {}

    def _named(self, cls: Any, *key: Any, **values: Any) -> Any:
        place = (cls, *key)
        if place not in self._found:
            self._found[place] = cls(**values)
        return self._found[place]

    def commit(self) -> None:
        """Commit what is new, in one transaction of its own.

        Not together with frames: names exist once for everybody, and who makes them must not be
        waited for until all frames of a file are written.
        """
        commit_objects([item for item in self._found.values() if not item.is_committed])

    def instrument(self, definition: InstrumentDefinition, name: str) -> datamodel.Instrument:
        """Return the instrument; its definition says where it stands."""
        timezone = definition.timezone
        if timezone is None and definition.longitude is not None:
            timezone = float(round(definition.longitude / 15.0))
        found: datamodel.Instrument = self._named(
            datamodel.Instrument,
            name,
            name=name,
            telescope_name=definition.telescope,
            latitude=definition.latitude,
            longitude=definition.longitude,
            elevation=definition.elevation,
            timezone=timezone,
            pixel_scale=definition.pixel_scale,
        )
        return found

    def chip(self, definition: InstrumentDefinition, instrument: Any, name: str) -> datamodel.Chip:
        """Return a chip with the nominal values of its definition."""
        known = next((chip for chip in definition.chips if chip.name == name), None)
        values: dict[str, Any] = {"instrument": instrument, "name": name}
        if known is not None:
            values |= {"gain": known.gain, "saturation": known.saturation}
            # Definitions give electrons, objects ADU.
            if known.read_noise is not None and known.gain:
                values["read_noise"] = known.read_noise / known.gain
        found: datamodel.Chip = self._named(datamodel.Chip, instrument.name, name, **values)
        return found

    def filter(
        self, definition: InstrumentDefinition, instrument: Any, name: str
    ) -> datamodel.Filter:
        """Return a filter with the band of its definition."""
        known = next((item for item in definition.filters if item.name == name), None)
        values: dict[str, Any] = {"instrument": instrument, "name": name}
        if known is not None:
            values |= {
                "mag_id": known.mag_id,
                "central_wavelength": known.central_wavelength,
                "has_fringes": known.has_fringes,
            }
        found: datamodel.Filter = self._named(datamodel.Filter, instrument.name, name, **values)
        return found

    def block(self, frame: FrameDescription) -> datamodel.ObservingBlock | None:
        """Return the observing block of a frame, None where the header names none."""
        block = frame.observing_block
        if block is None or not (block.id or block.name):
            return None
        values = {
            "block_id": block.id,
            "name": block.name,
            "program_id": block.program_id,
            "start": block.start,
        }
        found: datamodel.ObservingBlock = self._named(
            datamodel.ObservingBlock, *values.values(), **values
        )
        return found

    def template(self, frame: FrameDescription) -> datamodel.Template | None:
        """Return the observing template of a frame, None where the header names none."""
        template = frame.template
        if template is None or not (template.id or template.name):
            return None
        values = {"template_id": template.id, "name": template.name, "start": template.start}
        found: datamodel.Template = self._named(datamodel.Template, *values.values(), **values)
        return found
