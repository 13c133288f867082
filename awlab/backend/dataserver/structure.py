"""The cards that say how data lie in a FITS file, apart from those that say what they are."""

from __future__ import annotations

from awlab.backend.dataserver.header import Header, merge_headers

__all__ = ["add_structure", "split_header", "strip_structure"]

_STRUCTURE = {
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BZERO",
    "BSCALE", "CHECKSUM", "DATASUM", "TFIELDS", "THEAP",
}  # fmt: skip


def strip_structure(header: Header, *, keep_scale: bool = False) -> Header:
    """A header without the cards that say how the data lie in the file.

    Parameters
    ----------
    header : Header
        Header as read.
    keep_scale : bool
        Keep BZERO and BSCALE, for pixels that are copied as they are.

    Returns
    -------
    Header
        Everything else.
    """
    dropped = _STRUCTURE - {"BZERO", "BSCALE"} if keep_scale else _STRUCTURE
    kept = Header()
    kept.problems = list(header.problems)
    for card in header.cards():
        if card.note or not (card.keyword in dropped or _is_axis(card.keyword)):
            kept.append(card)
    return kept


def _is_axis(keyword: str) -> bool:
    return keyword.startswith("NAXIS") and keyword[5:].isdigit()


def add_structure(
    header: Header, bitpix: int, shape: tuple[int, ...], *, extension: bool = False
) -> Header:
    """Put the cards before a header that FITS demands.

    Parameters
    ----------
    header : Header
        Header without structure.
    bitpix : int
        Type of the data.
    shape : tuple of int
        Shape in NumPy's order; empty for no data.
    extension : bool
        For an image extension instead of the primary HDU.

    Returns
    -------
    Header
        The complete header.
    """
    full = Header({"XTENSION": ("IMAGE", "image extension")} if extension else {"SIMPLE": True})
    full["BITPIX"] = bitpix
    full["NAXIS"] = len(shape)
    for axis, length in enumerate(reversed(shape), 1):
        full[f"NAXIS{axis}"] = length
    if extension:
        full["PCOUNT"], full["GCOUNT"] = 0, 1
    for card in header.cards():
        full.append(card)
    return full


def split_header(primary: Header, header: Header, number: int, shape: tuple[int, ...]) -> Header:
    """Header of an image that is split off a mosaic.

    Parameters
    ----------
    primary : Header
        The mosaic's primary header.
    header : Header
        The image's own, structure included.
    number : int
        HDU of the image; the primary's header is complete by itself.
    shape : tuple of int
        Shape of the image in NumPy's order.

    Returns
    -------
    Header
        The complete header of a single-image file, see `merge_headers`.
    """
    own = strip_structure(header, keep_scale=True)
    merged = merge_headers(strip_structure(primary), own) if number else own
    return add_structure(merged, int(str(header["BITPIX"])), shape)
