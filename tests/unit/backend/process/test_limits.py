"""A target that hangs or wants too much is stopped, and the process is as before otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from awlab.backend.process.limits import Limits

ON_LINUX = Path("/proc/self/status").exists()

# One is in time; then a loop in C never gives Python's lock back: no thread is heard any more.
HANGS = """
import time
from awlab.backend.process.limits import Limits
with Limits(seconds=0.2).kept():
    pass
time.sleep(0.5)
print("goes on", flush=True)
with Limits(seconds=0.5).kept():
    sum(iter(int, 1))
"""


def test_who_hangs_is_ended_and_says_where():
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "goes on\n")
    assert "Timeout" in ended.stderr
    assert "line 9" in ended.stderr


@pytest.mark.skipif(not ON_LINUX, reason="only Linux bounds private memory")
def test_memory_is_bounded_while_it_is_asked_for():
    import resource

    import numpy as np

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with Limits(memory=100 * 2**20).kept():
        assert np.ones(2**20).sum() == 2**20
        with pytest.raises(MemoryError):
            np.ones(2**26)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert np.ones(2**26, dtype=np.uint8)[-1] == 1


def test_without_limits_nothing_is_touched():
    with Limits().kept():
        assert sum([1, 2]) == 3
