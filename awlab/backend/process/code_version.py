"""Which code made an object: the release of awlab and the content of the class's own source."""

from __future__ import annotations

import hashlib
import inspect
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["code_version"]


@lru_cache(maxsize=512)
def code_version(cls: Any) -> str:
    """Return ``<release>+<hash>``, the hash being that of the source of the class.

    A class made in a notebook has a source as well; one without any has the hash of its code.
    """
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        make = getattr(cls, "make", None)
        code = getattr(make, "__code__", None)
        source = repr((code.co_code, code.co_consts)) if code is not None else cls.__qualname__
    return f"{_release()}+{hashlib.sha256(source.encode()).hexdigest()[:8]}"


@lru_cache(maxsize=1)
def _release() -> str:
    try:
        return version("awlab")
    except PackageNotFoundError:
        return "0"
