"""``python -m awlab`` is the ``awlab`` command."""

from __future__ import annotations

from awlab.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
