"""Targets of one chip stay on one worker, and no worker waits while there is work."""

from __future__ import annotations

from awlab.backend.process.placing import Places

A, B = (1, 1), (1, 2)


def filled(**counts):
    places = Places()
    for name, count in counts.items():
        for i in range(count):
            places.put(f"{name}{i}", {"a": A, "b": B}.get(name))
    return places


def test_each_chip_has_a_worker_of_its_own():
    places = filled(a=3, b=3)
    taken = {"w1": [], "w2": []}
    for _ in range(3):
        for worker, mine in taken.items():
            mine.append(places.take(worker))
    assert taken == {"w1": ["a0", "a1", "a2"], "w2": ["b0", "b1", "b2"]}
    assert (places.home(A), places.home(B), len(places)) == ("w1", "w2", 0)


def test_a_chip_comes_back_to_its_worker():
    places = filled(a=1, b=1)
    places.take("w1"), places.take("w2")
    places.put("later b", B)
    places.put("later a", A)
    assert places.take("w1") == "later a"
    assert places.take("w2") == "later b"


def test_who_has_nothing_left_helps_the_one_with_most():
    places = filled(a=1, b=4)
    assert places.take("w1") == "a0"
    assert places.take("w2") == "b0"
    assert places.take("w1") == "b1"  # helps, and the chip stays where it is
    assert places.home(B) == "w2"
    assert [places.take("w2") for _ in range(3)] == ["b2", "b3", None]


def test_what_is_of_several_chips_comes_when_no_chip_is_new():
    places = filled(sum=1, a=1, b=2)
    assert [places.take("w1"), places.take("w2")] == ["a0", "b0"]
    assert places.take("w1") == "sum0"
    assert places.take("w1") == "b1"
    assert places.take("w1") is None


def test_a_worker_that_is_gone_has_no_chips():
    places = filled(a=2)
    first = places.take("w1")
    places.forget("w1")
    places.put(first, A, first=True)
    assert [places.take("w2"), places.take("w2")] == ["a0", "a1"]
    assert places.home(A) == "w2"
