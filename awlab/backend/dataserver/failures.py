"""What the operating system says, in awlab's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from awlab.backend.errors import AccessDenied, AwlabError, FileMissing, StorageFailed

__all__ = ["StorageFailed", "storage_errors"]

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Translate every ``OSError`` raised inside into awlab's error tree.

    Parameters
    ----------
    what : str
        What was being done, as the beginning of a sentence: "a.fits cannot be stored".

    Raises
    ------
    FileMissing
        If a file or folder does not exist.
    AccessDenied
        If permissions or a read-only file system forbid it.
    StorageFailed
        If the disk is full or anything else went wrong.
    """
    try:
        yield
    except AwlabError:
        raise
    except FileNotFoundError as exc:
        missing = exc.filename or exc
        raise FileMissing(f"{what}: {missing} does not exist", "check the path") from exc
    except PermissionError as exc:
        raise AccessDenied(
            f"{what}: permission denied ({exc.filename or exc})", "check owner and mode of the path"
        ) from exc
    except OSError as exc:
        raise _translate(what, exc) from exc


def _translate(what: str, exc: OSError) -> AwlabError:
    if exc.errno in _FULL:
        return StorageFailed(
            f"{what}: the disk is full or the quota used up; nothing was written",
            "free some space and try again",
        )
    if exc.errno == errno.EROFS:
        return AccessDenied(f"{what}: the file system is read-only", "use another data server")
    reason = exc.strerror or str(exc) or type(exc).__name__
    return StorageFailed(f"{what}: {reason}", "check the disk or the network and try again")
