"""The HTML report in a real browser (`make test-browser`; the gate does not collect this file).

Chromium is driven over its DevTools protocol on a pipe, so nothing but the browser is needed. The pictures are left in
.kernbench/browser to be looked at.
"""

import base64
import json
import os
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from kernbench.cli import execute

PICTURES = Path(".kernbench/browser").resolve()
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """A Chromium with one page; `events` are what it told besides answers."""

    def __init__(self, profile):
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        command = f'exec chromium "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", command, "bash", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session = b"", 0, None
        self.events = []

    def attach(self):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        self._number += 1
        number, message = self._number, {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self):
        while b"\0" not in self._buffer:
            read = os.read(self._read, 1 << 20)
            assert read, "the browser ended"
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def open(self, path):
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def evaluate(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def picture(self, name, width, scheme):
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": width, "height": size["height"], "scale": 1}
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))
        return size["width"]

    def close(self):
        os.close(self._write)
        self._process.terminate()
        self._process.wait(20)
        os.close(self._read)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of a real run, with the difference from another one."""
    folder = tmp_path_factory.mktemp("runs")
    with chdir(folder):
        run = ["run", "--sips", "4", "-b", "64K", "-e", "256K", "-f", "4"]
        assert execute([*run, "--out", "base"]) == 0
        assert execute([*run, "--out", "one", "--set", "fabric.bw_gbs=25"]) == 0
        assert execute(["report", "one", "--diff", "base", "--html", "page.html"]) == 0
    return folder / "page.html"


@pytest.fixture
def browser(page, tmp_path):
    started = Browser(tmp_path / "profile")
    try:
        started.attach()
        started.open(page)
        yield started
    finally:
        started.close()


def complaints(events):
    found = [event for event in events if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
    return found + [
        event for event in events
        if event.get("method") == "Runtime.consoleAPICalled" and event["params"]["type"] in ("error", "warning")
    ]  # fmt: skip


def requests(events):
    urls = [event["params"]["request"]["url"] for event in events if event.get("method") == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("file:", "data:", "about:"))]


FILLS = "[...document.querySelectorAll('.bar .fill')].map((each) => each.style.getPropertyValue('--u')).join()"
MOVE = "(() => {{ const s = document.getElementById('moment'); s.value = {}; s.dispatchEvent(new Event('input')); }})()"


def test_the_slider_moves_the_bars_and_the_line_and_nothing_is_complained_of(browser):
    whole = browser.evaluate(FILLS)
    browser.evaluate(MOVE.format("Math.floor(s.max * 0.8)"))
    moved, label = browser.evaluate(FILLS), browser.evaluate("document.getElementById('label').textContent")
    line = browser.evaluate("document.getElementById('now').getAttribute('visibility')")
    assert (whole != moved, " to " in label, line) == (True, True, "visible")
    browser.picture("moment", 1280, "light")
    browser.evaluate("document.getElementById('whole').click()")
    assert browser.evaluate(FILLS) == whole
    assert (complaints(browser.events), requests(browser.events)) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 400])
def test_the_page_is_as_wide_as_the_window(browser, width, scheme):
    assert browser.picture("report", width, scheme) <= width
    assert complaints(browser.events) == []


def test_tables_sort_and_links_are_filtered(browser):
    first = "document.querySelector('#links tbody tr:not(.hidden) td').textContent"
    names = "[...document.querySelectorAll('#links tbody td:first-child')].map((cell) => cell.textContent)"
    by_use = browser.evaluate(names)
    browser.evaluate("document.querySelector('#links th button').click()")
    by_name = browser.evaluate(names)
    assert (by_name != by_use, sorted(by_name) == sorted(by_use), len(by_name) > 100) == (True, True, True)
    browser.evaluate(
        "(() => { const f = document.getElementById('filter'); f.value = 'sip1->sip2'; f.dispatchEvent(new Event('input')); })()"
    )
    assert browser.evaluate(first) == "sip1->sip2"
    assert complaints(browser.events) == []
