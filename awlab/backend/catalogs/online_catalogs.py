"""Reference catalogues from the network: the part of the sky that is needed, ingested once.

They come from VizieR through `astroquery`, which is an optional dependency: ``awlab[online]``.

References
----------
VizieR: Ochsenbein et al. 2000, A&AS 143, 23. Gaia DR3: I/355. Pan-STARRS1 DR1: II/349. SDSS DR16:
V/154. APASS DR9: II/336.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from awlab.backend.catalogs.reference_catalogs import ingest_reference
from awlab.backend.errors import IngestError

__all__ = ["ONLINE", "OnlineCatalog", "fetch_reference"]


class OnlineCatalog(NamedTuple):
    """A catalogue of VizieR: its table, what it is good for, and its epoch [yr]."""

    table: str
    kind: str
    epoch: float | None
    title: str


#: Catalogues by the name that `fetch_reference` takes.
ONLINE = {
    "gaia": OnlineCatalog("I/355/gaiadr3", "astrometric", 2016.0, "Gaia DR3"),
    "ps1": OnlineCatalog("II/349/ps1", "photometric", None, "Pan-STARRS1 DR1"),
    "sdss": OnlineCatalog("V/154/sdss16", "photometric", None, "SDSS DR16"),
    "apass": OnlineCatalog("II/336/apass9", "photometric", None, "APASS DR9"),
}


def fetch_reference(
    which: str, ra: float, dec: float, radius: float, *, name: str | None = None
) -> Any:
    """Fetch a part of a reference catalogue from the network, and ingest it.

    Parameters
    ----------
    which : str
        ``gaia``, ``ps1``, ``sdss`` or ``apass``.
    ra, dec : float
        Centre, ICRS [deg].
    radius : float
        Radius [deg].
    name : str, optional
        Name of the catalogue here; by default its title and the position.

    Returns
    -------
    AstrometricCatalog or PhotRefCatalog
        The catalogue, committed; the same sources again are the same object.

    Raises
    ------
    IngestError
        If there is no such catalogue, `astroquery` is not installed, the network does not answer,
        or there are no sources.
    """
    chosen = ONLINE.get(which)
    if chosen is None:
        raise IngestError(f"no online catalogue is {which!r}", f"use {', '.join(ONLINE)}")
    table = _query(chosen, ra, dec, radius)
    title = name or f"{chosen.title} at {ra:.3f} {dec:+.3f}, {radius:.3f} deg"
    facts: dict[str, Any] = {"publication": f"VizieR {chosen.table}"}
    if chosen.epoch is not None:
        facts["epoch"] = chosen.epoch
    return ingest_reference(table, title, kind=chosen.kind, **facts)


def _query(chosen: OnlineCatalog, ra: float, dec: float, radius: float) -> Any:
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    try:
        from astroquery.vizier import Vizier
    except ImportError as exc:
        raise IngestError(
            f"{chosen.title} cannot be fetched: astroquery is not installed",
            "pip install 'awlab[online]', or ingest_reference(file, ...)",
        ) from exc
    try:
        service = Vizier(columns=["*"], row_limit=-1)
        centre = SkyCoord(ra, dec, unit="deg")
        tables = service.query_region(centre, radius=radius * u.deg, catalog=chosen.table)
    # A service and the network below it fail in ways of their own.
    except Exception as exc:
        why = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise IngestError(
            f"{chosen.title} cannot be fetched: {why}", "is the network there? try again later"
        ) from exc
    if not len(tables) or not len(tables[0]):
        raise IngestError(
            f"{chosen.title} has no sources within {radius} deg of ra {ra}, dec {dec}",
            "check the position, or take another catalogue",
        )
    return tables[0]
