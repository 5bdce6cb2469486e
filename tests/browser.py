"""A page opened in headless Chromium: what its figures show, what the console says, what it asks of the network.

The browser is spoken to through a pipe, in the DevTools protocol: messages in JSON, each ended by a zero byte.
"""

import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
_LONGEST = 120  # seconds until an answer must have come
_FREE = 20  # first file descriptor that is not one of the two that Chromium reads and writes
# A figure is drawn twice, once with its data hidden; what differs was drawn by the data, not by axes, legends or scales.
_LOOK = """
(async () => {
  async function pixels(plot, shows) {
    const layout = {...plot.layout, showlegend: false, width: 300, height: 220};
    for (const [name, axis] of Object.entries(plot._fullLayout))
      if (/^[xy]axis[0-9]*$/.test(name)) layout[name] = {...plot.layout[name], range: axis.range.slice(), autorange: false};
    const clear = {color: "rgba(0,0,0,0)", line: {width: 0}};
    const hidden = {opacity: 0, line: {width: 0, color: clear.color}, fillcolor: clear.color, marker: clear};
    const data = plot.data.map(trace => ({...trace, ...(shows ? {} : hidden), showscale: false}));
    if (shows) for (const trace of data) if (trace.marker) trace.marker = {...trace.marker, showscale: false};
    const image = new Image();
    image.src = await Plotly.toImage({data, layout}, {format: "png", width: 300, height: 220});
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 300; canvas.height = 220;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, 300, 220).data;
  }
  const drawn = {};
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    const [seen, blank] = [await pixels(plot, true), await pixels(plot, false)];
    const changed = at => [0, 1, 2].some(color => Math.abs(seen[at + color] - blank[at + color]) > 10);
    drawn[plot.id] = Array.from({length: seen.length / 4}, (_, pixel) => 4 * pixel).filter(changed).length;
  }
  return drawn;
})()
"""


@dataclass(frozen=True)
class Seen:
    """What the browser found.

    Parameters
    ----------
    drawn : dict of str to int
        Pixels that the data of each figure changed, by the figure's id.
    complaints : list of str
        Errors and warnings on the console.
    requests : list of str
        Every address that was asked for, the page's own first.
    """

    drawn: dict
    complaints: list
    requests: list


def find_browser():
    """Path of a Chromium; the test is skipped where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on PATH")
    return found


def look_at(page, folder):
    """Open a page from the disk and look at all its figures; ``folder`` takes the browser's own files."""
    address = Path(page).resolve().as_uri()
    with _chromium(folder) as browser:
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.ask(f"{domain}.enable")
        browser.ask("Page.navigate", url=address)
        browser.wait_for("Page.loadEventFired")
        answer = browser.ask("Runtime.evaluate", expression=_LOOK, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        events = browser.events
    complaints = [json.dumps(event["params"]) for event in events if _is_complaint(event)]
    requests = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return Seen(answer["result"]["value"], complaints, [url for url in requests if not url.startswith(("data:", "blob:"))])


def _is_complaint(event):
    kind, params = event["method"], event["params"]
    return (
        kind == "Runtime.exceptionThrown"
        or (kind == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"))
        or (kind == "Log.entryAdded" and params["entry"]["level"] == "error")
    )


@contextmanager
def _chromium(folder):
    """A running browser, ended with the block."""
    read_commands, write_commands = os.pipe()
    read_answers, write_answers = os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _FREE) for end in (read_commands, write_answers)]

    def as_chromium_expects():
        os.dup2(theirs[0], 3)
        os.dup2(theirs[1], 4)

    process = subprocess.Popen(
        [
            find_browser(),
            "--headless",
            "--no-sandbox",
            "--remote-debugging-pipe",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--window-size=1100,1200",
            "--no-first-run",
            f"--user-data-dir={folder}/profile",
        ],
        close_fds=False,
        preexec_fn=as_chromium_expects,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (*theirs, read_commands, write_answers):
        os.close(end)
    try:
        yield _Browser(write_commands, read_answers)
    finally:
        process.terminate()
        process.wait(timeout=_LONGEST)
        os.close(write_commands)
        os.close(read_answers)


class _Browser:
    """Questions to a browser and what it tells unasked."""

    def __init__(self, commands, answers):
        self._commands, self._answers = commands, answers
        self._number, self._rest = itertools.count(1), b""
        self.session, self.events = None, []

    def ask(self, method, **params):
        """Send a command and wait for its answer."""
        message = {"id": next(self._number), "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next_message()
            if answer.get("id") == message["id"]:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def wait_for(self, method):
        """Wait until an event has come."""
        while not any(event["method"] == method for event in self.events):
            self._next_message()

    def _next_message(self):
        ends = time.monotonic() + _LONGEST
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0, ends - time.monotonic()))
            block = os.read(self._answers, 1 << 20) if ready else b""
            assert block, f"Chromium did not answer within {_LONGEST} s, or ended"
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(message)
        if "method" in message:
            self.events.append(message)
        return message
