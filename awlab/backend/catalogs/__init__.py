"""Catalogues: bulk source rows as Parquet files sorted along the sky, and reference catalogues."""

from __future__ import annotations

from awlab.backend.catalogs.column_expression import ColumnExpression
from awlab.backend.catalogs.foreign_table import BANDS, as_catalog, read_foreign
from awlab.backend.catalogs.online_catalogs import ONLINE, fetch_reference
from awlab.backend.catalogs.parquet_file import (
    catalog_columns,
    read_catalog,
    search_cone,
    write_catalog,
)
from awlab.backend.catalogs.reference_catalogs import (
    AstrometricCatalog,
    BaseCatalog,
    PhotRefCatalog,
    ReferenceCatalog,
    ingest_reference,
)
from awlab.backend.catalogs.sky_index import (
    INDEX_COLUMN,
    cone_ranges,
    separation,
    spatial_index,
)
from awlab.backend.catalogs.source_columns import SOURCE_COLUMNS, ColumnMeaning, meaning_of
from awlab.backend.catalogs.source_table import SourceTable

__all__ = [
    "BANDS",
    "INDEX_COLUMN",
    "ONLINE",
    "SOURCE_COLUMNS",
    "AstrometricCatalog",
    "BaseCatalog",
    "ColumnExpression",
    "ColumnMeaning",
    "PhotRefCatalog",
    "ReferenceCatalog",
    "SourceTable",
    "as_catalog",
    "catalog_columns",
    "cone_ranges",
    "fetch_reference",
    "ingest_reference",
    "meaning_of",
    "read_catalog",
    "read_foreign",
    "search_cone",
    "separation",
    "spatial_index",
    "write_catalog",
]
