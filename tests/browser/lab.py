"""A JupyterLab for the tests, and a hand that clicks and types in it.

What makes such tests flaky is dealt with here once: "Run All" is dropped while the kernel connects,
icon buttons carry their label as text, pictures are blobs whose address changes with every frame.
"""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
PATIENCE = 60_000  # milliseconds; these machines may be busy


def end(process: subprocess.Popen) -> None:
    """Ask a server to stop; after 20 seconds stop it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


class Server:
    """JupyterLab on localhost, serving `folder`; settings and progress are kept in `private`."""

    def __init__(self, folder: Path, private: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        token = secrets.token_hex(12)
        self.folder = folder
        self._base, self._token = f"http://127.0.0.1:{port}", token
        self._log = (private / "server.log").open("wb")
        private.joinpath("overrides").mkdir()
        private.joinpath("overrides", "overrides.json").write_text(json.dumps(_OVERRIDES), "utf-8")
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
            f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
            f"--LabApp.app_settings_dir={private / 'overrides'}",
        ]
        self._process = subprocess.Popen(
            command, cwd=folder, env=_environment(private), stdout=self._log, stderr=self._log
        )
        self._wait()

    def address(self, notebook: str) -> str:
        """Where a browser opens `notebook`."""
        workspace = secrets.token_hex(4)  # of its own: nothing is restored from another test
        return f"{self._base}/lab/workspaces/{workspace}/tree/{notebook}?token={self._token}"

    def close(self) -> None:
        end(self._process)
        self._log.close()

    def _wait(self) -> None:
        host, port = self._base.removeprefix("http://").split(":")
        for _ in range(300):
            if self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.2)
        log = Path(self._log.name).read_text("utf-8", errors="replace")
        raise RuntimeError(f"JupyterLab did not start:\n{log[-3000:]}")


_OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True,
    },
    # every cell in the page, so that a test can look at all of them
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "recordTiming": False},
}


def _environment(private: Path) -> dict[str, str]:
    hidden = {"COURSE_HEADLESS", "JUPYTER_TOKEN"}
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    env |= {
        "COURSE_STUDY_DIR": str(private / "study"),
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")])),
    }
    return env


class Notebook:
    """One notebook open in the page."""

    def __init__(self, page: Page, address: str):
        self.page = page
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        page.goto(address)
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.wait_until_idle()

    def wait_until_idle(self, polls: int = 5, seconds: float = 120) -> None:
        """Until the kernel was idle at several looks in a row."""
        idle = self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        quiet, end = 0, time.monotonic() + seconds
        while quiet < polls:
            assert time.monotonic() < end, "the kernel did not become idle"
            quiet = quiet + 1 if idle.count() else 0
            self.page.wait_for_timeout(200)

    def run_all(self, seconds: float = 300) -> None:
        """Run all cells; tries again when JupyterLab dropped the command."""
        code = self.page.locator(".jp-CodeCell")
        for _ in range(5):
            self._answer_dialog()
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            self.page.wait_for_timeout(1500)
            if self._prompts(code) != {"[ ]:"}:
                break
        end = time.monotonic() + seconds
        while self._prompts(code) & {"[*]:", "[ ]:"}:
            assert time.monotonic() < end, f"cells did not finish: {self._prompts(code)}"
            self.page.wait_for_timeout(500)
        self.wait_until_idle()

    def _answer_dialog(self) -> None:
        """Take what a dialog offers: on a slow computer "run" may come before the kernel does."""
        dialog = self.page.locator("dialog.jp-Dialog")
        if dialog.count():
            dialog.locator(".jp-mod-accept").last.click()
            dialog.wait_for(state="detached")
            self.wait_until_idle()

    def run_cell(self, text: str) -> None:
        """Run the one code cell whose source holds `text`."""
        cell = self.cell(text)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        cell.locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")
        self.eventually(lambda: prompt.inner_text() not in (before, "[*]:"))
        self.wait_until_idle()

    def cell(self, text: str) -> Locator:
        """The first code cell whose source holds `text`."""
        found = self.page.locator(".jp-CodeCell", has=self.page.locator(
            ".jp-InputArea-editor", has_text=text))
        assert found.count(), f"no code cell holds {text!r}"
        return found.first

    def tracebacks(self) -> list[str]:
        """Errors shown anywhere in the notebook."""
        wrong = self.page.locator('[data-mime-type="application/vnd.jupyter.error"]')
        missing = self.page.get_by_text("Error displaying widget")
        return wrong.all_inner_texts() + missing.all_inner_texts()

    def eventually(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until `condition()` is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            self.page.wait_for_timeout(100)

    def _prompts(self, code: Locator) -> set[str]:
        prompts = code.locator(".jp-InputPrompt").all_inner_texts()
        return {"[n]:" if re.fullmatch(r"\[\d+\]:", prompt) else prompt for prompt in prompts}

    def _note(self, message) -> None:
        if message.type == "error" and not any(text in message.text for text in _NOISE):
            self.errors.append(message.text)


_NOISE = (
    "Failed to load resource",  # a workspace or setting that does not exist yet is a 404
    "ResizeObserver loop",
)


class Widget:
    """The Explorer or Playground in a cell's output."""

    def __init__(self, notebook: Notebook, cell: Locator):
        self.notebook, self.cell = notebook, cell
        self.output = cell.locator(".jp-OutputArea")
        self.image = self.output.locator('img[src^="blob:"]').first
        self.image.wait_for()

    @property
    def picture(self) -> str:
        """The picture's address: another one after every frame."""
        return self.image.get_attribute("src")

    @property
    def words(self) -> str:
        """What the picture shows now, in words."""
        return self.output.locator('[aria-live="polite"]').last.inner_text()

    def text(self) -> str:
        """All text of the widget."""
        return self.output.inner_text()

    @property
    def step(self) -> int:
        """The step that a playground's progress line names."""
        return int(re.search(r"step (\d+) of", self.text()).group(1))

    def button(self, label: str) -> Locator:
        return self.output.locator(f'button:has-text("{label}")').first

    def press(self, label: str) -> None:
        self.button(label).click()

    def pause(self) -> int:
        """Press Pause; the step it stopped at, once the last picture has come."""
        self.press("Pause")
        self.notebook.eventually(lambda: self.button("Run").is_visible())
        self.notebook.wait_until_idle()
        return self.step

    def slider(self, label: str) -> Locator:
        """The handle of the slider with this label."""
        return self._beside(label).locator(".noUi-handle")

    def move(self, label: str, key: str = "ArrowRight", times: int = 1) -> None:
        """Move a slider by keyboard."""
        handle = self.slider(label)
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def choose(self, label: str, option: str) -> None:
        """Choose from the dropdown with this label."""
        self._beside(label).locator("select").select_option(option)

    def field(self, label: str) -> str:
        """What stands in the text field with this label."""
        return self._beside(label).locator("input").input_value()

    def type(self, label: str, text: str) -> None:
        """Write into the text field with this label, and press Enter."""
        field = self._beside(label).locator("input")
        field.fill(text)
        field.press("Enter")

    def changes(self, act: Callable[[], None]) -> None:
        """Do `act`; the picture and its words must become others."""
        before, words = self.picture, self.words
        act()
        self.notebook.eventually(lambda: self.picture != before and self.words != words)

    def options(self, label: str) -> list[str]:
        """What the dropdown with this label offers."""
        found = self._beside(label).locator("option").all_inner_texts()
        return [text.replace("\xa0", " ") for text in found]  # ipywidgets' blanks do not break

    def _beside(self, label: str) -> Locator:
        return self.output.locator(".widget-label", has_text=label).first.locator("xpath=..")
