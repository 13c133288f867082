"""The Awe kernel: IPython with everything of awlab at hand, like the prompt of Astro-WISE."""

from __future__ import annotations

from ipykernel.kernelapp import IPKernelApp

__all__ = ["main"]

_START = [
    "from awlab import *",
    "import numpy as np",
    "import bqplot.pyplot as pylab",
    "get_ipython().run_line_magic('load_ext', 'awlab')",
    "from awlab.kernel_magic import boolean_words as _words; _words.install(get_ipython())",
]


def main() -> None:
    """Start the kernel."""
    app = IPKernelApp.instance()
    app.exec_lines = _START
    app.initialize()
    app.start()


if __name__ == "__main__":
    main()
