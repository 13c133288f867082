"""The error tree of awlab.

::

    AwlabError
      QueryError(ValueError)         UnknownAttribute(AttributeError)
      AmbiguousTruth(TypeError)      ObjectNotFound(LookupError)
      NotUnique(LookupError)         ImmutableObject(TypeError)
      AccessDenied(PermissionError)  SchemaMismatch(RuntimeError)
      FileMissing(FileNotFoundError) DatabaseUnavailable(ConnectionError)
      ChecksumMismatch(OSError)      AlreadyStored(FileExistsError)
      IngestError(ValueError)        UnknownInstrument(LookupError)
      MissingKeyword(KeyError)       TargetError(RuntimeError)
      NoValidCalibration(LookupError) DependencyCycle(ValueError)
      MakeFailed(RuntimeError)       DefinitionError(TypeError)
      SettingsError(ValueError)      WrongType(TypeError)
      StorageFailed(OSError)         BadArray(ValueError)

Every leaf is also a built-in, so that code which knows nothing of awlab can catch it, and every
one carries ``hint``: what the user can do next.
"""

from __future__ import annotations

__all__ = [
    "AccessDenied",
    "AlreadyStored",
    "AmbiguousTruth",
    "AwlabError",
    "BadArray",
    "ChecksumMismatch",
    "DatabaseUnavailable",
    "DefinitionError",
    "DependencyCycle",
    "FileMissing",
    "ImmutableObject",
    "IngestError",
    "MakeFailed",
    "MissingKeyword",
    "NoValidCalibration",
    "NotUnique",
    "ObjectNotFound",
    "QueryError",
    "SchemaMismatch",
    "SettingsError",
    "StorageFailed",
    "TargetError",
    "UnknownAttribute",
    "UnknownInstrument",
    "WrongType",
]


class AwlabError(Exception):
    """Root of all errors that awlab raises on purpose.

    Parameters
    ----------
    message : str
        One sentence: the object, the value, what is wrong.
    hint : str, optional
        What to do next.
    """

    hint: str

    def __init__(self, message: str, hint: str = "") -> None:
        # Exception.__init__ is named because LookupError & co. may stand between in the MRO.
        Exception.__init__(self, message, hint) if hint else Exception.__init__(self, message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[AwlabError], tuple[str, str]]:
        # Between processes message and hint travel, whatever built-in the class also is.
        return (type(self), (self.message, self.hint))

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class QueryError(AwlabError, ValueError):
    """A query that cannot be answered: wrong type, wrong value, wrong combination."""


class UnknownAttribute(AwlabError, AttributeError):
    """A class has no persistent attribute of that name."""


class AmbiguousTruth(AwlabError, TypeError):
    """A query was used as true or false."""


class ObjectNotFound(AwlabError, LookupError):
    """No object with that identity, or none visible in the context."""


class NotUnique(AwlabError, LookupError):
    """More than one object where one was asked for."""


class ImmutableObject(AwlabError, TypeError):
    """A committed object was about to be changed."""


class AccessDenied(AwlabError, PermissionError):
    """The context does not allow it."""


class SchemaMismatch(AwlabError, RuntimeError):
    """A class and its table in the database do not fit."""


class DatabaseUnavailable(AwlabError, ConnectionError):
    """The database cannot be started or reached."""


class FileMissing(AwlabError, FileNotFoundError):
    """A file is not on the data server."""


class ChecksumMismatch(AwlabError, OSError):
    """A file's content is not what the database says it is."""


class AlreadyStored(AwlabError, FileExistsError):
    """A file of that name is already on the data server: files are written once."""


class IngestError(AwlabError, ValueError):
    """A file cannot be ingested."""


class UnknownInstrument(AwlabError, LookupError):
    """No instrument definition fits."""


class MissingKeyword(AwlabError, KeyError):
    """A FITS header lacks a keyword that is needed."""


class TargetError(AwlabError, RuntimeError):
    """A target cannot be planned or made as asked."""


class NoValidCalibration(AwlabError, LookupError):
    """No calibration is valid for an observation, and none can be made."""


class DependencyCycle(AwlabError, ValueError):
    """Classes or objects depend on each other in a circle."""


class MakeFailed(AwlabError, RuntimeError):
    """``make()`` of a target raised; nothing was committed."""


class DefinitionError(AwlabError, TypeError):
    """A persistent class is declared in a way that cannot be kept."""


class SettingsError(AwlabError, ValueError):
    """A setting has a value that cannot be used."""


class WrongType(AwlabError, TypeError):
    """A value does not fit the attribute it is given to."""


class StorageFailed(AwlabError, OSError):
    """A disk or a remote store did not do what it was asked: full, broken, unreachable."""


class BadArray(AwlabError, ValueError):
    """An array or a number that an algorithm cannot work on."""
