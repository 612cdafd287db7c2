"""A headless Chromium, driven over two pipes in the protocol of its developer tools.

Nothing listens on a port, and nothing is needed beside the browser itself.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 60.0  # seconds for one answer, on a machine that does other things, too


class Chromium:
    """One browser; `open` gives pages."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM is not None
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The protocol wants the pipes at 3 and 4, whatever numbers they have here.
        shell = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
        command = [PROGRAM, *_SWITCHES, f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the browser."""
        self.call("Browser.close")
        self._process.wait(_PATIENCE)
        os.close(self._out)
        os.close(self._in)

    def call(self, method: str, session: str | None = None, /, **given: Any) -> dict[str, Any]:
        """Send a request and return the answer; `events` keeps what arrives meanwhile."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": given}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        for told in self._told(time.monotonic() + _PATIENCE):
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result
            self.events.append(told)
        raise TimeoutError(f"no answer to {method}")

    def wait(self, event: str, session: str) -> None:
        """Wait for an event that has not arrived yet or has arrived since the last look."""
        deadline = time.monotonic() + _PATIENCE
        if any(e.get("method") == event and e.get("sessionId") == session for e in self.events):
            return
        for told in self._told(deadline):
            self.events.append(told)
            if told.get("method") == event and told.get("sessionId") == session:
                return
        raise TimeoutError(f"no {event}")

    def _told(self, deadline: float) -> Iterator[dict[str, Any]]:
        while (left := deadline - time.monotonic()) > 0:
            while b"\0" in self._buffer:
                message, _, self._buffer = self._buffer.partition(b"\0")
                yield json.loads(message)
            if select.select([self._in], [], [], left)[0]:
                if not (data := os.read(self._in, 1 << 20)):
                    raise ConnectionError("the browser has gone")
                self._buffer += data

    @contextmanager
    def open(
        self,
        path: Path,
        *,
        fragment: str = "",
        dark: bool = False,
        width: int = 1280,
        height: int = 900,
        script: bool = True,
    ) -> Iterator["Page"]:
        """Open a file in a page of its own, and close it afterwards."""
        self.events.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        if not script:
            page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.call("Page.navigate", url=path.as_uri() + (f"#{fragment}" if fragment else ""))
        self.wait("Page.loadEventFired", session)
        yield page
        self.call("Target.closeTarget", targetId=target)


class Page:
    """One page in the browser."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, /, **given: Any) -> dict[str, Any]:
        """Ask the page for something."""
        return self._browser.call(method, self._session, **given)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size, in CSS pixels; a narrow one is a phone's."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def js(self, expression: str) -> Any:
        """Evaluate an expression in the page; waits for a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression holds."""
        deadline = time.monotonic() + 60
        while not self.js(expression):
            assert time.monotonic() < deadline, f"never: {expression}"
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, by its name and its number."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Save what can be seen, or the whole page."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self) -> bytes:
        """Print the page."""
        answer = self.call("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(answer["data"])

    @property
    def requests(self) -> list[str]:
        """What the page asked for, by its address."""
        return [
            event["params"]["request"]["url"] for event in self._events("Network.requestWillBeSent")
        ]

    @property
    def complaints(self) -> list[str]:
        """What the console holds: errors, warnings, exceptions, refusals of the policy."""
        return [
            json.dumps(event["params"])
            for method in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
            for event in self._events(method)
        ]

    def _events(self, method: str) -> list[dict[str, Any]]:
        return [
            event
            for event in self._browser.events
            if event.get("method") == method and event.get("sessionId") == self._session
        ]
