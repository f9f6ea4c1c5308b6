"""A headless Chromium, spoken to over pipes in its DevTools protocol: no driver is needed."""

import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
TIMEOUT = 30.0
"""Seconds that the browser may take for an answer."""


def find():
    """Path of a browser; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A page in a browser of its own, a context manager.

    errors : what scripts of the page threw
    """

    def __init__(self, address, profile, width=1280, height=800):
        self.errors = []
        self._n_calls = 0
        self._received = b""
        to_browser, self._send = os.pipe()
        self._receive, from_browser = os.pipe()
        # It reads from descriptor 3 and writes to 4. Root has no sandbox.
        self._process = subprocess.Popen(
            [
                "bash", "-c", f'exec 3<&{to_browser} 4>&{from_browser} "$@"', "bash", find(),
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._session = {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self._call("Runtime.enable")
        self._call("Page.enable")
        self._call("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, script):
        """Value of an expression in JavaScript."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition):
        """Return once an expression is true."""
        end = time.monotonic() + TIMEOUT
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never came true: {condition}; errors: {self.errors}"
            time.sleep(0.05)

    def _call(self, method, **parameters):
        self._n_calls += 1
        command = {"id": self._n_calls, "method": method, "params": parameters, **self._session}
        os.write(self._send, json.dumps(command).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])
            if message.get("id") == self._n_calls:
                assert "error" not in message, message
                return message["result"]

    def _message(self):
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._receive], [], [], TIMEOUT)
            assert ready, "the browser does not answer"
            part = os.read(self._receive, 2**16)
            assert part, "the browser has ended"
            self._received += part
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._send)
        os.close(self._receive)
        self._process.kill()
        self._process.wait()
