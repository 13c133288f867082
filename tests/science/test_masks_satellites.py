"""Satellite tracks on simulated frames: found with their wings, and nothing else is a track."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import SatelliteOptions, satellite_map

SHAPE = (640, 512)
SKY, GAIN = 300.0, 2.0
SIGMA = (SKY / GAIN) ** 0.5
ROWS, COLUMNS = np.indices(SHAPE)


def field(stars, seed=1, brightest=5.3):
    """Sky and Moffat stars, without noise."""
    rng = np.random.default_rng(seed)
    image = np.full(SHAPE, SKY)
    offsets = np.arange(-25, 26)
    for y, x in rng.uniform((0, 0), SHAPE, (stars, 2)):
        flux = 10 ** rng.uniform(2.5, brightest)
        rows, columns = int(y) + offsets, int(x) + offsets
        r, c = (rows >= 0) & (rows < SHAPE[0]), (columns >= 0) & (columns < SHAPE[1])
        r2 = (rows[r] - y)[:, None] ** 2 + (columns[c] - x)[None, :] ** 2
        image[np.ix_(rows[r], columns[c])] += flux / (3 * np.pi) * (1 + r2 / 6) ** -3
    return image


def track(place, degrees, crest, width=1.6):
    """Light of a track through (x, y), Gaussian across."""
    angle = np.radians(degrees)
    across = (COLUMNS - place[0]) * np.sin(angle) - (ROWS - place[1]) * np.cos(angle)
    return crest * np.exp(-0.5 * (across / width) ** 2)


def expose(image, seed=2):
    return (np.random.default_rng(seed).poisson(image * GAIN) / GAIN).astype(np.float32)


TRACKS = {
    "bright": ((200, 320), 23, 900.0, 1.6),
    "faint": ((250, 300), 115, 10.0, 1.6),
    "wide, out of focus": ((250, 330), 40, 60.0, 5.0),
    "diagonal": ((256, 320), 45, 30.0, 1.6),
    "along the rows": ((256, 211.4), 0.0, 60.0, 1.6),
    "along the columns": ((311.3, 0), 90, 60.0, 1.6),
    "nearly along the columns": ((280, 300), 88.5, 40.0, 1.6),
    "through a corner": ((60, 60), 135, 80.0, 1.6),
}


# A short way through a corner is lost among stars that touch: its parallels vary as much.
CASES = [(150, name) for name in TRACKS]
CASES += [(1200, name) for name in TRACKS if name != "through a corner"]


@pytest.mark.parametrize(("stars", "name"), CASES)
def test_a_track_is_masked_with_its_wings(stars, name):
    light = track(*TRACKS[name])
    if stars > 1000 and light.max() < 100:
        light *= 3  # among stars that touch, a track must be brighter to be seen
    found = satellite_map(expose(field(stars) + light))
    assert len(found.tracks) == 1
    seen = light > 0.3 * SIGMA
    covered = (found.map[seen] == 0).mean()
    print(f"\n{name}, {stars} stars: {covered:.4f} covered, {found.tracks[0]}")
    assert covered > 0.995
    if light.max() > 4 * SIGMA:
        assert (found.map[light > 0.15 * SIGMA] == 0).mean() > 0.98
    assert found.count < 4.5 * seen.sum()
    assert found.count == (found.map == 0).sum()


def test_several_tracks():
    lights = [track((200, 320), 23, 200.0), track((300, 200), 110, 80.0), track((90, 500), 5, 60.0)]
    found = satellite_map(expose(field(200) + sum(lights)))
    assert len(found.tracks) == 3
    for light in lights:
        assert (found.map[light > 0.5 * SIGMA] == 0).mean() > 0.99
    assert (
        len(satellite_map(expose(field(200) + sum(lights)), SatelliteOptions(most=2)).tracks) == 2
    )


def test_a_track_that_ends_in_the_frame():
    light = track((200, 320), 30, 150.0) * (COLUMNS > 120)
    found = satellite_map(expose(field(150) + light))
    assert len(found.tracks) == 1
    assert (found.map[light > 0.5 * SIGMA] == 0).mean() > 0.98
    assert found.map[:, :70].all()


@pytest.mark.parametrize("stars", [0, 200, 3000, 9000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_track_among_stars(stars, seed):
    found = satellite_map(expose(field(stars, seed), seed))
    assert found.tracks == ()
    assert found.count == 0


def spikes(image):
    """A bright star with four diffraction spikes that fade, and a halo."""
    dx, dy = COLUMNS - 260.0, ROWS - 330.0
    r = np.hypot(dx, dy)
    for angle in (0.3, 0.3 + np.pi / 2):
        across = dx * np.sin(angle) - dy * np.cos(angle)
        image += 4e4 * np.exp(-0.5 * (across / 1.5) ** 2) / (1 + r / 3) ** 1.8
    image += 2e5 / (1 + (r / 4) ** 2) ** 1.5


def bleeding(image):
    """A saturated star whose charge runs along its column."""
    image[100:480, 300:304] = 60000
    image += 3e5 / (1 + ((COLUMNS - 301.5) ** 2 + (ROWS - 290) ** 2) / 9) ** 2


def bad_columns(image):
    image[:, 200] += 400
    image[:, 333] -= 150
    image[200:, 401] += 60
    image[300, :] += 40


def galaxy(image):
    """Edge on."""
    angle = 0.5
    u = (COLUMNS - 250) * np.cos(angle) + (ROWS - 300) * np.sin(angle)
    v = -(COLUMNS - 250) * np.sin(angle) + (ROWS - 300) * np.cos(angle)
    image += 3000 * np.exp(-np.hypot(u / 40, v / 2.5))


def nebula(image):
    image += 500 * np.exp(-(((COLUMNS - ROWS * 0.7) / 60.0) ** 2)) + 0.5 * COLUMNS


@pytest.mark.parametrize("thing", [spikes, bleeding, bad_columns, galaxy, nebula])
def test_other_lines_are_no_tracks(thing):
    image = field(150)
    thing(image)
    assert satellite_map(expose(image)).tracks == ()
    # And a real track is found beside it.
    light = track((200, 120), 12, 100.0)
    found = satellite_map(expose(image + light))
    assert len(found.tracks) == 1
    assert (found.map[light > 0.5 * SIGMA] == 0).mean() > 0.99
