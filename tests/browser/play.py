"""Pages of playgrounds served by Voilà for the tests, and one of them open in a browser."""

import secrets
import subprocess
import time
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.lab import _NOISE, PATIENCE, Notebook, Widget, end
from tools import chapters, play


class Playgrounds:
    """Voilà on localhost with the pages of some chapters, all of its files in `scratch`."""

    def __init__(self, scratch: Path, numbers: list[str]):
        self.pages = play.prepare(scratch, chapters.choose(numbers))
        self.port, self._token = play.free_port(), secrets.token_hex(12)
        self._log = (scratch / "voila.log").open("wb")
        self._process = subprocess.Popen(
            play.voila_command(scratch / "pages", self.port), stdout=self._log, stderr=self._log,
            env=play.environment(scratch, self._token) | {"OMP_NUM_THREADS": "1"})
        if not play.wait_for(self._process, self.port):
            self.close()
            log = Path(self._log.name).read_text("utf-8", errors="replace")
            raise RuntimeError(f"Voilà did not start:\n{log[-3000:]}")

    def address(self, number: str = "", token: str | None = None) -> str:
        """Where a browser opens a chapter's page, or the list of all."""
        name = next((p.name for p in self.pages if p.name.startswith(number)), "") if number else ""
        place = f"voila/render/{name}" if name else ""
        wanted = self._token if token is None else token
        return f"http://localhost:{self.port}/{place}" + (f"?token={wanted}" if wanted else "")

    def close(self) -> None:
        end(self._process)
        self._log.close()


class PlayPage(Notebook):
    """One page of playgrounds, open; `foreign` are the addresses that it asked others for."""

    def __init__(self, page: Page, address: str, seconds: float = 300):
        self.page, self.errors, self.foreign = page, [], []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        page.on("request", self._note_request)
        page.goto(address, timeout=seconds * 1000, wait_until="commit")
        end = time.monotonic() + seconds
        while not page.locator("#rendered_cells").is_visible():
            assert time.monotonic() < end, "the page did not come"
            page.wait_for_timeout(300)

    def widget(self, title: str) -> Widget:
        """The playground with this title."""
        outputs = self.page.locator(".jp-Cell", has_text=title)
        outputs.locator('img[src^="blob:"]').first.wait_for()
        return Widget(self, outputs.last)

    def _note(self, message) -> None:
        if message.type == "error" and not any(text in message.text for text in _NOISE):
            self.errors.append(message.text)

    def _note_request(self, request) -> None:
        if not request.url.startswith(("http://localhost", "ws://localhost", "data:", "blob:")):
            self.foreign.append(request.url)
