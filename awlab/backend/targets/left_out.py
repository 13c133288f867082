"""Raw frames of a selection of which there is nothing to coadd, and why."""

from __future__ import annotations

from typing import Any

from awlab.backend.datamodel import RawScienceFrame
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.regridded import RegriddedFrame

__all__ = ["frames_without_product"]


def frames_without_product(coadd: Any, frames: Any) -> dict[str, str]:
    """Return the raw frames of a coadd's selection that are not among its frames, with reasons.

    Parameters
    ----------
    coadd : CoaddedRegriddedFrame
        Its key says which raw frames there should be.
    frames : sequence of RegriddedFrame
        Those there are.

    Returns
    -------
    dict
        Per name of a raw frame, why it is not there.
    """
    raws = (RawScienceFrame.OBJECT == coadd.OBJECT) & (RawScienceFrame.is_valid > 0)
    raws = raws & (RawScienceFrame.filter == coadd.filter)
    if coadd.night:
        raws = raws & (RawScienceFrame.night == coadd.night)
    chips = {frame.chip for frame in frames} if coadd.chip is not None else None
    there = {frame.raw.object_id for frame in frames}
    missing = [raw for raw in raws if raw.object_id not in there]
    return {raw.filename: _reason(raw) for raw in missing if chips is None or raw.chip in chips}


def _reason(raw: Any) -> str:
    for cls in (RegriddedFrame, AstrometricParameters):
        found = ((cls.raw == raw) & (cls.is_valid > 0)).max("creation_date")
        names = [] if found is None else found.quality_flags.names
        if names:
            failure = getattr(found, "failure", "")
            return f"{cls.__name__} is flagged {', '.join(names)}" + (failure and f": {failure}")
    return "it could not be regridded"
