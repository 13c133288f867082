"""Files: global names, stores, cache, checksums, and the only FITS reader and writer.

Nothing heavy is loaded here: astropy, fsspec and s3fs come in where they are first needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awlab.backend.dataserver.cache import FileCache
    from awlab.backend.dataserver.cards import Card
    from awlab.backend.dataserver.checksum import Checksums, FileSum, hash_file
    from awlab.backend.dataserver.dataserver import DataServer
    from awlab.backend.dataserver.failures import StorageFailed, storage_errors
    from awlab.backend.dataserver.filenames import (
        FileLabel,
        FileName,
        global_name,
        parse_name,
        raw_name,
    )
    from awlab.backend.dataserver.fits_file import (
        read_headers,
        read_image,
        read_section,
        write_extension_as_image,
        write_image,
        write_mosaic,
    )
    from awlab.backend.dataserver.header import Header, merge_headers
    from awlab.backend.dataserver.many_images import read_images, write_images
    from awlab.backend.dataserver.remote_store import RemoteStore, open_store
    from awlab.backend.dataserver.splitting import SplitImage, split_mosaic
    from awlab.backend.dataserver.store import LocalStore, Store, place

__all__ = [
    "Card",
    "Checksums",
    "DataServer",
    "FileCache",
    "FileLabel",
    "FileName",
    "FileSum",
    "Header",
    "LocalStore",
    "RemoteStore",
    "SplitImage",
    "StorageFailed",
    "Store",
    "global_name",
    "hash_file",
    "merge_headers",
    "open_store",
    "parse_name",
    "place",
    "raw_name",
    "read_headers",
    "read_image",
    "read_images",
    "read_section",
    "split_mosaic",
    "storage_errors",
    "write_extension_as_image",
    "write_image",
    "write_images",
    "write_mosaic",
]

_ROOM = "awlab.backend.dataserver"
_MODULES = {
    "cache": ("FileCache",),
    "cards": ("Card",),
    "checksum": ("Checksums", "FileSum", "hash_file"),
    "dataserver": ("DataServer",),
    "failures": ("StorageFailed", "storage_errors"),
    "filenames": ("FileLabel", "FileName", "global_name", "parse_name", "raw_name"),
    "fits_file": (
        "read_headers",
        "read_image",
        "read_section",
        "write_extension_as_image",
        "write_image",
        "write_mosaic",
    ),
    "header": ("Header", "merge_headers"),
    "many_images": ("read_images", "write_images"),
    "remote_store": ("RemoteStore", "open_store"),
    "splitting": ("SplitImage", "split_mosaic"),
    "store": ("LocalStore", "Store", "place"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{_ROOM}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
