"""The illumination correction recovers a surface from standard stars; frames may differ."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.algorithms import BadArray, StandardStars
from awlab.backend.datamodel import Filter
from awlab.backend.targets import IlluminationCorrection, ReducedScienceFrame, illumination
from awlab.backend.targets.standard_stars import GatheredStars

SHAPE = (4096, 2048)


def hump(x, y):
    """Light of the sky that stars do not have, over a chip [mag]."""
    u, v = 2 * x / (SHAPE[1] - 1) - 1, 2 * y / (SHAPE[0] - 1) - 1
    return 0.02 * (0.4 - np.exp(-((u - 0.6) ** 2 + (v + 0.5) ** 2) / 4))


class Photcat:
    """Standard stars of one frame, without a file."""

    def __init__(self, x, y):
        self.reduced = ReducedScienceFrame(NAXIS1=SHAPE[1], NAXIS2=SHAPE[0])
        self._columns = {"X_IMAGE": x + 1, "Y_IMAGE": y + 1}

    def sources(self):
        return self._columns


def made(monkeypatch, stars, *, flagged=0, noise=0.01, seed=3):
    """A correction made from two frames, the second 0.3 mag fainter: thin clouds."""
    rng = np.random.default_rng(seed)
    places = [rng.uniform((0, 0), SHAPE[::-1], (stars, 2)).T for _ in range(2)]
    x, y = np.concatenate(places, axis=1)
    frame = np.repeat([0, 1], stars)
    colour = rng.normal(0.5, 0.3, 2 * stars)
    residual = 24.0 - 0.3 * frame + hump(x, y) + 0.05 * colour + rng.normal(0, noise, 2 * stars)
    residual[:flagged] += 1.0
    standard = rng.uniform(12, 16, 2 * stars)
    gathered = GatheredStars(
        StandardStars(
            standard - residual,
            np.full(2 * stars, noise),
            standard,
            np.full(2 * stars, 0.003),
            colour=colour,
            flags=(np.arange(2 * stars) < flagged).astype(int),
        ),
        frame,
        np.ones(2 * stars),
        ("JohnsonV", "CousinsR"),
    )
    monkeypatch.setattr(illumination, "gather_standards", lambda *_: gathered if stars else None)
    found = IlluminationCorrection()
    values = {
        "filter": Filter(mag_id="CousinsR"),
        "photcats": [Photcat(*one) for one in places],
        "transform": SimpleNamespace(applied_term=0.05, process_params=SimpleNamespace(PIVOT=0.0)),
    }
    for name, value in values.items():
        monkeypatch.setattr(IlluminationCorrection, name, value)
    found.make()
    return found, places


def test_the_surface_comes_back(monkeypatch):
    found, places = made(monkeypatch, 400, flagged=20)
    y, x = np.indices((64, 32)) * 64.0 + 31.5
    left = found.polynomial.at(x.ravel(), y.ravel()) - hump(x, y).ravel()
    assert np.std(left) < 2.5e-3
    assert found.order == 2 and found.num_sources > 700 and not found.reason
    assert found.error == pytest.approx(0.01 * np.sqrt(6 / found.num_sources), rel=0.15)
    at_stars = [found.polynomial.at(*one) for one in places]
    assert abs(np.mean(np.concatenate(at_stars))) < 5e-4, "0 on average at the stars"
    found.verify()
    assert found.quality_flags.names == []


def test_few_stars_are_a_reason_or_a_flag(monkeypatch):
    found, _ = made(monkeypatch, 8)
    found.verify()
    assert found.order < 2 and "FEW_STARS" in found.quality_flags.names
    found, _ = made(monkeypatch, 1)
    assert "at least 3 needed" in found.reason
    found.verify()
    assert found.quality_flags.names == ["NO_FIT"]
    found, _ = made(monkeypatch, 0)
    assert found.reason == "no standard star has a magnitude in CousinsR"


def test_an_order_without_stars_is_refused():
    with pytest.raises(BadArray, match="at least 3"):
        illumination.fit_illumination((np.zeros(2), np.zeros(2)), np.zeros(2), SHAPE)
