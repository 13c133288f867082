"""``%awe load``: the pixels of an image, or the rows of a catalogue, as Python values.

The file is fetched from the data server and its checksum verified. An image gives its pixels as an
array of shape (NAXIS2, NAXIS1), a catalogue a table of columns.

Examples: ``pixels = %awe load frame``, ``table = %awe load sources[0]``.
Python: ``frame.retrieve()`` for the path, ``read_image(frame.retrieve())[0]`` of
``awlab.backend.dataserver``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.catalogs import read_catalog
from awlab.backend.datamodel import DataObject
from awlab.backend.dataserver import read_image
from awlab.backend.errors import QueryError
from awlab.kernel_magic.words import object_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take an object."""
    parser.add_argument("object", metavar="OBJECT")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return what is in the file."""
    found = object_of(options.object, shell)
    if not isinstance(found, DataObject):
        raise QueryError(f"{type(found).__name__} has no file", "%awe inspect shows its values")
    path = found.retrieve()
    return read_catalog(path) if path.suffix == ".parquet" else read_image(path)[0]
