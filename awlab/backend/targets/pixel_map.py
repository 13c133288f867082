"""PixelMap: which pixels of a chip are good."""

from __future__ import annotations

from typing import Any

from awlab.backend.algorithms import content_hash
from awlab.backend.database import persistent
from awlab.backend.datamodel import DataObject, Judged
from awlab.backend.dataserver import write_image

__all__ = ["PixelMap"]


class PixelMap(Judged, DataObject, abstract=True):
    """A map of the pixels of a chip: 1 is good, 0 is bad."""

    count = persistent("Number of bad pixels [pixel]", int)

    def keep_map(self, good: Any) -> None:
        """Write the map to the file of this object.

        Parameters
        ----------
        good : ndarray of uint8, shape (ny, nx)
            1 for good, 0 for bad pixels.
        """
        self.pathname = self.new_pathname()  # type: ignore[attr-defined]
        header = {"AWCLASS": type(self).__name__, "AWOBJID": self.object_id}
        write_image(self.pathname, good, header)
        self.content_hash = content_hash(good)
        self.count = int(good.size - int(good.sum()))
