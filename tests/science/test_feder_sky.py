"""The real Feder night on the sky: Landolt's stars in V and R, from raw files to coadds.

The frames were squeezed to 8 bits by dropping the lower byte, their sky is one number with hardly
any noise: faint stars gain up to a fifth of their light or lose it, by where the sky lies between
two steps. The limits below are those of such data.
"""

from __future__ import annotations

import re
import tarfile

import numpy as np
import pytest

pytestmark = pytest.mark.slow
WANTED = re.compile(r"flood-flat-\d+(bias|[VR])|darks-\d+D\d+|SA112-SF1-\d+[VR]1")


@pytest.fixture(scope="module")
def coadds(new_home, connected_to, shared_data):
    """Coadds in V and R, each of ten frames, pulled from raw files."""
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights.references import _landolt
    from awlab.backend.targets import CoaddedRegriddedFrame

    home = new_home()
    raw = home / "raw"
    raw.mkdir()
    with tarfile.open(shared_data / "feder_sa112" / "mini_versions.tbz2") as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if member.isfile() and WANTED.fullmatch(name.removesuffix(".fit")):
                (raw / name).write_bytes(archive.extractfile(member).read())
    with connected_to(home):
        ingest(sorted(raw.iterdir()))
        _landolt()
        plan = CoaddedRegriddedFrame.plan(object="SA112")
        yield {item.filter.name: item for item in plan.run(processes=2)}


def zeropoint_of(coadd):
    (found,) = {frame.photom_params for frame in coadd.regridded_frames}
    return found


@pytest.mark.parametrize("band", ["V", "R"])
def test_zeropoints_of_the_night(coadds, band):
    found = zeropoint_of(coadds[band])
    offsets = np.array(list(found.frame_offsets.values()))
    middle = 1.4826 * np.median(np.abs(offsets - np.median(offsets)))
    colour = found.transform
    print(f"\n{band}: {found.zeropoint:.3f} +- {found.zp_error:.3f}, per star {found.rms:.3f},"
          f" frames {np.round(np.sort(offsets), 3)} spread {middle:.3f},"
          f" colour {colour.color_term:+.3f} +- {colour.color_term_error:.3f}")  # fmt: skip
    assert found.zp_origin == "derived" and not found.quality_flags
    assert found.num_sources >= 20 and found.rms < 0.08
    assert middle < 0.08
    assert colour.origin == "derived" and 0 < colour.color_term_error < 0.1
    assert (colour.secondary_band, colour.tertiary_band) in {
        ("JohnsonB", "JohnsonV"), ("JohnsonV", "CousinsR"), ("CousinsR", "CousinsI"),
    }  # fmt: skip


@pytest.mark.parametrize("band", ["V", "R"])
def test_coadds_have_the_cameras_pixels_and_no_doubts(coadds, band):
    coadd = coadds[band]
    assert coadd.nframes == 10 and not coadd.left_out and not coadd.quality_flags
    assert coadd.tan_grid.pixel_scale == 1.1
    assert max(coadd.NAXIS1, coadd.NAXIS2) < 2000
    assert 3.0 < coadd.psf_radius < 7.0
    assert coadd.digitisation_noise > 0
    for frame in coadd.regridded_frames:
        assert frame.astrom_params.quality_flags.names == ["NO_REFERENCE"]
        assert frame.reduced.quality_flags.names == ["QUANTISED"]
        assert frame.astrom_params.NSOURCES < 200, "steps of the converter are no sources"
    assert coadd.uptodate()


def test_published_positions(coadds, shared_data):
    """The observers' own list, of frames of twice as many pixels; RA is in hours there."""
    from awlab.backend.algorithms import match_mutual
    from awlab.backend.targets import SourceList

    path = shared_data / "feder_sa112" / "SA112-SF1-ra-dec-list.txt"
    hours, dec = np.loadtxt(path, skiprows=1, usecols=(8, 9)).T
    rows = SourceList.get(object="SA112", filter="R").sources(["RA", "DEC"])
    pairs = match_mutual((rows["RA"], rows["DEC"]), (15 * hours, dec), 5.0)
    scale = coadds["R"].regridded_frames[0].astrom_params.pixel_scale
    rms = float(np.sqrt(np.mean(pairs.separation**2))) / scale
    print(f"\n{pairs.first.size} of {dec.size} published stars, rms {rms:.2f} pixel")
    assert pairs.first.size >= 10 and rms < 1.0


# -- the field as a whole: these come last, they make the frames of the coadds anew --------------


