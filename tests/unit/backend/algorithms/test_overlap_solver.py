"""The solver over overlaps gives what one dense least-squares fit with all unknowns gives."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms.overlap_solver import (
    Anchors,
    Measurements,
    robust_levels,
    solve_overlaps,
)


def system(seed, n=300, stars=60, number=12, sides=2):
    rng = np.random.default_rng(seed)
    columns = np.stack([rng.integers(0, number // 2, n), rng.integers(number // 2, number, n)], 1)
    measurements = Measurements(
        columns=columns,
        design=rng.normal(1, 0.3, (n, 2)),
        values=rng.normal(0, 1, (n, sides)),
        weight=rng.uniform(0.5, 2, n) * (rng.random(n) > 0.1),
        star=np.sort(rng.integers(0, stars, n)),
    )
    known = rng.uniform(0, 3, stars) * (rng.random(stars) < 0.3)
    anchors = Anchors(known, rng.normal(0, 1, (stars, sides)))
    return measurements, anchors, number


def dense(measurements, anchors, number):
    n, stars = measurements.star.size, anchors.weight.size
    rows = np.zeros((n + stars, number + stars))
    for k in range(measurements.columns.shape[1]):
        np.add.at(rows, (np.arange(n), measurements.columns[:, k]), measurements.design[:, k])
    rows[np.arange(n), number + measurements.star] = 1
    rows[n + np.arange(stars), number + np.arange(stars)] = 1
    weight = np.sqrt(np.append(measurements.weight, anchors.weight))[:, None]
    values = np.concatenate([measurements.values, anchors.values])
    solution = np.linalg.lstsq(rows * weight, values * weight, rcond=None)[0]
    covariance = np.linalg.pinv((rows * weight).T @ (rows * weight))
    return solution[:number], solution[number:], covariance[:number, :number]


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_dense_solution(seed):
    measurements, anchors, number = system(seed)
    found = solve_overlaps(measurements, anchors, np.zeros(number), np.zeros((0, number)))
    parameters, stars, covariance = dense(measurements, anchors, number)
    assert np.allclose(found.parameters, parameters, atol=1e-8)
    assert np.allclose(found.covariance, covariance, atol=1e-8)
    weight = np.bincount(measurements.star, measurements.weight, minlength=stars.shape[0])
    seen = weight + anchors.weight > 0
    assert np.allclose(found.stars[seen], stars[seen], atol=1e-8)
    assert np.isnan(found.stars[~seen]).all()


def test_a_parameter_that_nothing_determines_is_zero():
    measurements, anchors, number = system(1)
    found = solve_overlaps(measurements, anchors, np.zeros(number + 1), np.zeros((0, number + 1)))
    assert not found.parameters[number].any()


def test_gauge_holds_what_the_model_leaves_free():
    """Without anchors a constant may move from the stars to the parameters; the gauge forbids."""
    rng = np.random.default_rng(2)
    star, column = np.repeat(np.arange(40), 4), np.tile(np.arange(4), 40)
    truth = np.array([0.3, -0.1, 0.2, -0.4])
    sky = rng.normal(0, 1, 40)
    measurements = Measurements(
        column[:, None], np.ones((160, 1)), (truth[column] + sky[star])[:, None],
        np.ones(160), star,
    )  # fmt: skip
    anchors = Anchors(np.zeros(40), np.zeros((40, 1)))
    found = solve_overlaps(measurements, anchors, np.zeros(4), np.ones((1, 4)))
    assert np.allclose(found.parameters[:, 0], truth, atol=1e-6)
    free = found.free - found.stars[star]
    assert np.abs(free).max() < 1e-6


def test_prior_holds_to_zero():
    measurements, anchors, number = system(3)
    found = solve_overlaps(measurements, anchors, np.full(number, 1e12), np.zeros((0, number)))
    assert np.abs(found.parameters).max() < 1e-6


def test_levels_of_stars_resist_a_wild_measurement():
    rng = np.random.default_rng(4)
    star = np.repeat(np.arange(10), [5, 1, 2, 3, 4, 5, 5, 5, 5, 0])
    values = np.zeros((star.size, 1))
    values[0], values[5], values[7] = 100.0, 100.0, 100.0  # of five, alone, one of two
    values += rng.normal(0, 0.01, values.shape)
    measurements = Measurements(
        np.zeros((star.size, 1), int), np.zeros((star.size, 1)), values, np.ones(star.size), star
    )
    known = np.zeros(10)
    known[1:3] = 100.0
    solution = solve_overlaps(
        measurements, Anchors(known, np.zeros((10, 1))), np.ones(1), np.zeros((0, 1))
    )
    levels = robust_levels(solution, star)[:, 0]
    assert np.abs(levels[:9]).max() < 2.5, "the known value outweighs where there is no majority"
    assert np.abs(levels[[0, 3, 4, 5, 6, 7, 8]]).max() < 0.05
    assert np.isnan(levels[9])
