"""What awlab knows about an instrument, as data: one frozen object per instrument."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from awlab.backend.ingest.description import ScanRegions

__all__ = [
    "ChipDefinition",
    "Extract",
    "FilterDefinition",
    "InstrumentDefinition",
    "KeywordRule",
    "KindRule",
]


@dataclass(frozen=True, slots=True)
class Extract:
    """Take part of a keyword's value.

    Attributes
    ----------
    keyword : str
        A FITS keyword, or ``FILENAME`` or ``FOLDER``.
    pattern : str
        Regular expression, searched without regard to case; its first group is the value.
    """

    keyword: str
    pattern: str

    def __call__(self, header: Mapping[str, object]) -> object:
        """Value of the first group, None where the keyword is absent or does not match."""
        found = re.search(self.pattern, str(header.get(self.keyword, "")), re.IGNORECASE)
        return found.group(1) if found else None


#: How an attribute is found: a keyword (``#`` stands for an optional number), or a function of the
#: header. Functions are possible in instruments written in Python.
KeywordRule: TypeAlias = str | Extract | Callable[[Mapping[str, object]], object]


@dataclass(frozen=True, slots=True)
class KindRule:
    """One way of telling the kind of a frame; the first rule that fits decides.

    Attributes
    ----------
    kind : str
        bias, dark, dome, twilight, science, standard, or ``unsupported`` to refuse the frame.
    when : mapping
        Keyword -> regular expression, all of which must be found; ``FILENAME``, ``FOLDER`` and
        ``EXPTIME`` may be used as keywords. An empty expression asks that the keyword is absent
        or empty.
    purpose : str
        Purpose, where it is not the kind's own.
    note : str
        Said in the frame's problems when the rule is a guess.
    """

    kind: str
    when: Mapping[str, str]
    purpose: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChipDefinition:
    """One CCD.

    Attributes
    ----------
    name : str
        Name of the chip.
    extension : int or None
        HDU in which its image is delivered; None where only the name in the header tells.
    NAXIS1, NAXIS2 : int
        Size of the unbinned raw image [pixel]; 0 where it varies.
    scans : ScanRegions
        Pre- and overscan of the unbinned raw image, used where the header gives none.
    gain : float or None
        Nominal gain [e-/ADU].
    read_noise : float or None
        Nominal read noise [e-].
    saturation : float or None
        Level at which a pixel is saturated [ADU].
    x, y : float or None
        Place of the first light-sensitive pixel in the mosaic [pixel].
    rotation : float
        Orientation in the mosaic [deg].
    aliases : tuple of str
        Other names headers use.
    """

    name: str
    extension: int | None = None
    NAXIS1: int = 0
    NAXIS2: int = 0
    scans: ScanRegions = field(default_factory=ScanRegions)
    gain: float | None = None
    read_noise: float | None = None
    saturation: float | None = None
    x: float | None = None
    y: float | None = None
    rotation: float = 0.0
    aliases: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Tell whether a header that says ``name`` means this chip."""
        wanted = name.strip().casefold()
        return wanted in {n.casefold() for n in (self.name, *self.aliases)}


@dataclass(frozen=True, slots=True)
class FilterDefinition:
    """One filter.

    Attributes
    ----------
    name : str
        Name used in awlab.
    mag_id : str
        Photometric band, e.g. ``JohnsonB``.
    central_wavelength : float or None
        Centre of the band [Angstrom].
    has_fringes : bool
        True where frames may show fringes.
    matches : tuple of str
        Regular expressions for the names headers use.
    """

    name: str
    mag_id: str = ""
    central_wavelength: float | None = None
    has_fringes: bool = False
    matches: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """Tell whether a header that says ``name`` means this filter."""
        return name == self.name or any(re.search(m, name) for m in self.matches)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentDefinition:
    """One instrument.

    Attributes
    ----------
    name : str
        Name of the instrument, or of the definition where ``name_from`` is set.
    telescope : str
        Name of the telescope; empty where the header tells.
    latitude, longitude : float or None
        Geographic coordinates, north and east positive [deg].
    elevation : float or None
        Height above sea level [m].
    timezone : float or None
        Fixed offset from UTC that divides the nights [h]; from the longitude where None.
    pixel_scale : float or None
        Nominal pixel size [arcsec].
    chips, filters : tuple
        What the instrument has; empty where headers are believed.
    recognise : tuple of mapping
        Each maps keywords to regular expressions; a header that fits all of any one is of this
        instrument.
    priority : int
        Definitions with a higher one are asked first; generic ones have negative priorities.
    keywords : mapping
        Attribute -> rules in order of trust.
    kinds : tuple of KindRule
        How the kind of a frame is told.
    defaults : mapping
        Attribute -> value where no rule finds one.
    name_from : str
        Keyword that names the instrument, for definitions that serve many.
    """

    name: str
    telescope: str = ""
    latitude: float | None = None
    longitude: float | None = None
    elevation: float | None = None
    timezone: float | None = None
    pixel_scale: float | None = None
    chips: tuple[ChipDefinition, ...] = ()
    filters: tuple[FilterDefinition, ...] = ()
    recognise: tuple[Mapping[str, str], ...] = ()
    priority: int = 0
    keywords: Mapping[str, tuple[KeywordRule, ...]] = field(default_factory=dict)
    kinds: tuple[KindRule, ...] = ()
    defaults: Mapping[str, object] = field(default_factory=dict)
    name_from: str = ""

    def chip(self, name: str) -> ChipDefinition | None:
        """Chip that headers call ``name``, None where there is none."""
        return next((c for c in self.chips if c.is_called(name)), None)

    def chip_at(self, extension: int) -> ChipDefinition | None:
        """Chip delivered in that HDU, None where the definition does not say."""
        return next((c for c in self.chips if c.extension == extension), None)

    def filter(self, name: str) -> FilterDefinition | None:
        """Filter that headers call ``name``, None where there is none."""
        exact = next((f for f in self.filters if f.name == name), None)
        return exact or next((f for f in self.filters if f.is_called(name)), None)
