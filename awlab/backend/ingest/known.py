"""Which contents are in the database already."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import (
    And,
    In,
    Query,
    database_is_open,
    embedded_status,
    read_records,
)
from awlab.backend.datamodel import RawFrame
from awlab.backend.settings import load_settings

__all__ = ["find_known", "find_stored", "may_be_known"]


def find_known(digests: list[str]) -> dict[str, str]:
    """Find the contents that raw frames, visible in the context, were made from: one statement.

    Asked of the frames and not of the files they came in: after its frames were deleted a file
    can be ingested again.

    Parameters
    ----------
    digests : list of str
        SHA-256 of files as delivered.

    Returns
    -------
    dict
        Name as delivered, for those that are known.
    """
    if not digests:
        return {}
    query = Query(RawFrame, And((In(("raw_fits", "content_sha256"), tuple(digests)),)))
    rows: Any = read_records(query, ("raw_fits.content_sha256", "raw_fits.orig_filename"))
    return dict(rows)


def find_stored(digest: str) -> str | None:
    """Find the name on the data server of a file that is kept there as it was delivered.

    Parameters
    ----------
    digest : str
        Its SHA-256.
    """
    query = Query(RawFrame, And((In(("file_sha256",), (digest,)),)))
    rows: Any = read_records(query, ("filename",))
    return next((str(row[0]) for row in rows), None)


def may_be_known() -> bool:
    """Tell whether there is a database to look into, without making one."""
    settings = load_settings()
    if settings.database_url or database_is_open():
        return True
    return embedded_status(settings.home).initialised
