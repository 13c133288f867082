"""The Awe kernel: IPython with everything of awlab at hand, like the prompt of Astro-WISE.

Jupyter starts it as ``python -m awlab.kernel_magic.awe_kernel -f {connection_file}``.
"""

from __future__ import annotations

from typing import Any

from ipykernel.kernelapp import IPKernelApp

__all__ = ["START", "main"]

#: What runs before the first cell.
START = (
    "from awlab import *",
    "import numpy as np",
    "import bqplot.pyplot as pylab",
    "%load_ext awlab",
    "%awe config boolean_words on --quiet",
)


def main(arguments: Any = None) -> None:
    """Start the kernel."""
    app = IPKernelApp.instance(exec_lines=list(START))
    app.initialize(arguments)
    app.start()


if __name__ == "__main__":
    main()
