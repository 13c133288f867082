"""The demo nights: a simulated 8-chip WFI night with known truth, and a real one from PyPI.

Importing this room costs nothing: NumPy and the rest are loaded by the first name that is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awlab.backend.ingest.nights.night_files import NightFiles
    from awlab.backend.ingest.nights.sa112 import fetch_sa112
    from awlab.backend.ingest.nights.truth import ChipTruth, FrameTruth, NightTruth
    from awlab.backend.ingest.nights.wfi import make_wfi_night

__all__ = [
    "ChipTruth",
    "FrameTruth",
    "NightFiles",
    "NightInfo",
    "NightTruth",
    "available_nights",
    "fetch_sa112",
    "make_wfi_night",
]

_HOMES = {
    "ChipTruth": "truth",
    "FrameTruth": "truth",
    "NightFiles": "night_files",
    "NightTruth": "truth",
    "fetch_sa112": "sa112",
    "make_wfi_night": "wfi",
}


@dataclass(frozen=True, slots=True)
class NightInfo:
    """One demo night that can be had.

    Attributes
    ----------
    name : str
        Name for ``make demo NIGHT=``.
    instrument : str
        Instrument.
    date : str
        Observing night.
    description : str
        What is in it, in a sentence.
    network : bool
        Whether a package index must be reachable the first time.
    simulated : bool
        Whether it is simulated, with known truth.
    """

    name: str
    instrument: str
    date: str
    description: str
    network: bool
    simulated: bool


def available_nights() -> dict[str, NightInfo]:
    """Tell which demo nights there are.

    Returns
    -------
    dict
        `NightInfo` by name.
    """
    nights = (
        NightInfo(
            "wfi",
            "WFI",
            "2000-04-28",
            "simulated night of the 8-chip WFI in a small format, B and R, with known truth: "
            "77 exposures, 230 MB",
            network=False,
            simulated=True,
        ),
        NightInfo(
            "sa112",
            "Feder",
            "2013-07-03",
            "real night at Feder Observatory, Landolt field SA112-SF1 in B, V, R, I: 150 frames, "
            "12 MB to fetch, 230 MB on disk",
            network=True,
            simulated=False,
        ),
    )
    return {night.name: night for night in nights}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