@pytest.fixture(scope="module")
def fields(coadds):
    """The coadds again, with solutions of all their frames together."""
    from awlab.backend.targets import CoaddedRegriddedFrame

    names = ("ASTROMETRY", "PHOTOMETRY")
    asked = {f"RegriddedFrame.process_params.{name}": "global" for name in names}
    plan = CoaddedRegriddedFrame.plan(object="SA112", pars=asked)
    return {item.filter.name: item for item in plan.run(processes=2)}


def offsets_of_frames(coadd, band, corrections):
    """How far the standard stars of each frame are from their mean over all frames [mag].

    Every star counts by its error; each against its own mean, whatever its colour is.
    """
    night = zeropoint_of(coadd)
    found = {}
    for number, photcat in enumerate(night.photcats):
        rows = photcat.sources()
        zero = night.zeropoint_at(photcat.airmass) + corrections.get(photcat.raw.filename, 0.0)
        apart = rows["INST_MAG"] + zero - rows[band]
        weight = 1.0 / (rows["INST_MAGERR"] ** 2 + 0.02**2)
        for star, own, its in zip(rows["STANDARD"], apart, weight, strict=True):
            found.setdefault(int(star), []).append((number, own, its))
    total = np.zeros((2, len(night.photcats)))
    for rows in found.values():
        frame, own, weight = np.array(rows).T
        total[0, frame.astype(int)] += weight * (own - np.average(own, weights=weight))
        total[1, frame.astype(int)] += weight
    return total[0] / total[1]


@pytest.mark.parametrize(("band", "standard"), [("V", "JohnsonV"), ("R", "CousinsR")])
def test_frames_are_consistent_with_one_zeropoint(fields, band, standard):
    solved = fields[band].regridded_frames[0].global_photom
    corrections = {name: one["zp_correction"] for name, one in solved.solutions.items()}
    before = offsets_of_frames(fields[band], standard, {})
    after = offsets_of_frames(fields[band], standard, corrections)
    print(f"\n{band}: frames {np.round(before, 3)} spread {before.std():.3f}, corrected"
          f" {np.round(after, 3)} spread {after.std():.3f}; corrections up to"
          f" {solved.max_correction:.3f}, error {solved.zp_error:.3f}, overlaps"
          f" {solved.RMS_BEFORE:.3f} -> {solved.RMS_OVERLAP:.3f} of {solved.NOVERLAP}")  # fmt: skip
    assert after.std() < 0.03 and after.std() <= before.std()
    assert solved.groups == 1 and set(solved.quality_flags.names) <= {"FEW_OVERLAPS"}
    assert {frame.zp_origin for frame in fields[band].regridded_frames} == {"global"}
    if band == "R":
        # A thin cloud in one of the ten exposures took a sixth of the light.
        assert before.std() > 0.05 and 0.1 < solved.max_correction < 0.3


@pytest.mark.parametrize("band", ["V", "R"])
def test_positions_agree_better_than_by_the_headers(fields, band):
    from awlab.backend.algorithms import associate, mean_positions
    from awlab.backend.targets.astrometric_sources import read_solved

    found = fields[band].regridded_frames[0].global_astrom
    assert set(found.quality_flags.names) <= {"NO_REFERENCE", "FEW_OVERLAPS"}
    assert found.nexposures == 10 and found.groups == 1
    frames = [read_solved(local) for local in found.local_solutions]
    groups = associate([(frame.ra, frame.dec) for frame in frames], 2.0)
    ra, dec = mean_positions(groups, [(frame.ra, frame.dec) for frame in frames])
    several = (np.bincount(groups.AID) > 1)[groups.AID]
    star = groups.AID[several]
    own = np.array([(frames[k].ra[n], frames[k].dec[n])
                    for k, n in zip(groups.list_index[several], groups.SID[several],
                                    strict=True)]).T  # fmt: skip
    east = 3600 * (own[0] - ra[star]) * np.cos(np.radians(dec[star]))
    freedom = several.sum() - np.unique(star).size
    headers = np.sqrt(np.sum(east**2 + (3600 * (own[1] - dec[star])) ** 2) / freedom)
    scale = found.local_solutions[0].pixel_scale
    before, after = headers / scale, found.RMS_OVERLAP / scale
    print(f"\n{band}: {before:.3f} -> {after:.3f} pixel of {found.NOVERLAP} stars, orders"
          f" {found.chip_order} and {found.exposure_order}")  # fmt: skip
    assert after < min(0.15, before)
