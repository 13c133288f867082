"""Master bias: the mean of zero-second exposures, clipped at a multiple of the read noise.

References
----------
.. [1] Astro-WISE BiasFrame, process parameters SIGMA_CLIP (3.0) and OVERSCAN_CORRECTION (6).
"""

from __future__ import annotations

from collections.abc import Sequence

from awlab.backend.algorithms.arrays import AnyImage
from awlab.backend.algorithms.combine import (
    CombinedImage,
    CombineOptions,
    DetectorNoise,
    combine_frames,
)
from awlab.backend.algorithms.overscan import measure_overscan
from awlab.backend.algorithms.regions import ReadoutLayout

__all__ = ["master_bias"]


def master_bias(
    biases: Sequence[AnyImage],
    read_noise: float,
    layout: ReadoutLayout,
    *,
    sigma_clip: float = 3.0,
    overscan_correction: int = 6,
) -> CombinedImage:
    """Combine raw biases into a master bias.

    Parameters
    ----------
    biases : sequence of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw biases of one chip [ADU].
    read_noise : float
        Read noise of one frame [ADU].
    layout : ReadoutLayout
        Where image and overscan lie.
    sigma_clip : float
        Clipping threshold [read noise].
    overscan_correction : int
        Overscan method, 0..10. Frames reduced with this bias must use the same.

    Returns
    -------
    CombinedImage
        Master bias of the image region [ADU]; mean near 0 unless the method is 0.

    Raises
    ------
    BadArray
        If frames or regions do not fit, or the read noise is not positive.
    """
    levels = [measure_overscan(frame, layout, overscan_correction) for frame in biases]
    options = CombineOptions(sigma_clip=sigma_clip, region=layout.image, overscan=levels)
    return combine_frames(biases, DetectorNoise(read_noise), options)
