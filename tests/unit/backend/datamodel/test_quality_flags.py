"""What the bits of quality_flags mean, and which of them make products doubtful."""

from __future__ import annotations

import pytest

from awlab.backend.datamodel import Flag, QualityFlags, RawBiasFrame, describe_flags, flags_of
from awlab.backend.errors import DefinitionError
from awlab.backend.targets import BiasFrame


def flags(*names, cls=RawBiasFrame):
    return QualityFlags(sum(flags_of(cls)[name].value for name in names), cls)


@pytest.mark.parametrize(
    ("names", "serious"),
    [
        ((), False),
        (("HEADER_GUESSED",), False),
        (("NOT_RAW",), True),
        (("HEADER_GUESSED", "NOT_FINITE"), True),
    ],
)
def test_a_flag_that_only_informs_does_not_make_products_doubtful(names, serious):
    found = flags(*names)
    assert set(found.names) == set(names)
    assert found.are_serious is serious


def test_a_bit_that_nobody_declared_is_serious():
    assert QualityFlags(1 << 40, RawBiasFrame).are_serious


def test_every_flag_of_every_class_is_described_once():
    rows = describe_flags()
    assert {(row["class"], row["name"]) for row in rows} >= {
        ("RawFrame", "HEADER_GUESSED"),
        ("BiasFrame", "STDEV_HIGH"),
    }
    bits = [flag.bit for flag in flags_of(BiasFrame).values()]
    assert bits == sorted(set(bits))


def test_a_taken_bit_or_name_is_refused():
    for wrong in (Flag(0, "MINE", "shares a bit"), Flag(20, "FEW_INPUTS", "shares a name")):
        cls = type("Taken", (), {"FLAGS": (Flag(0, "FEW_INPUTS", "few"), wrong)})
        with pytest.raises(DefinitionError, match="is taken"):
            flags_of(cls)
