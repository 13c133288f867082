"""The ``awlab`` command: thin, it calls the backend."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from awlab import __version__
from awlab.backend.errors import AwlabError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 if all went well, 1 if something did not, 2 for a wrong command line.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except AwlabError as exc:
        if options.traceback:
            raise
        print(f"awlab: {exc.message}", file=sys.stderr)
        if exc.hint:
            print(f"       {exc.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("awlab: interrupted; what was committed stays", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="awlab", description="Raw pixels to results with full lineage, pulled by the user."
    )
    parser.add_argument("--version", action="version", version=f"awlab {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(required=True, metavar="command")

    demo = _command(commands, "demo", _demo, "pull a night through and open JupyterLab on it")
    demo.add_argument("--night", choices=["sa112", "wfi"], help="real or simulated night")
    demo.add_argument("--no-open", action="store_true", help="stop after the summary")

    lab = _command(commands, "lab", _lab, "open JupyterLab on the notebooks")
    lab.add_argument("rest", nargs="*", help="passed on to jupyter lab")

    ingest = _command(commands, "ingest", _ingest, "bring FITS files into the database")
    ingest.add_argument("paths", nargs="+", help="files and folders")
    ingest.add_argument("--instrument", help="name of the instrument, if it is not recognised")
    ingest.add_argument("--purpose", default="", help="what the frames were taken for")
    ingest.add_argument("--dry-run", action="store_true", help="say what would be done")

    get = _command(commands, "get", _get, "find or make a target: awlab get BiasFrame chip=ccd50")
    get.add_argument("target", help="class of the target")
    get.add_argument("key", nargs="*", metavar="name=value", help="which one")
    get.add_argument("--plan", action="store_true", help="only say what would be done")

    doctor = _command(commands, "doctor", _doctor, "examine database, files, locks and jobs")
    doctor.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    doctor.add_argument("--sample", type=int, default=50, help="files whose checksum is taken")

    database = _command(commands, "db", _db, "the database: status, upgrade, stop")
    database.add_argument("action", choices=["status", "upgrade", "stop"])
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


class _Bar:
    """A progress bar that begins with the first step, so that short work shows none."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Any = None

    def __call__(self, done: int, total: int, name: str = "") -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, unit=self._unit, leave=False, disable=None)
        self._bar.update(done - self._bar.n)
        self._bar.set_postfix_str(name[-40:])
        if done >= total:
            self._bar.close()


def _demo(options: argparse.Namespace) -> int:
    from awlab.backend.demo import run_demo

    summary = run_demo(options.night, progress=_Bar(" files"))
    print(f"\n{summary}\n")
    if options.no_open:
        print("Next: awlab lab, awlab doctor")
        return 0
    return _open_lab("notebooks/00_start_here.ipynb", [])


def _lab(options: argparse.Namespace) -> int:
    return _open_lab("notebooks", options.rest)


def _open_lab(place: str, rest: list[str]) -> int:
    """Become JupyterLab, with the notebooks that came with awlab."""
    from awlab.backend.ingest import notebooks_folder

    folder = notebooks_folder()
    where = folder / Path(place).name if place.endswith(".ipynb") else folder
    words = [sys.executable, "-m", "jupyterlab", str(where), *rest]
    if os.geteuid() == 0:
        words.append("--allow-root")
    os.execv(sys.executable, words)


def _ingest(options: argparse.Namespace) -> int:
    from awlab.backend.ingest import ingest

    report = ingest(
        options.paths,
        instrument=options.instrument,
        purpose=options.purpose,
        dry_run=options.dry_run,
        progress=_Bar(" files"),
    )
    print(report)
    return int(report.exit_status)


def _get(options: argparse.Namespace) -> int:
    import awlab.backend.targets  # noqa: F401 - makes the target classes known
    from awlab.backend.database import class_named
    from awlab.backend.errors import TargetError

    cls: Any = class_named(options.target)
    if cls is None or not hasattr(cls, "plan"):
        raise TargetError(f"no target class {options.target!r}", "for instance BiasFrame")
    bad = [word for word in options.key if "=" not in word]
    if bad:
        raise TargetError(f"{bad[0]!r} is not name=value", "for instance chip=ccd50")
    key = dict(word.split("=", 1) for word in options.key)
    if options.plan:
        print(cls.plan(**key))
        return 0
    found = cls.get(**key)
    for item in found if isinstance(found, list) else [found]:
        print(item, item.verdict())
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from awlab.backend.doctor import examine

    report = examine(fix=options.fix, sample=options.sample)
    print(report)
    return 0 if report.is_clean else 1


def _db(options: argparse.Namespace) -> int:
    from awlab.backend.doctor import database_status, stop_database

    if options.action == "upgrade":
        from awlab.backend.datamodel import connect

        connect()
    if options.action == "stop":
        print(stop_database())
        return 0
    print(database_status())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
