"""The things that only have a name: instrument, chip, filter, observing block, template."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import DBObject, persistent
from awlab.backend.errors import UnknownInstrument

__all__ = ["Chip", "Filter", "Instrument", "ObservingBlock", "Template"]


class Named(DBObject, abstract=True):
    """Something known by its name: it exists once, and everybody sees it."""

    _lineage_node = False
    _named_for_all = True

    name = persistent("Name", str, "")


class Instrument(Named):
    """An instrument on a telescope."""

    _unique_on = ("name",)

    telescope_name = persistent("Telescope it is mounted on", str, "")
    latitude = persistent("Geographic latitude [deg]", float)
    longitude = persistent("Geographic longitude, east positive [deg]", float)
    elevation = persistent("Height above sea level [m]", float)
    timezone = persistent("Local time minus UTC [h]", float)
    pixel_scale = persistent("Nominal pixel size [arcsec / pixel]", float)

    @classmethod
    def named(cls, name: str) -> Any:
        """Return the instrument of that name.

        Raises
        ------
        UnknownInstrument
            With the names that are known.
        """
        found = list(cls.name == name)
        if not found:
            known = ", ".join(sorted(i.name for i in cls.select_all())) or "none yet"
            raise UnknownInstrument(f"no instrument {name!r}", f"known: {known}")
        return found[0]


class Chip(Named):
    """One detector chip of an instrument; one chip is one frame."""

    _unique_on = ("instrument", "name")

    instrument = persistent("Instrument it belongs to", Instrument)
    gain = persistent("Nominal conversion factor [electron / adu]", float)
    read_noise = persistent("Nominal read noise [ADU]", float)
    saturation = persistent("Level above which pixels are saturated [ADU]", float)


class Filter(Named):
    """A filter of an instrument."""

    _unique_on = ("instrument", "name")

    instrument = persistent("Instrument it belongs to", Instrument)
    mag_id = persistent("Photometric band, such as JohnsonB", str, "")
    central_wavelength = persistent("Central wavelength [Angstrom]", float)
    has_fringes = persistent("Whether images may show fringes", bool, False)


class ObservingBlock(Named):
    """The observing block that frames were taken in."""

    _unique_on = ("block_id", "name", "start")

    block_id = persistent("Identifier", str, "")
    program_id = persistent("Observing programme", str, "")
    start = persistent("Start as in the header", str, "")


class Template(Named):
    """The observing template that frames were taken with."""

    _unique_on = ("template_id", "start")

    template_id = persistent("Identifier", str, "")
    start = persistent("Start as in the header", str, "")
