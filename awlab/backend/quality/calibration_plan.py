"""The calibration plan: what is calibrated, in order, with the numbers of the requirements.

References
----------
OmegaCAM Calibration Plan (VST-PLN-OCM-23100-3090), requirements 521 to 572, as listed on the
Astro-WISE portal; the order is that of the menu of CalTS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awlab.backend.database import registered_classes

__all__ = ["REQUIREMENTS", "PlanEntry", "calibration_plan", "requirement_of"]

#: What each requirement is about.
REQUIREMENTS = {
    "521": "Readout noise",
    "522": "Hot pixel map",
    "523": "CCD gain",
    "531": "Dark current",
    "532": "Particle event rate",
    "533": "Linearity",
    "535": "Cold pixel map",
    "541": "Master bias",
    "542": "Master dome flat",
    "543": "Master twilight flat",
    "544": "Night sky flat",
    "545": "Fringe frame",
    "546": "Master flat field",
    "548": "Illumination correction",
    "548F": "Illumination coefficients",
    "551": "Position of the chips in the focal plane",
    "554": "PSF anisotropy",
    "555": "Astrometric solution",
    "562": "Photometric monitoring, extinction",
    "563": "Zeropoint",
    "565": "Band pass transformation",
    "631": "Raw science frame",
    "632": "Reduced science frame",
    "633": "Weight frame",
    "634": "Astrometric parameters",
    "635": "Source list",
    "636": "Coadded frame",
}


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One line of the calibration plan.

    Attributes
    ----------
    requirement : str
        Number of the requirement.
    title : str
        What it is about.
    class_name : str
        Class of the objects that fulfil it.
    by_chip, by_filter : bool
        Whether there is one per chip, and per filter.
    is_calibration : bool
        Whether the objects have a validity.
    """

    requirement: str
    title: str
    class_name: str
    by_chip: bool
    by_filter: bool
    is_calibration: bool

    @property
    def cls(self) -> Any:
        """The class."""
        return registered_classes()[self.class_name]


def requirement_of(cls: Any) -> str:
    """Return the number of the requirement that a class fulfils, empty if none."""
    return str(getattr(cls, "REQUIREMENT", ""))


def calibration_plan(*, calibrations_only: bool = False) -> list[PlanEntry]:
    """Return the calibration plan in its order.

    Parameters
    ----------
    calibrations_only : bool
        Whether to leave out what has no validity: raw and science frames.
    """
    found = []
    for name, cls in registered_classes().items():
        number = str(vars(cls).get("REQUIREMENT", ""))
        is_calibration = bool(getattr(cls, "_is_calibration", False))
        if cls._abstract or not number or (calibrations_only and not is_calibration):
            continue
        attributes = cls._attributes
        title = REQUIREMENTS.get(number.partition("+")[0], name)
        found.append(
            PlanEntry(
                number, title, name, "chip" in attributes, "filter" in attributes, is_calibration
            )
        )
    return sorted(found, key=lambda entry: (entry.requirement, entry.class_name))
