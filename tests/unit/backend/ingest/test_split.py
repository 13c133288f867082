"""Mosaics become one job per chip."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from awlab.backend.errors import IngestError
from awlab.backend.ingest import plan_split
from awlab.backend.ingest.description import Section
from awlab.backend.ingest.instruments import InstrumentDefinition, builtin_instruments
from awlab.backend.ingest.split import describe, shared_moments

INSTRUMENTS = builtin_instruments()
NAME = "raw/WFI.2000-04-29T02:04:18.123.fits"
PRIMARY = {
    "NAXIS": 0,
    "INSTRUME": "WFI",
    "OBJECT": "CDF4_B_1",
    "EXPTIME": 300.0,
    "DATE-OBS": "2000-04-29T02:04:18.123",
    "ESO DPR TYPE": "OBJECT",
    "ESO DPR TECH": "IMAGE",
    "ESO INS FILT1 NAME": "BB#B/99_ESO842",
    "ESO OBS ID": 200,
    "ESO OBS NAME": "CDF4_B",
    "ESO TPL ID": "WFI_img_obs_Dither",
    "ESO TPL EXPNO": 2,
    "ESO TPL NEXP": 5,
    "ESO TEL AIRM START": 1.1,
    "ESO TEL AIRM END": 1.12,
}


def chip_header(number: int) -> dict[str, object]:
    """Extension of one chip of a small format, as the simulated night writes it."""
    return {
        "XTENSION": "IMAGE",
        "NAXIS": 2,
        "NAXIS1": 16 + 256 + 24,
        "NAXIS2": 512 + 12,
        "BITPIX": 16,
        "EXTNAME": f"WIN1.CHIP{number}.OUT1",
        "ESO DET CHIP ID": f"ccd{49 + number}",
        "ESO DET OUT1 PRSCX": 16,
        "ESO DET OUT1 OVSCX": 24,
        "ESO DET OUT1 PRSCY": 0,
        "ESO DET OUT1 OVSCY": 12,
        "ESO DET OUT1 NX": 256,
        "ESO DET OUT1 NY": 512,
        "ESO DET OUT1 CONAD": 2.0,
        "ESO DET OUT1 GAIN": 0.5,
        "ESO DET OUT1 RON": 4.5,
    }


MOSAIC = [PRIMARY, *(chip_header(n) for n in range(1, 9))]


def test_a_wfi_mosaic_becomes_eight_jobs():
    plan = plan_split(MOSAIC, INSTRUMENTS, NAME)
    assert plan.definition.name == "WFI"
    assert plan.is_mosaic
    assert [(j.extension, j.chip) for j in plan.jobs] == [(n, f"ccd{49 + n}") for n in range(1, 9)]
    assert plan.skipped == ()


def test_every_frame_of_a_mosaic_is_described_from_primary_and_extension():
    frames = describe(MOSAIC, INSTRUMENTS, NAME)
    assert len(frames) == 8
    frame = frames[4]
    assert (frame.kind, frame.purpose, frame.chip, frame.extension) == (
        "science", "science", "ccd54", 5,
    )  # fmt: skip
    assert frame.filter == "#842"
    assert datetime(2000, 4, 29, 2, 4, 18, 123000) == frame.DATE_OBS
    assert frame.night == date(2000, 4, 28)
    assert frame.trim == Section(17, 272, 1, 512)
    assert frame.overscan_x == Section(273, 296, 1, 512)
    assert frame.prescan_x == Section(1, 16, 1, 512)
    assert frame.overscan_y == Section(17, 272, 513, 524)
    assert frame.prescan_y is None
    assert (frame.claimed_gain, frame.claimed_read_noise) == (2.0, 4.5)
    assert (frame.AIRMSTRT, frame.AIRMEND) == (1.1, 1.12)
    assert frame.observing_block is not None and frame.observing_block.name == "CDF4_B"
    assert frame.template is not None and (frame.template.index, frame.template.exposures) == (2, 5)
    assert frame.problems == ()


def test_hierarch_in_the_keyword_makes_no_difference():
    spelled = [{f"HIERARCH {k}" if k.startswith("ESO") else k: v for k, v in h.items()}
               for h in MOSAIC]  # fmt: skip
    assert describe(spelled, INSTRUMENTS, NAME) == describe(MOSAIC, INSTRUMENTS, NAME)


def test_the_definitions_strips_serve_where_the_header_has_none():
    bare = {k: v for k, v in chip_header(1).items() if not k.startswith("ESO DET OUT1")}
    full = {**bare, "NAXIS1": 2142, "NAXIS2": 4128}
    frame = describe([PRIMARY, full], INSTRUMENTS, NAME)[0]
    assert frame.trim == Section(49, 2096, 1, 4096)
    small = describe([PRIMARY, bare], INSTRUMENTS, NAME)[0]
    assert small.trim == Section(1, 296, 1, 524)
    assert any("none is used" in p for p in small.problems)


def test_chips_are_told_by_place_where_headers_do_not_name_them():
    nameless = [{k: v for k, v in h.items() if "CHIP" not in str(k) and k != "EXTNAME"}
                for h in MOSAIC]  # fmt: skip
    assert [j.chip for j in plan_split(nameless, INSTRUMENTS, NAME).jobs][-1] == "ccd57"


def test_an_extra_image_is_skipped_and_said():
    guide = {"XTENSION": "IMAGE", "NAXIS": 2, "NAXIS1": 50, "NAXIS2": 50, "EXTNAME": "GUIDER"}
    plan = plan_split([*MOSAIC, guide], INSTRUMENTS, NAME)
    assert len(plan.jobs) == 8
    assert len(plan.skipped) == 1
    assert "'GUIDER'" in plan.skipped[0]


def test_a_chip_twice_is_refused():
    twice = [*MOSAIC[:3], {**MOSAIC[3], "ESO DET CHIP ID": "ccd51"}]
    with pytest.raises(IngestError, match="chip ccd51 in the extensions 2 and 3"):
        plan_split(twice, INSTRUMENTS, NAME)


def test_a_file_of_unknown_chips_only_is_refused():
    header = {**chip_header(1), "ESO DET CHIP ID": "x1", "EXTNAME": "x1"}
    headers = [PRIMARY, *([{"NAXIS": 0, "XTENSION": "IMAGE"}] * 9), header]
    with pytest.raises(IngestError, match="calls its chip 'x1'"):
        plan_split(headers, INSTRUMENTS, NAME)


def test_omegacam_chips_are_told_by_name_in_whatever_order():
    primary = {**PRIMARY, "INSTRUME": "OMEGACAM", "ESO INS FILT1 NAME": "r_SDSS"}
    size = {"XTENSION": "IMAGE", "NAXIS": 2, "NAXIS1": 2144, "NAXIS2": 4200, "BITPIX": 16}
    numbers = [65, 73, 66, 96]
    frames = describe(
        [primary, *({**size, "EXTNAME": f"ESO_CCD_#{n}"} for n in numbers)], INSTRUMENTS, NAME
    )
    assert [f.chip for f in frames] == [f"ESO_CCD_#{n}" for n in numbers]
    assert {f.filter for f in frames} == {"OCAM_r_SDSS"}
    assert frames[0].trim == Section(49, 2096, 1, 4100)


def test_a_single_image_is_no_mosaic():
    headers = [{**PRIMARY, **chip_header(1)}]
    plan = plan_split(headers, INSTRUMENTS, "a/b.fits.gz")
    assert (plan.is_mosaic, plan.jobs[0].extension, plan.jobs[0].chip) == (False, 0, "ccd50")


def test_a_purpose_of_the_user_wins():
    assert {f.purpose for f in describe(MOSAIC, INSTRUMENTS, NAME, "photom")} == {"photom"}


def test_two_frames_of_one_moment_are_both_kept_and_named():
    first = describe(MOSAIC, INSTRUMENTS, "a.fits")
    second = describe(MOSAIC, INSTRUMENTS, "b.fits")
    shared = shared_moments([*first, *second])
    assert len(shared) == 8
    assert set(shared.values()) == {("a.fits", "b.fits")}
    assert shared_moments(first) == {}


def test_a_rule_of_a_user_that_raises_is_one_sentence():
    def broken(header):
        raise RuntimeError("my mistake")

    mine = InstrumentDefinition(
        name="x", priority=9, recognise=({"INSTRUME": "WFI"},), keywords={"chip": (broken,)}
    )
    with pytest.raises(IngestError, match=r"b\.fits cannot be translated.*my mistake"):
        describe(MOSAIC, INSTRUMENTS.with_definition(mine), "a/b.fits")
