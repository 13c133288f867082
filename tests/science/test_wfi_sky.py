"""The simulated night on the sky: positions, zeropoint and coadd of one chip against the truth."""

from __future__ import annotations

import numpy as np
import pytest

CHIP, BAND, FIELD = "ccd53", "#842", "SIM_DEEP_1"
KEY = {"instrument": "WFI", "chip": CHIP, "filter": BAND}
CORRECTED, PLAIN = (
    {"RegriddedFrame.process_params.ILLUMINATION_CORRECTION": kind} for kind in (1, 0)
)
SCALE, APERTURE = 0.2, 12  # of the grid [arcsec], radius of the largest aperture [pixel]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sky(large_chip, connected_to):
    """The coadd of one chip, pulled from the raw files, its source list, and the truth."""
    from awlab.backend.targets import CoaddedRegriddedFrame, SourceList

    home, truth = large_chip
    with connected_to(home):
        coadd = CoaddedRegriddedFrame.get(object=FIELD, pars=CORRECTED, **KEY)
        yield coadd, SourceList.get(frame=coadd), truth


@pytest.fixture(scope="module")
def light(sky):
    """Zeropoint of the chip in ADU per second outside of the atmosphere, pixel by pixel [mag].

    A frame that was divided by its flat has the response of the median pixel, and lacks what the
    flat saw of stray light.
    """
    truth = sky[2]
    chip, band = truth.chip(CHIP), truth.constants["bands"][BAND]
    light = chip.light[BAND]
    level = np.median(light["response"] * light["illumination"])
    mean = band["zeropoint"] - 2.5 * np.log10(chip.gain / level)
    return mean - 2.5 * np.log10(light["illumination"].astype(np.float64))


def known_places(frame, truth):
    """The stars on a chip in one exposure: x and y there, and their rows of the catalogue."""
    stars = truth.frame(frame.raw.raw_fits.orig_filename, CHIP).stars
    ny, nx = frame.reduced.NAXIS2, frame.reduced.NAXIS1
    on = (stars["x"] > 0) & (stars["x"] < nx - 1) & (stars["y"] > 0) & (stars["y"] < ny - 1)
    catalogue = truth.stars(FIELD)
    return stars[on], catalogue[np.searchsorted(catalogue["id"], stars["id"][on])]


def offsets(ra, dec, known):
    """How far positions are east and north of the true ones [mas]."""
    east = (np.asarray(ra) - known["ra"]) * np.cos(np.radians(known["dec"]))
    return 3.6e6 * east, 3.6e6 * (np.asarray(dec) - known["dec"])


def wings(seeing, radius):
    """Magnitude of what a simulated star has outside of an aperture, both in arcsec."""
    core = seeing / (2 * np.sqrt(2 ** (1 / 3) - 1))
    return -2.5 * np.log10(1 - (1 + (radius / core) ** 2) ** -2)


def test_astrometry_of_every_frame_to_12_mas(sky):
    """The solution itself, at the true places of the stars on the chip: no noise of theirs."""
    from awlab.backend.algorithms import plate_from_cards
    from awlab.backend.catalogs import read_catalog

    coadd, _, truth = sky
    worst = []
    for frame in coadd.regridded_frames:
        found = frame.astrom_params
        assert found.NREF > 100 and np.sum(read_catalog(found.retrieve())["USED"]) == found.NREF
        assert found.anisotropy["stars"]["e1"], "the anisotropy of the PSF is kept"
        stars, known = known_places(frame, truth)
        off = np.hypot(
            *offsets(*plate_from_cards(found.cards).pixel_to_sky(stars["x"], stars["y"]), known)
        )
        worst.append(float(np.sqrt(np.mean(off**2))))
        seeing = truth.exposures[frame.raw.raw_fits.orig_filename]["seeing"]
        assert pytest.approx(seeing, rel=0.02) == found.SEEING
    print(f"\nastrometry, true error over the chip, rms by frame: {np.round(worst, 1)} mas")
    assert max(worst) < 12.0


