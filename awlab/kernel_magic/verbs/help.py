"""``%awe help``: the verbs, or one of them in full.

Examples: ``%awe help``, ``%awe help get``. Python: ``help(BiasFrame.get)``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.errors import QueryError
from awlab.kernel_magic import verbs


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a verb, or none."""
    parser.add_argument("topic", nargs="?")


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Print the documentation of a verb, or the first line of each."""
    known = verbs.VERBS
    if options.topic:
        if options.topic not in known:
            raise QueryError(f"no verb {options.topic!r}", f"there are {', '.join(known)}")
        print(known[options.topic].__doc__)
        return
    for module in known.values():
        print((module.__doc__ or "").splitlines()[0].replace("``", ""))
    print("%%awe sql: free SQL, read-only, within the context")
    print("%awe --traceback: where the last error came from")
