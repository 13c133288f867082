"""The simulated night on the sky: positions, zeropoint and coadd of one chip against the truth."""

from __future__ import annotations

import numpy as np
import pytest

KEY = {"instrument": "WFI", "object": "SIM_DEEP_1", "filter": "#842", "chip": "ccd53"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sky(new_home, connected_to):
    """The coadd of one chip, pulled from the raw files, its source list, and the truth."""
    from awlab.backend.ingest import ingest_night
    from awlab.backend.ingest.nights.truth import NightTruth
    from awlab.backend.targets import CoaddedRegriddedFrame, SourceList

    home = new_home()
    with connected_to(home):
        ingest_night("wfi")
        coadd = CoaddedRegriddedFrame.get(**KEY)
        truth = NightTruth(home / "nights" / "wfi" / "truth")
        yield coadd, SourceList.get(frame=coadd), truth


def offsets(ra, dec, stars, radius=1.0):
    """Rows of the nearest true stars, and how far east and north of them [mas]."""
    from awlab.backend.algorithms import match_mutual

    pairs = match_mutual((ra, dec), (stars["ra"], stars["dec"]), radius)
    found = stars[pairs.second]
    east = (ra[pairs.first] - found["ra"]) * np.cos(np.radians(found["dec"]))
    return pairs, 3.6e6 * east, 3.6e6 * (dec[pairs.first] - found["dec"])


def test_astrometry_of_every_frame(sky):
    """The solution itself, at the true places of the stars on the chip: no noise of theirs."""
    from awlab.backend.algorithms import plate_from_cards
    from awlab.backend.catalogs import read_catalog

    coadd, _, truth = sky
    catalogue = truth.stars("SIM_DEEP_1")
    errors = []
    for frame in coadd.regridded_frames:
        found = frame.astrom_params
        assert found.NREF >= 6 and np.sum(read_catalog(found.retrieve())["USED"]) == found.NREF
        assert found.anisotropy["stars"]["e1"], "the anisotropy of the PSF is kept"
        name = frame.raw.raw_fits.orig_filename
        stars = truth.frame(name, KEY["chip"]).stars
        known = catalogue[np.searchsorted(catalogue["id"], stars["id"])]
        ra, dec = plate_from_cards(found.cards).pixel_to_sky(stars["x"], stars["y"])
        east = (np.asarray(ra) - known["ra"]) * np.cos(np.radians(known["dec"]))
        errors.append(3.6e6 * np.hypot(east, np.asarray(dec) - known["dec"]))
        seeing = truth.exposures[name]["seeing"]
        assert pytest.approx(seeing, rel=0.1) == found.SEEING
    medians = [float(np.median(e)) for e in errors]
    print(f"\nastrometry: {np.round(medians, 1)} mas, all {np.median(np.concatenate(errors)):.1f}")
    # Six to twelve references of 20 mas each are all that a chip of this format has.
    assert np.median(np.concatenate(errors)) < 20.0


def test_zeropoint_of_the_chip(sky):
    """What the light of a star of magnitude 0 would be in ADU per second, by the truth."""
    coadd, _, truth = sky
    frame = coadd.regridded_frames[0]
    band = truth.constants["bands"][KEY["filter"]]
    # ADU of a frame divided by its flat: the response of the chip at its median.
    chip = truth.chip(KEY["chip"])
    light = chip.light[KEY["filter"]]
    level = np.median(light["response"] * light["illumination"])
    wanted = band["zeropoint"] - 2.5 * np.log10(chip.gain / level)
    found = frame.photom_params
    at_airmass = wanted - band["k"] * frame.airmass
    error = found.zeropoint_at(frame.airmass) - at_airmass
    print(f"\nzeropoint {found.zeropoint:.4f}, at its airmass {error:+.4f} from the truth,"
          f" error {found.zp_error:.4f}, {found.num_sources} stars")  # fmt: skip
    assert abs(error) < 4 * np.hypot(found.zp_error, 0.005)


def test_coadd_against_the_truth(sky):
    coadd, sources, truth = sky
    rows = sources.sources()
    pairs, east, north = offsets(
        np.asarray(rows["RA"]), np.asarray(rows["DEC"]), truth.stars("SIM_DEEP_1")
    )
    magnitude = np.asarray(rows["MAG_APER"])[pairs.first]
    error = np.asarray(rows["MAGERR_APER"])[pairs.first]
    known = truth.stars("SIM_DEEP_1")["B"][pairs.second]
    good = (np.asarray(rows["FLAGS"])[pairs.first] == 0) & (error[:, -1] < 0.03)
    bias = np.median((magnitude[:, -1] - known)[good])
    place = np.median(east[good]), np.median(north[good])
    each = np.median(np.hypot(east, north)[good])
    print(f"\n{good.sum()} stars: {place[0]:+.1f} {place[1]:+.1f} mas, each {each:.1f},"
          f" {bias:+.4f} mag; PSF {coadd.psf_radius:.3f} arcsec")  # fmt: skip
    radii = [frame.psf_radius for frame in coadd.regridded_frames]
    assert coadd.psf_radius == pytest.approx(np.mean(radii), rel=0.1)
    assert good.sum() >= 10 and np.hypot(*place) < 12.0
    assert abs(bias) < 0.05


def test_nothing_else_is_doubted_and_all_is_up_to_date(sky):
    coadd, sources, _ = sky
    doubts = {n for f in coadd.regridded_frames for n in f.astrom_params.quality_flags.names}
    assert doubts <= {"FEW_REFERENCES"}, "the chips are small"
    assert set(coadd.quality_flags.names) <= {"FLAGGED_INPUT"} and coadd.nframes == 5
    assert coadd.uptodate() and sources.uptodate()
