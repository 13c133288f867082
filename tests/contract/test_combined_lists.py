"""Combined lists: mean magnitudes and scatter by filter, and a light curve in one read."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from awlab.backend.catalogs import SourceTable
from awlab.backend.database import current_database, draw_number
from awlab.backend.datamodel import Filter, Instrument
from awlab.backend.errors import MakeFailed, ObjectNotFound
from awlab.backend.process import new_work_folder
from awlab.backend.targets import AssociateList, CombinedList, SourceList

RA, DEC = np.array([10.0, 10.01, 10.02, 10.03]), np.array([1.0, 1.01, 1.02, 1.03])
TRUE = {"B": np.array([16.0, 17.0, 18.0, 19.0]), "V": np.array([15.5, 16.0, 17.5, 18.0])}
ERROR, NIGHTS = 0.01, 30
START = datetime(2020, 1, 1)


@pytest.fixture(scope="module")
def lists(home):
    """A star that varies (number 1, by 0.3 mag in a sine), three that do not, and noise."""
    camera = Instrument(name="CurveCam").commit()
    bands = {name: Filter(instrument=camera, name=name).commit() for name in TRUE}
    rng, found = np.random.default_rng(3), []
    for night in range(NIGHTS):
        for name, band in bands.items():
            mag = TRUE[name] + rng.normal(0, ERROR, 4)
            mag[1] += 0.3 * np.sin(2 * np.pi * night / 10)
            order = rng.permutation(4)[: 4 if night else 3]
            item = SourceList(
                name=f"{name} {night}", filter=band, zeropoint=25.0, SLID=draw_number(),
                DATE_OBS=START + timedelta(days=night), EXPTIME=100.0, chosen_by="frames",
            )  # fmt: skip
            count = len(order)
            table = SourceTable({
                "SLID": np.full(count, item.SLID, np.int64), "SID": np.arange(count),
                "RA": RA[order] + rng.normal(0, 1e-5, count),
                "DEC": DEC[order] + rng.normal(0, 1e-5, count),
                "MAG_AUTO": mag[order], "MAGERR_AUTO": np.full(count, ERROR),
                "MAG_APER": np.stack([mag[order] + 1, mag[order]], axis=1),
                "MAGERR_APER": np.full((count, 2), ERROR), "FLAGS": np.zeros(count, np.int16),
            })  # fmt: skip
            with new_work_folder() as folder:
                item.keep_sources(table, folder)
                item.store()
                found.append(item.commit())
    return found


@pytest.fixture(scope="module")
def combined(lists):
    return CombinedList.get(source_lists=lists)


def star_of(combined, number):
    """SID of a star of the truth."""
    rows = combined.sources(["SID", "RA"])
    return int(rows["SID"][np.argmin(np.abs(rows["RA"] - RA[number]))])


def test_mean_magnitudes_and_scatter_by_filter(combined, lists):
    assert len(combined) == 4 and combined.filters == "B V" and combined.quality_flags == 0
    assert combined.ndetections == sum(len(item) for item in lists)
    for number in range(4):
        source = combined[star_of(combined, number)]
        for band, true in TRUE.items():
            assert source[f"NDET_{band}"] in (NIGHTS - 1, NIGHTS)
            assert source[f"MAGERR_{band}"] == pytest.approx(ERROR / np.sqrt(NIGHTS), rel=0.03)
            if number == 1:
                assert source[f"MAG_RMS_{band}"] == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
            else:
                assert abs(source[f"MAG_{band}"] - true[number]) < 4 * source[f"MAGERR_{band}"]
                assert source[f"MAG_RMS_{band}"] == pytest.approx(ERROR, rel=0.5)
    assert str(combined.table()["MAG_V"].unit) == "mag"


def test_a_light_curve_is_one_read(combined, lists):
    sid = star_of(combined, 1)
    before = current_database().statements
    curve = combined.light_curve(sid)
    assert current_database().statements - before <= 2
    assert curve.count == combined[sid].NDET and (np.diff(curve["MJD"]) >= 0).all()
    v = curve.rows(curve["FILTER"] == "V")
    # The middle of the exposure: 58849 is 2020-01-01.
    nights = v["MJD"] - 58849 - 50 / 86400
    assert np.allclose(nights, np.rint(nights), atol=1e-6)
    expected = TRUE["V"][1] + 0.3 * np.sin(2 * np.pi * nights / 10)
    assert np.abs(v["MAG"] - expected).max() < 5 * ERROR
    by_slid = {item.SLID: item for item in lists}
    one = by_slid[int(v["SLID"][3])][int(v["SID"][3])]
    assert v["MAG"][3] == one.MAG_AUTO
    with pytest.raises(ObjectNotFound, match="no source 77"):
        combined.light_curve(77)


def test_from_an_association_it_is_the_same(combined, lists):
    associated = AssociateList.get(input_lists=lists)
    found = CombinedList.get(associate_list=associated)
    assert found.associate_list == associated and associated in found.upstream()
    mine, theirs = found.sources(), combined.sources()
    for name in ("RA", "MAG_V", "MAG_RMS_B", "NDET"):
        assert np.allclose(mine[name], theirs[name])
    assert CombinedList.get(associate_list=associated) == found
    assert CombinedList.get(source_lists=lists) == combined and combined.uptodate()


def test_parameters_choose_the_magnitude_and_the_sources(lists):
    asked = {"MAGNITUDE": "MAG_APER", "APERTURE": 0, "MINIMUM_DETECTIONS": 2 * NIGHTS}
    pars = {f"CombinedList.process_params.{name}": value for name, value in asked.items()}
    found = CombinedList.get(source_lists=lists, pars=pars)
    assert 2 <= len(found) < 4 and (found.sources(["NDET"])["NDET"] == 2 * NIGHTS).all()
    first = found.sources()
    number = [int(np.argmin(np.abs(RA - ra))) for ra in first["RA"]]
    assert np.allclose(first["MAG_B"], TRUE["B"][number] + 1, atol=0.1)
    pars["CombinedList.process_params.APERTURE"] = 5
    with pytest.raises(MakeFailed, match="APERTURE 5: the lists have 2 apertures"):
        CombinedList.get(source_lists=lists, pars=pars)


def test_nothing_enough_detected_is_an_empty_flagged_list(lists):
    pars = {"CombinedList.process_params.MINIMUM_DETECTIONS": 1000}
    found = CombinedList.get(source_lists=lists[:2], pars=pars)
    assert len(found) == 0 and tuple(found.quality_flags.names) == ("NO_SOURCES",)
    assert found.sources().count == 0
