"""Nothing in the repository names a machine's folders or a registry's hosts."""

from __future__ import annotations

import re

# Written in pieces, so that this file passes its own check.
FOLDERS = "|".join(["work", "tmp", "home", "root", "Users"])
HOSTS = "|".join(
    re.escape(name + end)
    for name, end in [
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("debian", ".org"),
    ]
)
MACHINE = re.compile(rf"(?<![\w.~}})*])/(?:{FOLDERS})/\w|[A-Z]:\\Users|(?:{HOSTS})")
BINARY = {".png", ".gz", ".fits", ".fz", ".ico", ".woff2", ".parquet", ".npz"}


def machine_names(path, text):
    return [
        f"{path}:{number} {match.group(0)}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in MACHINE.finditer(line)
    ]


def test_no_machine_in_the_repository(repository, repository_files):
    chosen = [path for path in repository_files if path.suffix not in BINARY]
    texts = {path: (repository / path).read_text("utf-8", errors="replace") for path in chosen}
    found = [line for path, text in texts.items() for line in machine_names(path, text)]
    assert not found, "\n".join(found)


def test_checker_sees_machines():
    for bad in ("cd /wo" + "rk/main", "'/tm" + "p/x'", "https://py" + "pi.org/simple"):
        assert machine_names("a", bad) != [], bad
    for good in ("https://example.com/work/x", "~/work/x", "a/tmp/b", "share/home/x"):
        assert machine_names("a", good) == [], good
