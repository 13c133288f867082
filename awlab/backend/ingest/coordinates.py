"""Linear celestial coordinates of a frame, from the several ways headers write them."""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin

from awlab.backend.ingest.description import LinearWcs
from awlab.backend.ingest.header_view import HeaderView, number

__all__ = ["find_wcs"]

_CD = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")


def find_wcs(view: HeaderView) -> tuple[LinearWcs | None, str]:
    """Linear celestial coordinates of the image's own header.

    Parameters
    ----------
    view : HeaderView
        The image's headers.

    Returns
    -------
    wcs : LinearWcs or None
        None where the axes are not right ascension and declination.
    problem : str
        Why a celestial header could not be used, empty otherwise.
    """
    types = [str(view.own(f"CTYPE{i}") or "").strip() for i in (1, 2)]
    axes = [t[:4].rstrip("-").upper() for t in types]
    if sorted(axes) != ["DEC", "RA"]:
        return None, ""
    values = {k: number(view.own(k)) for k in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")}
    missing = [k for k, v in values.items() if v is None]
    matrix = _matrix(view)
    if missing:
        return None, f"the header is celestial but lacks {missing[0]}: no coordinates are kept"
    if abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]) == 0.0:
        return None, "the header's CD matrix is singular: no coordinates are kept"
    plain = {k: float(v) for k, v in values.items() if v is not None}
    wcs = LinearWcs(**plain, **dict(zip(_CD, matrix, strict=True)), CTYPE1=types[0],
                    CTYPE2=types[1])  # fmt: skip
    if axes == ["RA", "DEC"]:
        return wcs, ""
    swapped = replace(
        wcs, CRVAL1=wcs.CRVAL2, CRVAL2=wcs.CRVAL1, CTYPE1=wcs.CTYPE2, CTYPE2=wcs.CTYPE1,
        CD1_1=wcs.CD2_1, CD1_2=wcs.CD2_2, CD2_1=wcs.CD1_1, CD2_2=wcs.CD1_2,
    )  # fmt: skip
    return swapped, ""


def _matrix(view: HeaderView) -> tuple[float, float, float, float]:
    """CD matrix, from CD, from PC and CDELT, or from CDELT and CROTA2."""
    cd = [number(view.own(k)) for k in _CD]
    if any(v is not None for v in cd):
        return cd[0] or 0.0, cd[1] or 0.0, cd[2] or 0.0, cd[3] or 0.0
    dx, dy = number(view.own("CDELT1")) or 0.0, number(view.own("CDELT2")) or 0.0
    pc = [number(view.own(k.replace("CD", "PC"))) for k in _CD]
    if any(v is not None for v in pc):
        identity = (1.0, 0.0, 0.0, 1.0)
        p = [i if v is None else v for v, i in zip(pc, identity, strict=True)]
        return dx * p[0], dx * p[1], dy * p[2], dy * p[3]
    turn = radians(number(view.own("CROTA2")) or 0.0)
    return dx * cos(turn), -dy * sin(turn), dx * sin(turn), dy * cos(turn)