def test_zeropoint_of_the_chip_to_5_mmag(sky, light):
    coadd, _, truth = sky
    frame = coadd.regridded_frames[0]
    found, k = frame.photom_params, truth.constants["bands"][BAND]["k"]
    error = found.zeropoint_at(frame.airmass) - (np.mean(light) - k * frame.airmass)
    print(f"\nzeropoint {found.zeropoint:.4f}, at airmass {frame.airmass:.2f} {1e3 * error:+.1f}"
          f" mmag from the truth, error {1e3 * found.zp_error:.1f}, {found.num_sources} stars;"
          f" extinction {found.extinction.extinction:.4f}, true {k}")  # fmt: skip
    assert abs(error) < 0.005
    assert abs(found.extinction.extinction - k) < 0.01 and found.extinction.nframes == 2


def test_zeropoint_with_illumination_map(sky, light):
    from awlab.backend.dataserver import read_image

    frame = sky[0].regridded_frames[0]
    factor = read_image(frame.illumination.retrieve())[0].astype(np.float64)
    found = frame.photom_params
    k = sky[2].constants["bands"][BAND]["k"]
    here = found.zeropoint_at(frame.airmass) - 2.5 * np.log10(factor) + k * frame.airmass
    left = 1e3 * (here - light)
    shape = left - left.mean()
    print(f"\nillumination: {1e3 * np.std(light):.1f} mmag rms over the chip, map and zeropoint"
          f" leave {np.sqrt(np.mean(left**2)):.2f}, the map alone {np.std(shape):.2f}")  # fmt: skip
    assert np.sqrt(np.mean(left**2)) < 2.5


@pytest.fixture(scope="module")
def measured(sky):
    """Sources of the coadd that have no neighbours and lie on all frames: catalogue, rows, true."""
    from scipy.spatial import cKDTree

    from awlab.backend.algorithms import match_mutual, plate_from_cards

    coadd, sources, truth = sky
    rows, catalogue = sources.sources(), truth.stars(FIELD)
    pairs = match_mutual((rows["RA"], rows["DEC"]), (catalogue["ra"], catalogue["dec"]), 1.0)
    known, kept = catalogue[pairs.second], {n: np.asarray(rows[n])[pairs.first] for n in rows}
    good = (kept["FLAGS"] == 0) & (kept["MAGERR_APER"][:, -1] < 0.005) & (known["B"] > 16)
    for frame in coadd.regridded_frames:
        cards, ny, nx = frame.astrom_params.cards, frame.reduced.NAXIS2, frame.reduced.NAXIS1
        x, y = plate_from_cards(cards).sky_to_pixel(known["ra"], known["dec"])
        good &= (x > 20) & (x < nx - 20) & (y > 20) & (y < ny - 20)
    plane = np.stack([catalogue["ra"] * np.cos(np.radians(-30.2)), catalogue["dec"]], axis=-1)
    tree = cKDTree(3600 * plane)
    for n in np.flatnonzero(good):
        near = [
            i
            for i in tree.query_ball_point(3600 * plane[pairs.second[n]], 6.0)
            if i != pairs.second[n]
        ]
        good[n] = np.sum(10 ** (-0.4 * (catalogue["B"][near] - known["B"][n]))) < 2e-3
    return {name: column[good] for name, column in kept.items()}, known[good]


def test_positions_on_the_coadd_to_4_mas(measured):
    rows, known = measured
    east, north = offsets(rows["RA"], rows["DEC"], known)
    middle = float(np.median(np.hypot(east, north)))
    print(f"\n{len(known)} stars: {np.median(east):+.1f} {np.median(north):+.1f} mas,"
          f" each {middle:.1f} mas (median)")  # fmt: skip
    assert len(known) >= 30 and middle < 4.0
    assert np.hypot(np.median(east), np.median(north)) < 3.0


def test_magnitudes_on_the_coadd_to_2_mmag(sky, measured):
    rows, known = measured
    names = [frame.raw.raw_fits.orig_filename for frame in sky[0].regridded_frames]
    seeing = [sky[2].exposures[name]["seeing"] for name in names]
    lost = float(np.mean([wings(one, SCALE * APERTURE) for one in seeing]))
    # A simulated star is dimmed by the air that it has at the start of the exposure all along.
    start = np.mean([sky[2].exposures[name]["airmass"] for name in names])
    middle = np.mean([frame.airmass for frame in sky[0].regridded_frames])
    lost += sky[2].constants["bands"][BAND]["k"] * (start - middle)
    off = rows["MAG_APER"][:, -1] - lost - known["B"]
    error = 1.25 * np.std(off) / np.sqrt(off.size)
    print(f"\n{off.size} stars: {1e3 * np.median(off):+.1f} +- {1e3 * error:.1f} mmag")
    assert abs(np.median(off)) < 0.002


