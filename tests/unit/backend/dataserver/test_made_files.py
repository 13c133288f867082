"""Files in the cache that are made, not fetched."""

from __future__ import annotations

import pytest

from awlab.backend.dataserver import FileCache


@pytest.fixture
def cache(tmp_path):
    return FileCache(tmp_path / "cache", limit=1000, grace=0.0)


def test_it_is_made_once_per_key(cache):
    made = []

    def make(path):
        made.append(path)
        path.write_bytes(b"figure %d" % len(made))

    first = cache.made("a.npz", "key 1", make)
    assert cache.made("a.npz", "key 1", make) == first
    assert first.read_bytes() == b"figure 1" and first.name == "a.npz"
    assert cache.made("a.npz", "key 2", make) != first
    assert len(made) == 2


def test_nothing_stays_of_what_failed(cache):
    def fail(path):
        path.write_bytes(b"half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.made("a.npz", "key", fail)
    assert not [p for p in cache.root.rglob("*") if p.is_file() and p.name != ".lock"]
    assert cache.made("a.npz", "key", lambda p: p.write_bytes(b"whole")).read_bytes() == b"whole"


def test_it_goes_when_room_is_needed(cache):
    paths = [cache.made("a.npz", f"key {n}", lambda p: p.write_bytes(bytes(400))) for n in range(4)]
    cache.make_room()
    assert cache.size() <= 1000
    assert paths[-1].exists() and not paths[0].exists()
