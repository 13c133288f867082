"""``%awe lineage``: everything about an object, from its raw frames to what was made from it.

The object is a variable, an expression, an object_id or the name of its file. ``--prov`` writes the
lineage as W3C PROV, ``--mermaid`` prints it as a diagram for a page.

Examples: ``%awe lineage frame``, ``%awe lineage 0192f0c1-7d3e-7abc-8def-0123456789ab``,
``%awe lineage --prov prov.json q[0]``.
Python: ``tell_me_everything(frame)``, ``export_prov(frame, 'prov.json')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.lineage import export_prov, mermaid, tell_me_everything
from awlab.kernel_magic.words import object_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take an object."""
    parser.add_argument("--prov", metavar="FILE", help="write W3C PROV there")
    parser.add_argument("--mermaid", action="store_true", help="print a Mermaid diagram")
    parser.add_argument("object", metavar="OBJECT")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the account; the notebook shows it."""
    found = object_of(options.object, shell)
    if options.prov:
        print(f"written: {export_prov(found, options.prov)}")
        return None
    if options.mermaid:
        print(mermaid(found))
        return None
    return tell_me_everything(found)
