"""The ``awlab`` command: thin, it calls the backend."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from awlab import __version__
from awlab.backend.errors import AwlabError

__all__ = ["main"]

# Fewer steps than this are over before anybody wonders.
_WORTH_A_LINE = 20
_EXAMPLES = """examples:
  awlab demo --night wfi                          a simulated night, then JupyterLab on it
  awlab ingest ~/night1                           bring your own frames in
  awlab get --plan BiasFrame chip=ccd50 date=2000-04-28
  awlab doctor                                    when something is wrong

awlab COMMAND --help tells more. Status: 0 all went well, 1 something did not, 2 not understood.
"""
_INGEST = """Known content is skipped: it is safe to run again. A table says what came in, and
which files were refused and why; with one refused the status is 1.

example: awlab ingest --dry-run ~/night1
"""
_GET = """Calibrations are asked by instrument, chip, filter and date, the observing night; science
by the same and object, or by the filename of the raw frame. chip=* means all of them. A name with
dots is a process parameter.

examples:
  awlab get BiasFrame chip=ccd50 date=2000-04-28
  awlab get --plan ReducedScienceFrame instrument=WFI date=2000-04-28 'filter=#842'
  awlab get BiasFrame chip=ccd50 date=2000-04-28 BiasFrame.process_params.SIGMA_CLIP=4.0
"""


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
        status = int(options.run(options))
        sys.stdout.flush()
        return status
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
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="awlab",
        description="Raw pixels to results with full lineage, pulled by the user.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"awlab {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    demo = _command(commands, "demo", _demo, "pull a night through and open JupyterLab on it")
    demo.add_argument("--night", choices=["sa112", "wfi"], help="real or simulated night")
    demo.add_argument(
        "--history",
        nargs="?",
        type=int,
        const=20_000,
        metavar="OBJECTS",
        help="instead five years of simulated calibrations without pixels, 20000 objects or more",
    )
    demo.add_argument("--no-open", action="store_true", help="stop after the summary")

    lab = _command(commands, "lab", _lab, "open JupyterLab on the notebooks")
    lab.add_argument("rest", nargs="*", help="words behind --, for jupyter lab")

    _browser_words(commands)

    _target_words(commands)

    doctor = _command(commands, "doctor", _doctor, "examine database, files, locks and jobs")
    doctor.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    doctor.add_argument(
        "--sample",
        type=int,
        default=50,
        metavar="NUMBER",
        help="checksums to take",
    )

    _command(commands, "status", _status, "where your data are, and how much there is")
    _command(commands, "config", _config, "the settings in effect, and what changes them")

    _db_words(commands)
    return parser


def _db_words(commands: Any) -> None:
    database = _command(commands, "db", _db, "the database: its state, backup, restore")
    database.add_argument(
        "action",
        choices=["status", "upgrade", "stop", "backup", "restore"],
        help="say whether it runs; bring its tables up to this version; for awlab's own: stop it,"
        " copy it into a new folder, bring it back from there",
    )
    database.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="of the backup")


def _target_words(commands: Any) -> None:
    ingest = _command(commands, "ingest", _ingest, "bring FITS files into the database")
    ingest.epilog = _INGEST
    ingest.add_argument("paths", nargs="+", metavar="PATH", help="files and folders")
    ingest.add_argument("--instrument", metavar="NAME", help="where it is not recognised")
    ingest.add_argument(
        "--purpose", default="", metavar="WORD", help="what the frames were taken for"
    )
    ingest.add_argument("--dry-run", action="store_true", help="say what would be done")
    ingest.add_argument("--move", action="store_true", help="take the files, keep no originals")

    get = _command(commands, "get", _get, "find a target, or make it with all that it needs")
    get.epilog = _GET
    get.add_argument("target", metavar="CLASS", help="BiasFrame, ReducedScienceFrame, ...")
    get.add_argument("key", nargs="*", metavar="NAME=VALUE", help="which one")
    get.add_argument(
        "--plan",
        "--dry-run",
        action="store_true",
        help="only say what would be done, and why",
    )


def _browser_words(commands: Any) -> None:
    boards = _command(commands, "dashboards", _dashboards, "serve the dashboards to a browser")
    boards.add_argument(
        "--port", type=int, default=8866, metavar="NUMBER", help="the next free one if it is taken"
    )
    boards.add_argument(
        "--ip", default="127.0.0.1", metavar="ADDRESS", help="where to listen; others need a token"
    )
    boards.add_argument("--token", action="store_true", help="ask for one here, as elsewhere")
    boards.add_argument("--no-open", action="store_true", help="open no browser")
    boards.add_argument("rest", nargs="*", help="words behind --, for voila")
    _command(commands, "assets", _assets, "fetch Aladin Lite, once, for the sky view")


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


class _Bar:
    """A progress bar that begins with the first step; in a log, a line at every quarter."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: Any = None
        self._quarter = 0

    def __call__(self, done: int, total: int, name: str = "") -> None:
        if not sys.stderr.isatty():
            self._log(done, total)
            return
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, unit=self._unit, leave=False, disable=None)
        self._bar.update(done - self._bar.n)
        self._bar.set_postfix_str(name[-40:])
        if done >= total:
            self._bar.close()

    def _log(self, done: int, total: int) -> None:
        quarter = 4 * done // max(total, 1)
        # The last one is told by what comes next; short work needs none.
        if self._quarter < quarter < 4 and total >= _WORTH_A_LINE:
            print(f"  {done} of {total}{self._unit}", file=sys.stderr, flush=True)
        self._quarter = quarter


