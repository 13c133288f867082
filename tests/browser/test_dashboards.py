"""Every dashboard in Voila on one chip of the simulated night: seen, attacked, left alone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tornado.websocket import websocket_connect

from awlab.widgets.sky_view import library_version

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "dashboards"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
WARM = "trend"
IDLE = 15  # a kernel nobody looks at lives so long here [s]
READY = """() => {
    const cells = document.getElementById('rendered_cells');
    const views = [...document.querySelectorAll('.awlab-w')];
    return cells && cells.style.display === '' && !document.getElementById('loading')
        && document.querySelector('.awlab-w, .awlab-facts, .bqplot, .awlab-trouble, .awlab-note')
        && views.every((view) => view.dataset.ready === 'yes')
        && [...document.querySelectorAll('.awlab-grid-head')]
            .every((head) => head.children.length || head.offsetParent === null);
}"""
# Serious is what keeps somebody from using the page.
AXE = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations
        .filter((v) => ["serious", "critical"].includes(v.impact))
        .map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 200)).join(" | "));
}"""
EVIL = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


def start(home, *words):
    """Start the dashboards; return process and address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "awlab", "dashboards", "--no-open", f"--port={port}", *words]
    environment = os.environ | {"AWLAB_HOME": str(home), "PYTHONPATH": str(FOLDER.parents[1])}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    address = process.stdout.readline().split()[-1]
    for _ in range(240):
        assert process.poll() is None, "the dashboards ended"
        try:
            urllib.request.urlopen(address.partition("?")[0] + "voila/static/voila.js").close()
            return process, address
        except OSError:
            time.sleep(0.25)
    stop(process)
    raise AssertionError("the dashboards do not answer")


def stop(process):
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def site(small_night):
    """Address of the dashboards, with a short life for kernels that nobody looks at."""
    cull = [f"--MappingKernelManager.cull_{k}" for k in ("interval=1", f"idle_timeout={IDLE}")]
    # One page is made beforehand, the others when they are asked for: two cores start few kernels.
    cold = [name for name in NAMES if name != WARM]
    pool = f"--VoilaKernelManager.preheat_denylist={cold!r}"
    process, address = start(small_night, "--", *cull, pool)
    yield address
    stop(process)


@pytest.fixture(scope="session")
def axe(tmp_path_factory, request):
    """Text of axe-core, fetched from npm once and kept in pytest's cache; None without it."""
    kept = Path(request.config.cache.mkdir("axe-core")) / "axe.min.js"
    if not kept.is_file() and shutil.which("npm"):
        folder = tmp_path_factory.mktemp("npm")
        command = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(folder),
            "axe-core@4",
        ]
        subprocess.run(command, check=False, timeout=120, capture_output=True)
        found = folder / "node_modules" / "axe-core" / "axe.min.js"
        if found.is_file():
            shutil.copy(found, kept)
    return kept.read_text() if kept.is_file() else None