def test_noise_of_the_coadd_is_that_of_its_weight(sky):
    from awlab.backend.algorithms import noise_ratio, plate_from_cards
    from awlab.backend.dataserver import read_image

    coadd, _, truth = sky
    path = coadd.retrieve()
    image, weight, exposures = (read_image(path, n)[0] for n in ("IMAGE", "WEIGHT", "EXPOSURES"))
    stars = truth.stars(FIELD)
    x, y = plate_from_cards(coadd.tan_grid.cards(coadd.window)).sky_to_pixel(
        stars["ra"], stars["dec"]
    )
    free = exposures == coadd.nframes
    for px, py in zip(np.round(x).astype(int), np.round(y).astype(int), strict=True):
        if -15 < px < free.shape[1] + 15 and -15 < py < free.shape[0] + 15:
            free[max(py - 15, 0) : max(py + 16, 0), max(px - 15, 0) : max(px + 16, 0)] = False
    pull = (image * np.sqrt(weight))[free]
    ratio = 1.4826 * np.median(np.abs(pull - np.median(pull))) / noise_ratio()
    print(f"\nnoise of the sky: {ratio:.3f} of what the weight says, {free.sum()} pixels")
    assert free.sum() > 100_000 and ratio == pytest.approx(1, abs=0.05)


def test_nothing_is_doubted_and_all_is_up_to_date(sky):
    coadd, sources, _ = sky
    assert {n for f in coadd.regridded_frames for n in f.astrom_params.quality_flags.names} == set()
    assert not coadd.quality_flags and coadd.nframes == 5 and not coadd.left_out
    radii = [frame.psf_radius for frame in coadd.regridded_frames]
    assert coadd.psf_radius == pytest.approx(np.mean(radii), rel=0.1)
    assert 0.1 < coadd.clip_amplitude < 1.0, "the seeing changed"
    assert sources.uptodate()


def test_the_surface_flows_into_the_regridded_frame(sky):
    """What is multiplied are the sources: the sky was flat already."""
    from awlab.backend.algorithms import plate_from_cards
    from awlab.backend.dataserver import read_image
    from awlab.backend.targets import RegriddedFrame

    frame = sky[0].regridded_frames[0]
    plain = RegriddedFrame.get(raw=frame.raw, grid=frame.grid, pars=PLAIN)
    assert plain.illumination is None and plain.window == frame.window
    factor = read_image(frame.illumination.retrieve())[0]
    images = [read_image(one.retrieve(), "IMAGE")[0] for one in (plain, frame)]
    weights = [read_image(one.retrieve(), "WEIGHT")[0] for one in (plain, frame)]
    stars, known = known_places(frame, sky[2])
    bright = known["B"] < 19.5
    cards = frame.tan_grid.cards(frame.window)
    x, y = plate_from_cards(cards).sky_to_pixel(known["ra"][bright], known["dec"][bright])
    wanted = factor[
        np.round(stars["y"][bright]).astype(int), np.round(stars["x"][bright]).astype(int)
    ]
    x, y = np.round(x).astype(int), np.round(y).astype(int)
    good = weights[0][y, x] > 0
    x, y, wanted = x[good], y[good], wanted[good]
    assert good.sum() > 20 and np.ptp(wanted) > 0.01
    np.testing.assert_allclose(images[1][y, x] / images[0][y, x], wanted, rtol=2e-3)
    np.testing.assert_allclose(weights[1][y, x] / weights[0][y, x], wanted**-2, rtol=2e-3)
    used = (weights[0] > 0) & (weights[1] > 0)
    noise = 1 / np.sqrt(np.median(weights[0][used]))
    assert abs(np.median(images[1][used])) < 0.1 * noise