def _demo(options: argparse.Namespace) -> int:
    from awlab.backend.demo import make_history, run_demo

    if options.history is None:
        summary: Any = run_demo(options.night, bar=_Bar)
        page = "00_start_here.ipynb"
    else:
        summary = make_history(options.history, say=print)
        page = "10_calibration_history.ipynb"
    print(f"\n{summary}\n")
    if options.no_open:
        print(f"Next: {_command_line()} lab (or doctor)")
        return 0
    return _open_lab(page, [])


def _lab(options: argparse.Namespace) -> int:
    return _open_lab("", options.rest)


def _open_lab(page: str, rest: list[str]) -> int:
    """Become JupyterLab, on the user's copies of the notebooks that came with awlab."""
    from awlab.backend.demo import own_notebooks

    folder = own_notebooks()
    words = [sys.executable, "-m", "jupyterlab", str(folder / page), *rest]
    if os.geteuid() == 0:
        words.append("--allow-root")
    if not _has_screen():
        words.append("--no-browser")
        print("awlab: no screen here; open the address that JupyterLab prints below in a browser")
    print(f"awlab: your notebooks are in {folder}")
    print("awlab: JupyterLab runs until Ctrl-C; your data stay", flush=True)
    os.environ["JUPYTER_CONFIG_PATH"] = _server_settings()
    os.execv(sys.executable, words)


def _dashboards(options: argparse.Namespace) -> int:
    """Become the server of the dashboards."""
    from awlab.dashboards import server_words

    opening = _has_screen() and not options.no_open
    start = server_words(options.port, options.ip, token=options.token, opening=opening)
    print(f"awlab: dashboards at {start.address}")
    print("awlab: they run until Ctrl-C; your data stay", flush=True)
    os.environ.update(start.environment)
    os.execv(sys.executable, [*start.words, *options.rest])


