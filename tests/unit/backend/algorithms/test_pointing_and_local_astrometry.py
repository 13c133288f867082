"""Pointing and plate solution of a chip on bad input: a reason, never an exception."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    AstrometryOptions,
    BadArray,
    DetectedSources,
    MatchFailure,
    PlateSolution,
    ReferenceStars,
    deproject,
    match_pointing,
    solve_astrometry,
)
from awlab.backend.algorithms.tangent_plane import identity_pv

SCALE = 0.3 / 3600
PLATE = PlateSolution((80.0, 15.0), (500.0, 500.0), np.diag([-SCALE, SCALE]), identity_pv())


def stars(n=80, seed=1):
    rng = np.random.default_rng(seed)
    ra, dec = deproject(*rng.uniform(-0.06, 0.06, (2, n)), *PLATE.crval)
    return ReferenceStars(ra, dec, rng.uniform(14, 20, n))


def seen(reference, **changes):
    x, y = PLATE.sky_to_pixel(reference.ra, reference.dec)
    inside = (np.abs(x - 500) < 500) & (np.abs(y - 500) < 500)
    columns = {"x": x[inside], "y": y[inside], "mag": reference.mag[inside] - 25}
    return DetectedSources(**(columns | changes))


SOME = np.array([10.0, 300.0, 700.0, 20.0])
NAN = np.full(4, np.nan)


@pytest.mark.parametrize(
    ("sources", "reference", "failure"),
    [
        (DetectedSources(SOME[:0], SOME[:0], SOME[:0]), stars(), MatchFailure.NO_SOURCES),
        (DetectedSources(SOME[:1], SOME[:1], SOME[:1]), stars(), MatchFailure.NO_SOURCES),
        (DetectedSources(NAN, NAN, NAN), stars(), MatchFailure.NO_SOURCES),
        (DetectedSources(SOME, SOME[::-1], NAN), stars(), MatchFailure.NO_SOURCES),
        (DetectedSources(SOME, SOME[::-1], SOME, NAN), stars(), MatchFailure.NO_SOURCES),
        (DetectedSources(SOME * 0 + 9, SOME * 0 + 9, SOME), stars(), MatchFailure.DEGENERATE),
        (DetectedSources(SOME, SOME * 0 + 9, SOME), stars(), MatchFailure.DEGENERATE),
        (seen(stars()), ReferenceStars(NAN, NAN, NAN), MatchFailure.NO_REFERENCE),
        (seen(stars()), ReferenceStars(SOME, SOME / 10, SOME), MatchFailure.NOT_COVERED),
        (seen(stars()), stars(seed=2), MatchFailure.NOT_SIGNIFICANT),
    ],
)
def test_failures_have_reasons(sources, reference, failure):
    match = match_pointing(sources, PLATE, reference)
    solution = solve_astrometry(sources, PLATE, reference)
    for result in (match, solution):
        assert result.failure is failure
        assert result.reason == failure.value
        assert len(result.reason) > 10
        assert result.plate is PLATE
    assert solution.NREF == 0
    assert np.isnan(solution.RMS)


@pytest.mark.parametrize("sources", [DetectedSources(NAN, NAN, NAN), seen(stars(seed=3))])
def test_without_pointing_too_few_matches(sources):
    result = solve_astrometry(sources, PLATE, stars(), AstrometryOptions(pointing=None))
    assert result.failure is MatchFailure.TOO_FEW_MATCHES


def test_all_positions_identical_without_pointing():
    same = DetectedSources(np.full(9, 5.0), np.full(9, 5.0), np.zeros(9))
    result = solve_astrometry(same, PLATE, stars(), AstrometryOptions(pointing=None))
    assert result.failure is MatchFailure.TOO_FEW_MATCHES


def test_stars_on_a_line_do_not_determine_a_chip():
    x = np.linspace(0, 1000, 30)
    ra, dec = PLATE.pixel_to_sky(x, x)
    options = AstrometryOptions(pointing=None)
    line = DetectedSources(x, x, np.zeros(30))
    result = solve_astrometry(line, PLATE, ReferenceStars(ra, dec, np.zeros(30)), options)
    assert result.failure is MatchFailure.SINGULAR


def test_some_bad_rows_do_no_harm():
    reference = stars()
    good = seen(reference)
    columns = [np.append(column, [np.nan, 3.0]) for column in (good.x, good.y, good.mag)]
    columns[2][-1] = np.inf
    result = solve_astrometry(DetectedSources(*columns), PLATE, reference)
    assert result.failure is MatchFailure.NONE
    assert good.x.size == result.NREF
    assert result.RMS < 1e-6
    assert result.residuals.source.tolist() == sorted(result.residuals.source.tolist())
    assert result.residuals.source.max() < good.x.size


def test_residual_table_points_at_the_lists():
    reference = stars()
    sources = seen(reference)
    table = solve_astrometry(sources, PLATE, reference).residuals
    assert np.array_equal(table.x, sources.x[table.source])
    assert np.allclose(table.ra, reference.ra[table.star], rtol=0, atol=1e-9)


def test_wild_sources_are_clipped():
    reference = stars(300)
    sources = seen(reference)
    x = sources.x.copy()
    x[::20] += 4.0
    result = solve_astrometry(DetectedSources(x, sources.y, sources.mag), PLATE, reference)
    table = result.residuals
    assert not np.isin(table.source[table.used], np.arange(x.size)[::20]).any()
    assert result.RMS < 1e-4
    assert result.NREF == table.used.sum() > 0.9 * x.size


def test_proper_motion_moves_stars_to_the_epoch():
    now = stars(200)
    rng = np.random.default_rng(4)
    motion = rng.normal(0, 30, (2, 200))  # mas/year
    motion[:, 5] = np.nan
    known = np.nan_to_num(motion) * 16.0 / 3.6e6
    then = deproject(-known[0], -known[1], now.ra, now.dec)
    catalogue = ReferenceStars(*then, now.mag, pmra=motion[0], pmdec=motion[1], epoch=2000.0)
    sources = seen(now)
    moved = solve_astrometry(sources, PLATE, catalogue, AstrometryOptions(epoch=2016.0))
    unmoved = solve_astrometry(sources, PLATE, catalogue)
    assert moved.RMS < 1e-4
    assert unmoved.RMS > 0.3


def test_columns_of_different_length_are_refused():
    with pytest.raises(BadArray, match="mag of the sources"):
        DetectedSources(SOME, SOME, SOME[:2])
