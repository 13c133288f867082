"""How kernels are compiled: one decorator, so that all share the same settings.

``cache`` keeps the machine code on disk between processes, ``nogil`` lets threads share the rows.
There is no ``fastmath``: it would license the compiler to change results from build to build.

References
----------
.. [1] Lam, Pitrou & Seibert 2015, "Numba: a LLVM-based Python JIT compiler", LLVM-HPC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.extending import intrinsic

__all__ = ["compiled", "image_at"]

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile a kernel with Numba: cached on disk, without the interpreter lock.

    Parameters
    ----------
    function : callable
        Kernel written in the subset of Python that Numba knows.
    """
    return cast(_F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def _image_at(typingctx: Any, address: Any, like: Any) -> Any:
    """Pointer to an array of the same data type as ``like`` (Numba intrinsic)."""
    pointer: Any = types.CPointer
    signature = pointer(like.dtype)(types.uintp, like)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return signature, generate


# A kernel over n frames takes their addresses: a tuple of arrays would be compiled anew for every
# n, and a typed list costs a second of compilation in every process.
image_at: Any = intrinsic(_image_at)