def _has_screen() -> bool:
    """Tell whether a browser can be opened: macOS always has a screen."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in names)


def _server_settings() -> str:
    """Name the settings of the servers that awlab starts, before those of the user."""
    installed = Path(sys.prefix) / "share" / "awlab" / "jupyter"
    own = Path(__file__).resolve().parents[1] / "jupyter-config" / "server"
    before = os.environ.get("JUPYTER_CONFIG_PATH", "")
    return os.pathsep.join(filter(None, [str(own if own.is_dir() else installed), before]))


def _command_line() -> str:
    """Say how the user may call awlab again: an environment that is not active has no `awlab`."""
    import shutil

    here = Path(sys.prefix) / "bin" / "awlab"
    found = shutil.which("awlab")
    if (found and Path(found).samefile(here)) or not here.is_file():
        return "awlab"
    return os.path.relpath(here) if here.is_relative_to(Path.cwd()) else str(here)


def _ingest(options: argparse.Namespace) -> int:
    from awlab.backend.ingest import ingest

    report = ingest(
        options.paths,
        instrument=options.instrument,
        purpose=options.purpose,
        dry_run=options.dry_run,
        move=options.move,
        progress=_Bar(" files"),
    )
    print(report)
    return int(report.exit_status)


def _get(options: argparse.Namespace) -> int:
    from awlab.backend.process import read_key_words

    cls, words = _target_class(options.target), read_key_words(options.key)
    plan = cls.plan(pars=words.pars or None, **words.key)
    if options.plan or not words.commit:
        print(plan)
        return 0
    # Workers take a while to begin: for a few targets they are not worth it.
    many = len(plan.work) >= _WORTH_A_LINE
    places = (os.cpu_count() or 1) if many else 0
    for item in plan.run(processes=places, progress=_Bar(" targets")):
        verdict = getattr(item, "verdict", None)
        print(item, verdict() if verdict else "")
    return 0


def _target_class(name: str) -> Any:
    import awlab.backend.targets  # noqa: F401 - makes the target classes known
    from awlab.backend.database import registered_classes
    from awlab.backend.errors import TargetError

    targets = {
        known: cls
        for known, cls in registered_classes().items()
        if hasattr(cls, "plan") and not cls._abstract
    }
    if name not in targets:
        from difflib import get_close_matches

        near = get_close_matches(name, targets, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(targets)}"
        raise TargetError(f"no target class {name!r}", hint)
    return targets[name]


def _doctor(options: argparse.Namespace) -> int:
    from awlab.backend.doctor import examine

    report = examine(fix=options.fix, sample=options.sample)
    print(report)
    return 0 if report.is_clean else 1


def _assets(_options: argparse.Namespace) -> int:
    """Fetch what sky views show the sky with; it is not part of awlab."""
    from awlab.widgets import fetch_library, library_version

    path = fetch_library()
    print(f"awlab: Aladin Lite {library_version()} is at {path.parent}, under the LGPL beside it")
    return 0


def _db(options: argparse.Namespace) -> int:
    from awlab.backend.doctor import act_on_database

    found = act_on_database(options.action, options.folder)
    print("\n".join(filter(None, (found.text, found.advice))))
    return 0 if found.is_well else 1


def _status(_options: argparse.Namespace) -> int:
    from awlab.backend.database import context, take_census
    from awlab.backend.datamodel import connect, dataserver_location
    from awlab.backend.doctor import database_status

    connect()
    census = take_census()
    print(f"awlab {__version__}\n{database_status()}\nfiles: {dataserver_location()}\n{context}")
    print(f"{census.total:,} objects, {census.edges:,} lineage edges")
    for name, count in census.objects.items():
        print(f"  {count:>9,} {name}")
    return 0


def _config(_options: argparse.Namespace) -> int:
    """Show the settings in effect, under the names that change them."""
    from dataclasses import asdict

    from awlab.backend.settings import load_settings

    settings = asdict(load_settings())
    toml = Path(settings["home"]) / "awlab.toml"
    for name, value in settings.items():
        shown = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", str(value))
        print(f"AWLAB_{name.upper():<14} {shown or '(default)'}")
    there = "" if toml.is_file() else ", which does not exist"
    print(f"The environment counts first, then {toml}{there}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
