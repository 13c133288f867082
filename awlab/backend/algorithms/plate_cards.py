"""Plate solutions as header cards: TPV both ways, SIP both ways.

References
----------
.. [1] Greisen & Calabretta 2002, A&A 395, 1061 (CD, PC and CDELT, CROTA).
.. [2] "The TPV World Coordinate System", FITS registry of conventions, 2011.
.. [3] Shupe et al. 2005, ASP Conf. 347, 491 (SIP).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Floats
from awlab.backend.algorithms.tangent_plane import (
    TPV_TERMS,
    PlateSolution,
    identity_pv,
    plate_from_samples,
    polynomial_terms,
    sample_grid,
)

__all__ = ["plate_from_cards", "sip_cards", "tpv_cards"]

# SIP polynomials are exact wherever they are sampled; a chip's extent keeps the fit well scaled.
_SIP_EXTENT = 2048.0


def plate_from_cards(cards: Mapping[str, Any]) -> PlateSolution:
    """Plate solution of a header.

    Parameters
    ----------
    cards : mapping
        Keywords and values.

    Raises
    ------
    BadArray
        If a keyword is missing, or the projection is another one, or CD is singular.
    """
    kinds = [str(cards.get(f"CTYPE{axis}", "")).strip().upper() for axis in (1, 2)]
    if not (kinds[0].startswith("RA--") and kinds[1].startswith("DEC-")) or not (
        kinds[0].endswith(("-TAN", "-TPV", "-TAN-SIP"))
    ):
        raise BadArray(
            f"CTYPE {kinds[0]!r}, {kinds[1]!r} is not a tangential plate solution",
            "axes must be RA and DEC in the projection TAN, TPV or TAN-SIP",
        )
    try:
        crval = float(cards["CRVAL1"]), float(cards["CRVAL2"])
        crpix = float(cards["CRPIX1"]), float(cards["CRPIX2"])
    except KeyError as missing:
        raise BadArray(f"the header has no {missing.args[0]}", "give a complete WCS") from None
    cd, pv = _read_cd(cards), identity_pv()
    for axis in (0, 1):
        for k in range(len(TPV_TERMS)):
            pv[axis, k] = float(cards.get(f"PV{axis + 1}_{k}", pv[axis, k]))
    if not (np.isfinite(cd).all() and abs(np.linalg.det(cd)) > 0.0):
        raise BadArray(f"the CD matrix {cd.tolist()} is singular", "mend CD or CDELT of the header")
    plate = PlateSolution(crval, crpix, cd, pv)
    return _with_sip(plate, cards) if kinds[0].endswith("-SIP") else plate


def _read_cd(cards: Mapping[str, Any]) -> Floats:
    """CD matrix, or PC or CROTA2 times CDELT."""
    if any(f"CD{i}_{j}" in cards for i in (1, 2) for j in (1, 2)):
        return np.array([[float(cards.get(f"CD{i}_{j}", 0.0)) for j in (1, 2)] for i in (1, 2)])
    if "CDELT1" not in cards or "CDELT2" not in cards:
        raise BadArray("the header has neither CD nor CDELT", "give a complete WCS")
    steps = np.array([float(cards["CDELT1"]), float(cards["CDELT2"])])
    if "CROTA2" in cards:
        turn = np.radians(float(cards["CROTA2"]))
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        return np.asarray(rotation * steps)
    pc = [[float(cards.get(f"PC{i}_{j}", float(i == j))) for j in (1, 2)] for i in (1, 2)]
    return np.asarray(steps[:, None] * np.array(pc))


def _with_sip(plate: PlateSolution, cards: Mapping[str, Any]) -> PlateSolution:
    """Turn SIP polynomials into TPV ones of the same order."""
    order = max(int(cards.get("A_ORDER", 1)), int(cards.get("B_ORDER", 1)), 1)
    box = [value + side for value in plate.crpix for side in (-_SIP_EXTENT, _SIP_EXTENT)]
    x, y = sample_grid(box, order)
    u, v = x + 1.0 - plate.crpix[0], y + 1.0 - plate.crpix[1]
    shifts = {"A": np.zeros_like(u), "B": np.zeros_like(u)}
    for letter, i, j in product("AB", range(order + 1), range(order + 1)):
        shifts[letter] += float(cards.get(f"{letter}_{i}_{j}", 0.0)) * u**i * v**j
    plane = plate.cd @ np.stack([u + shifts["A"], v + shifts["B"]])
    return plate_from_samples((x, y), (plane[0], plane[1]), plate.crval, plate.crpix, order)


def _linear_cards(
    plate: PlateSolution, kind: str, crpix: tuple[float, float], cd: Floats
) -> dict[str, str | float]:
    return {
        "CTYPE1": f"RA---{kind}",
        "CTYPE2": f"DEC--{kind}",
        "CUNIT1": "deg",
        "CUNIT2": "deg",
        "CRVAL1": float(plate.crval[0]),
        "CRVAL2": float(plate.crval[1]),
        "CRPIX1": float(crpix[0]),
        "CRPIX2": float(crpix[1]),
        **{f"CD{i + 1}_{j + 1}": float(cd[i, j]) for i in (0, 1) for j in (0, 1)},
        "RADESYS": "ICRS",
        "EQUINOX": 2000.0,
    }


def tpv_cards(plate: PlateSolution) -> dict[str, str | float]:
    """Header cards of the TPV convention; plain TAN when the polynomials are identity.

    Parameters
    ----------
    plate : PlateSolution
        The solution.
    """
    if np.array_equal(plate.pv, identity_pv()):
        return _linear_cards(plate, "TAN", plate.crpix, plate.cd)
    cards = _linear_cards(plate, "TPV", plate.crpix, plate.cd)
    last = int(np.flatnonzero(np.any(plate.pv != 0.0, axis=0)).max())
    for axis in (0, 1):
        for k in range(last + 1):
            if not TPV_TERMS[k][2] or plate.pv[axis, k] != 0.0:
                cards[f"PV{axis + 1}_{k}"] = float(plate.pv[axis, k])
    return cards


def sip_cards(plate: PlateSolution, shape: tuple[int, int]) -> dict[str, str | float]:
    """Header cards of the SIP convention, with inverse polynomials.

    SIP has no constant and no linear terms: the reference pixel is moved to where the tangent
    point falls, and the linear part goes into CD.

    Parameters
    ----------
    plate : PlateSolution
        The solution, without radial terms.
    shape : tuple of int
        Shape (ny, nx) of the chip [pixel].
    """
    order = plate.order
    zero_x, zero_y = (float(v) for v in plate.sky_to_pixel(*plate.crval))
    x, y = sample_grid([0.0, shape[1] - 1.0, 0.0, shape[0] - 1.0], order)
    u, v = x - zero_x, y - zero_y
    scale = float(max(np.abs(u).max(), np.abs(v).max()))
    powers = [(n - j, j) for n in range(order + 1) for j in range(n + 1)]
    terms = polynomial_terms(u / scale, v / scale, order)
    fitted, *_ = np.linalg.lstsq(terms, np.stack(plate.pixel_to_plane(x, y), axis=-1), rcond=None)
    cd = np.asarray(fitted[1:3].T / scale, np.float64)
    cards = _linear_cards(plate, "TAN-SIP", (zero_x + 1.0, zero_y + 1.0), cd)
    forward = np.linalg.solve(cd, fitted.T)
    moved = np.linalg.solve(cd, np.stack(plate.pixel_to_plane(x, y)))
    # The inverse is no polynomial; two orders more bring it below a thousandth of a pixel.
    inverse_order = min(order + 2, 9)
    reverse_terms = polynomial_terms(moved[0] / scale, moved[1] / scale, inverse_order)
    fit, *_ = np.linalg.lstsq(
        reverse_terms, np.stack([u - moved[0], v - moved[1]], axis=-1), rcond=None
    )
    inverse_powers = [(n - j, j) for n in range(inverse_order + 1) for j in range(n + 1)]
    for axis, letter in enumerate("AB"):
        cards[f"{letter}_ORDER"] = order
        cards[f"{letter}P_ORDER"] = inverse_order
        for k, (i, j) in enumerate(powers):
            if i + j > 1:
                cards[f"{letter}_{i}_{j}"] = float(forward[axis, k] / scale ** (i + j))
        for k, (i, j) in enumerate(inverse_powers):
            cards[f"{letter}P_{i}_{j}"] = float(fit[k, axis] / scale ** (i + j))
    return cards
