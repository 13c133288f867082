"""Which exposures hang together by the stars that they share.

References
----------
.. [1] Hopcroft & Tarjan 1973, Comm. ACM 16, 372 (connected components of a graph).
"""

from __future__ import annotations

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Integers

__all__ = ["overlap_groups"]


def overlap_groups(exposure: Integers, star: Integers, exposures: int) -> Integers:
    """Groups of exposures that are tied to each other by stars.

    Parameters
    ----------
    exposure, star : ndarray of int64, shape (n,)
        Exposure and star of every detection, both from 0 [number].
    exposures : int
        Number of exposures; those without a detection are groups of their own.

    Returns
    -------
    ndarray of int64, shape (exposures,)
        Group of every exposure, numbered in the order of the exposures.

    Raises
    ------
    BadArray
        If the columns differ in length, or an exposure is beyond their number.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    where, which = np.asarray(exposure, np.int64), np.asarray(star, np.int64)
    if where.shape != which.shape or where.ndim != 1:
        raise BadArray(
            f"exposures {where.shape} and stars {which.shape} do not go together",
            "give 1-d arrays of one length",
        )
    if where.size and not 0 <= where.min() <= where.max() < exposures:
        raise BadArray(f"exposure {where.max()} of {exposures}", "count exposures from 0")
    # One graph of exposures and stars: a detection is an edge between them.
    number = exposures + (int(which.max()) + 1 if which.size else 0)
    edges = coo_array((np.ones(where.size), (where, exposures + which)), shape=(number, number))
    _, labels = connected_components(edges, directed=False)
    _, first, group = np.unique(labels[:exposures], return_index=True, return_inverse=True)
    order = np.empty(first.size, np.int64)
    order[np.argsort(first)] = np.arange(first.size)
    return order[group]
