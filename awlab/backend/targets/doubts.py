"""Which flags of an input make what is made from it doubtful."""

from __future__ import annotations

from typing import Any

from awlab.backend.datamodel import QualityFlags, flags_of

__all__ = ["is_doubtful"]


def is_doubtful(*inputs: Any) -> bool:
    """Tell whether one of the inputs has a flag that its products must pass on.

    Flags that only inform are not passed on. Neither is QUANTISED: with
    `DIGITISATION_NOISE` the steps of the converter are in the noise of all that follows.

    Parameters
    ----------
    *inputs : ProcessTarget or None
        Inputs; None is passed over.
    """
    for item in inputs:
        if item is None:
            continue
        coarse = flags_of(type(item))["QUANTISED"].value
        if QualityFlags(int(item.quality_flags) & ~coarse, type(item)).are_serious:
            return True
    return False
