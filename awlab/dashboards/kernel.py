"""The kernel of a page: ``python -m awlab.dashboards.kernel -f {connection_file}``.

IPython without debugger and completion: a page executes nothing for its visitors, and both are
22 MB of every kernel.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["LEFT_OUT", "main"]

#: What ipykernel and IPython do without where it is not installed.
LEFT_OUT = ("debugpy", "jedi")


def main(arguments: Any = None) -> None:
    """Start the kernel."""
    for name in LEFT_OUT:
        sys.modules[name] = None  # type: ignore[assignment]
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance(arguments)


if __name__ == "__main__":
    main()
