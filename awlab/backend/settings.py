"""One frozen settings object: environment > ``awlab.toml`` in ``AWLAB_HOME`` > defaults."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from awlab.backend.errors import SettingsError

__all__ = ["Settings", "load_settings"]

_KEYS = ("database_url", "dataserver", "project", "privileges", "instrument", "cache_folder")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where awlab keeps its things and in which context it starts.

    Attributes
    ----------
    home : Path
        Folder of the private database, the local data server, the cache and ``awlab.toml``.
    database_url : str
        SQLAlchemy URL of a PostgreSQL server; empty for awlab's own private PostgreSQL.
    dataserver : str
        Where files are kept: a folder or any fsspec URL (``s3://bucket/prefix``).
    project : str
        Project to start in; empty for the user's own (MyDB).
    privileges : int
        Privileges (1 MyDB ... 5 VO) given to new objects.
    instrument : str
        Default instrument of queries and targets; empty for none.
    cache_folder : str
        Folder of the managed file cache; empty for ``cache`` in ``home``.
    """

    home: Path
    database_url: str = ""
    dataserver: str = ""
    project: str = ""
    privileges: int = 1
    instrument: str = ""
    cache_folder: str = ""

    @property
    def cache(self) -> Path:
        """Folder of the managed file cache."""
        return Path(self.cache_folder).expanduser() if self.cache_folder else self.home / "cache"


def _home(environ: dict[str, str]) -> Path:
    if environ.get("AWLAB_HOME"):
        return Path(environ["AWLAB_HOME"]).expanduser().resolve()
    # Deferred: platformdirs is needed only where AWLAB_HOME is not set.
    from platformdirs import user_data_path

    return user_data_path("awlab", appauthor=False)


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings once, strongest source first.

    Parameters
    ----------
    environ : dict, optional
        Environment to read ``AWLAB_*`` from; the process environment by default.

    Raises
    ------
    SettingsError
        If ``awlab.toml`` cannot be read, has an unknown key, or a value does not fit.
    """
    env = dict(os.environ) if environ is None else environ
    home = _home(env)
    values: dict[str, object] = {}
    toml = home / "awlab.toml"
    if toml.is_file():
        try:
            values = dict(tomllib.loads(toml.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
            raise SettingsError(f"{toml} cannot be read: {exc}", "mend or remove the file") from exc
        unknown = sorted(set(values) - set(_KEYS))
        if unknown:
            raise SettingsError(
                f"{toml} has the unknown key {unknown[0]!r}", f"known keys: {', '.join(_KEYS)}"
            )
    for key in _KEYS:
        name = f"AWLAB_{key.upper()}"
        if env.get(name):
            values[key] = env[name]
    raw_privileges = values.pop("privileges", 1)
    if str(raw_privileges) not in {"1", "2", "3", "4", "5"}:
        raise SettingsError(
            f"privileges is {raw_privileges!r}", "use 1 (MyDB), 2 (project), 3, 4 (world) or 5 (VO)"
        )
    privileges = int(str(raw_privileges))
    strings = {key: str(value) for key, value in values.items()}
    return Settings(home=home, privileges=privileges, **strings)