def get(address):
    """Status and text of an address, whatever the status."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()


def see(page, address):
    page.set_default_timeout(90_000)
    page.goto(address, wait_until="commit")
    page.wait_for_function(READY)
    return page


@pytest.mark.parametrize(
    ("name", "theme"), [(name, ("light", "dark")[i % 2]) for i, name in enumerate(NAMES)]
)
def test_it_is_shown(site, open_page, axe, name, theme):
    page = see(
        open_page(width=1400 if theme == "light" else 900),
        f"{site}voila/render/{name}.ipynb?theme={theme}",
    )
    assert (
        page.locator("body").get_attribute("data-jp-theme-light") == str(theme == "light").lower()
    )
    assert page.locator(".awlab-trouble").count() == 0
    assert page.locator("h1").count() == 1
    assert page.locator(".awlab-top nav a").count() == len(NAMES)
    assert page.locator(".awlab-w, .awlab-facts, .bqplot").count() > 0
    assert page.locator(".jp-InputArea").count() == 0
    # nothing sticks out of the page
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1
    html = page.content()
    assert "from awlab" not in html and "Traceback" not in html
    if axe is None:
        pytest.skip("NO AXE-CORE (npm does not give it): accessibility was not looked at")
    page.evaluate(axe)
    assert page.evaluate(AXE) == []


def test_the_sky_by_aladin_lite_without_a_network(site, small_night, aladin_library, page, axe):
    place = small_night / "assets" / f"aladin-lite-{library_version()}"
    shutil.copytree(aladin_library, place)
    try:
        see(page, f"{site}voila/render/sky.ipynb?date=2000-04-28")
        page.wait_for_selector(".awlab-sky-stage[data-engine=Aladin] canvas")
        page.get_by_text("ReducedScienceFrame: 14 frames").wait_for()
        page.locator(".awlab-grid").focus()
        page.keyboard.press("ArrowDown")
        page.get_by_role("link", name="quality page").wait_for()  # of what was chosen
        if axe is not None:
            page.evaluate(axe)
            assert page.evaluate(AXE) == []
    finally:
        shutil.rmtree(place)


def test_the_theme_follows_the_system_and_the_button(site, open_page):
    page = see(open_page(color_scheme="dark"), f"{site}voila/render/trend.ipynb")
    look = "document.body.dataset.jpThemeLight"
    assert page.evaluate(look) == "false"
    page.locator("#awlab-look").click()
    assert page.evaluate(look) == "true"


def test_an_address_leads_to_what_it_names_and_links_follow(site, page):
    see(
        page,
        f"{site}voila/render/trend.ipynb?class=ReducedScienceFrame&y=imstat.stdev&by=filter.name",
    )
    page.get_by_text("14 of 14 points in sight").wait_for()
    link = page.get_by_role("link", name="Link to this view")
    assert "y=imstat.stdev" in link.get_attribute("href")
    see(page, f"{site}voila/render/index.ipynb")
    page.get_by_role("link", name="ReducedScienceFrame").first.click()
    page.wait_for_url(re.compile(r"/lineage\.ipynb\?object="), wait_until="commit")
    page.wait_for_function(READY)
    page.locator(".awlab-lineage [role=treeitem]", has_text="MasterFlatFrame").first.wait_for()


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("trend", {"class": EVIL}, "there is no class"),
        ("trend", {"class": "BiasFrame", "y": "__class__.__init__"}, "__class__"),
        ("lineage", {"object": EVIL}, "is not an object_id"),
        ("night", {"date": "../../../etc/passwd"}, "is no night"),
        ("night", {"date": "2000-04-28", "theme": EVIL, "template": "../../base"}, ""),
    ],
)  # fmt: skip
def test_a_hostile_address_does_nothing(site, page, name, words, said):
    page.set_default_timeout(90_000)
    see(page, f"{site}voila/render/{name}.ipynb?{urllib.parse.urlencode(words)}")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    if said:
        assert said in page.get_by_role("alert").inner_text()
    else:
        page.get_by_text("Observed in the night").wait_for()


@pytest.mark.parametrize(
    "path",
    [
        "voila/files/index.ipynb", "voila/files/..%2f00_start_here.ipynb",
        "voila/files/%2e%2e/%2e%2e/pyproject.toml", "voila/render/..%2f00_start_here.ipynb",
        "voila/render/../../pyproject.toml", "voila/render/%2fetc%2fpasswd", "voila/tree",
        "voila/tree/..", "voila/api/contents", "voila/api/contents/index.ipynb", "api/contents",
        "api/kernels", "api/terminals", "files/index.ipynb", "lab", "notebooks/index.ipynb",
        "voila/static/..%2f..%2f..%2f..%2fetc%2fpasswd", "voila/render/nothing.ipynb",
        "voila/templates/awlab/static/..%2fconf.json", "<script>alert(1)</script>",
    ],
)  # fmt: skip
def test_nothing_else_is_served(site, small_night, path):
    status, text = get(site + path)
    assert status >= 400
    for secret in ("root:", "kernelspec", "awlab developers", "base_template", "<script>alert"):
        assert secret not in text
    assert "Traceback" not in text
    if "There is no such page" in text:
        number = re.search(r"Error <code>([0-9a-f]{8})</code>", text).group(1)
        assert number in (small_night / "log" / "dashboards.log").read_text()


def test_strange_host_names_are_refused_on_loopback(site):
    request = urllib.request.Request(
        f"{site}voila/render/index.ipynb", headers={"Host": "evil.org"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 403


def kernel_of(site):
    """Open a page without a browser; return the id of the kernel that is left behind."""
    status, text = get(f"{site}voila/render/query.ipynb")
    assert status == 200
    return re.search(r'"kernelId": "([0-9a-f-]+)"', text).group(1)


def test_a_visitor_cannot_run_code_and_an_idle_kernel_is_culled(site, tmp_path):
    kernel = kernel_of(site)
    address = f"{site}api/kernels/{kernel}"
    assert get(address)[0] == 200
    target = tmp_path / "written"
    header = {
        "msg_id": "1", "msg_type": "execute_request", "username": "", "session": "x",
        "date": "2000-01-01T00:00:00Z", "version": "5.3",
    }  # fmt: skip
    content = {
        "code": f"open({str(target)!r}, 'w').close()", "silent": False, "store_history": False,
        "user_expressions": {}, "allow_stdin": False,
    }  # fmt: skip
    message = {
        "channel": "shell", "header": header, "parent_header": {}, "metadata": {},
        "content": content, "buffers": [],
    }  # fmt: skip

    async def ask():
        line = await websocket_connect(f"{address.replace('http', 'ws')}/channels")
        await line.write_message(json.dumps(message))
        allowed = message | {"header": header | {"msg_id": "2", "msg_type": "kernel_info_request"}}
        await line.write_message(json.dumps(allowed | {"content": {}}))
        kinds = []
        while "kernel_info_reply" not in kinds:
            kinds.append(json.loads(await line.read_message())["msg_type"])
        line.close()
        return kinds

    # The thread of the browser has a loop of its own already.
    with ThreadPoolExecutor(1) as pool:
        kinds = pool.submit(lambda: asyncio.run(asyncio.wait_for(ask(), 60))).result()
    assert "execute_reply" not in kinds
    assert not target.exists()
    for _ in range(8 * IDLE):
        if get(address)[0] == 404:
            return
        time.sleep(0.5)
    raise AssertionError("the kernel is still there")


def test_with_a_token_nobody_comes_in_without_it(small_night):
    process, address = start(small_night, "--token", "--", "--preheat_kernel=False")
    try:
        bare, _, token = address.partition("?token=")
        assert len(token) >= 32
        page = f"{bare}voila/render/index.ipynb"
        status, text = get(page)
        assert status == 200 and "password" in text  # asked for the token, and shown no data
        assert "kernelId" not in text
        assert get(f"{page}?token=wrong")[0] == 200 and "kernelId" not in get(f"{page}?token=no")[1]
        assert get(f"{bare}api/kernels/0-0-0-0-0")[0] in (403, 404)
        status, text = get(f"{page}?token={token}")
        assert status == 200 and "kernelId" in text
    finally:
        stop(process)
