"""Associations with one source of each list: the closest.

References
----------
.. [1] Astro-WISE AssociateList, process parameter SINGLE_OUT_CLOSEST_PAIRS.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from awlab.backend.algorithms.association import (
    Association,
    AssociationFlag,
    Positions,
    mean_positions,
    position_columns,
    unit_vectors,
)

__all__ = ["single_out_closest"]


def single_out_closest(association: Association, lists: Sequence[Positions]) -> Association:
    """Keep of every list the source closest to the mean position of an association.

    What is left over is not lost: it becomes an association of its own, numbered after the others.

    Parameters
    ----------
    association : Association
        Rows over these lists.
    lists : sequence of tuple of ndarray of float64, shape (n,)
        Right ascension and declination of each list [degree].
    """
    rows = len(association.AID)
    if not rows:
        return association
    mean = unit_vectors(*mean_positions(association, lists))[association.AID]
    own = np.empty((rows, 3))
    for k, one in enumerate(lists):
        mine = association.list_index == k
        own[mine] = unit_vectors(*position_columns(one))[association.SID[mine]]
    distance = np.einsum("ij,ij->i", own - mean, own - mean)
    order = np.lexsort((association.SID, distance, association.list_index, association.AID))
    aid, owner = association.AID[order], association.list_index[order]
    is_first = np.r_[True, (np.diff(aid) != 0) | (np.diff(owner) != 0)]
    loose = np.sort(order[~is_first])
    number = int(association.AID.max()) + 1
    alone, flag = association.AID.copy(), association.FLAG.copy()
    alone[loose] = number + np.arange(loose.size)
    flag &= ~int(AssociationFlag.AMBIGUOUS)
    if len(lists) > 1:
        flag[loose] |= int(AssociationFlag.INCOMPLETE)
    again = np.argsort(alone, kind="stable")
    return Association(
        alone[again], association.list_index[again], association.SID[again], flag[again]
    )
