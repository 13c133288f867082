"""Mean magnitudes: as numpy finds them source by source, whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awlab.backend.algorithms import BadArray, mean_magnitudes

measurement = st.tuples(st.integers(0, 4), st.floats(10, 25), st.floats(0.001, 1))


@given(st.lists(measurement, max_size=40), st.randoms(use_true_random=False))
def test_means_are_those_of_every_source_alone(rows, random):
    shuffled = random.sample(rows, len(rows))
    source = np.array([row[0] for row in shuffled], np.int64)
    magnitude, error = (np.array([row[k] for row in shuffled], float) for k in (1, 2))
    found = mean_magnitudes(source, magnitude, error, 5)
    for number in range(5):
        mine = source == number
        assert found.count[number] == mine.sum()
        if mine.any():
            weight = error[mine] ** -2
            assert found.mean[number] == pytest.approx(np.average(magnitude[mine], weights=weight))
            assert found.error[number] == pytest.approx(weight.sum() ** -0.5)
        else:
            assert np.isnan(found.mean[number])
        if mine.sum() > 1:
            assert found.rms[number] == pytest.approx(np.std(magnitude[mine], ddof=1), abs=1e-7)
        else:
            assert np.isnan(found.rms[number])


def test_what_is_not_measured_does_not_count():
    source = np.zeros(5, np.int64)
    magnitude = np.array([20.0, np.nan, 20.2, np.inf, 19.0])
    error = np.array([0.1, 0.1, 0.1, 0.1, 0.0])
    found = mean_magnitudes(source, magnitude, error, 1)
    assert found.count[0] == 2 and found.mean[0] == pytest.approx(20.1)
    with pytest.raises(BadArray, match="shapes"):
        mean_magnitudes(source[:2], magnitude, error, 1)
