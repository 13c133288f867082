"""Contract, section 7: processes of this machine, from a script as it is usually written."""

from __future__ import annotations

import os
import subprocess
import sys

MODULE = '''
from awlab import ProcessTarget, RawScienceFrame, persistent


class ScriptMap(ProcessTarget):
    """Where a raw frame was mapped: in which process."""

    raw = persistent("Raw frame", RawScienceFrame)
    process = persistent("Number of the process", int)

    def make(self):
        import os

        self.process = os.getpid()
'''

# No `if __name__ == "__main__"`: nobody writes that who comes from a notebook.
SCRIPT = '''
import os
from pathlib import Path

from awlab import *
from scriptmaps import ScriptMap

print("the program runs")
camera = Instrument(name="SCRIPT", timezone=0.0).commit()
chip = Chip(name="script1", instrument=camera).commit()
for number in range(3):
    path = Path(f"{number}.fits")
    path.write_text(str(number))
    raw = RawScienceFrame(path, instrument=camera, chip=chip, night="2002-02-02")
    raw.store().commit()


class ScriptMean(ProcessTarget):
    """A class of the script itself."""

    raw = persistent("Raw frame", RawScienceFrame)
    map = persistent("Its map", ScriptMap)
    process = persistent("Number of the process", int)

    def make(self):
        self.process = os.getpid()


job = lpu.run(ScriptMap, instrument="SCRIPT", date="2002-02-02", processes=2)
print(job.status, len(job.products), os.getpid() in [item.process for item in job.products])
assert Path(__file__).name == "unguarded.py"
'''


def test_a_script_needs_no_guard(contract_home, tmp_path):
    """The program is not run again in the workers, and what it defines does not hinder them."""
    (tmp_path / "scriptmaps.py").write_text(MODULE)
    (tmp_path / "unguarded.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "unguarded.py"],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"AWLAB_HOME": str(contract_home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["the program runs", "finished 3 False"]
