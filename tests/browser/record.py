"""The moving pictures of the README, recorded from the playgrounds in a real browser.

    python -m tests.browser.record                  all three, into docs/
    python -m tests.browser.record saddle           one of them

Each is taken from screenshots of a page of `course.py play`: what is shown is what a reader gets.
Needs Chromium and Voilà, as the browser tests do.
"""

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from PIL import Image

from tests.browser.lab import CHROMIUM_FLAGS, Widget
from tests.browser.play import Playgrounds, PlayPage
from tools.chapters import ROOT
from tools.test import find_chromium, why_no_browser

DOCS = ROOT / "docs"
MAX_BYTES = 2_000_000
WIDTH = 900                                     # pixels; what a README shows without scaling
Frames = Iterator[Image.Image]


def look(widget: Widget) -> Image.Image:
    """What the widget looks like now."""
    picture = Image.open(io.BytesIO(widget.output.screenshot())).convert("RGB")
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.LANCZOS)


def training(opened: PlayPage) -> Frames:
    """Pieces find their places."""
    return played(opened.widget("Pieces that find their places"), slow=8, most=36)


def saddle(opened: PlayPage) -> Frames:
    """Gradient descent walks to the saddle, lingers, and leaves."""
    return played(opened.widget("Lingering at a saddle"), slow=10, most=40)


def played(live: Widget, slow: int, most: int) -> Frames:
    """A playground trains: `slow` frames at ten steps a second, then at full speed to its end."""
    live.choose("speed", "10 steps a second")
    yield from [look(live)] * 3
    live.press("Run")
    for number in range(most):
        if number == slow:
            live.choose("speed", "full speed")
        yield look(live)
        if live.button("Run").is_visible():
            break
    yield from [look(live)] * 6


def attention(opened: PlayPage) -> Frames:
    """A sentence is typed; word by word, where does each one look?"""
    explore = opened.widget("Where does each word look?")
    yield from [look(explore)] * 4
    for sentence, key in (("They have to work hard at work .", "ArrowRight"),
                          ("They have the work hard at work .", "ArrowLeft")):
        explore.changes(lambda text=sentence: explore.type("your sentence", text))
        yield from [look(explore)] * 3
        for _ in range(4):
            explore.changes(lambda way=key: explore.move("word that looks", way))
            yield from [look(explore)] * 2


# name of the file -> (chapter, recording, milliseconds a frame)
PICTURES: dict[str, tuple[str, Callable[[PlayPage], Frames], int]] = {
    "training": ("02", training, 180),
    "saddle": ("04", saddle, 180),
    "attention": ("11", attention, 500),
}


def write_gif(frames: Frames, path: Path, milliseconds: int) -> int:
    """Write the frames as a GIF that repeats for ever; returns its bytes.

    All frames share one palette, so that areas that do not change do not flicker, and are cut to
    the smallest frame's height.
    """
    taken = list(frames)
    height = min(frame.height for frame in taken)
    taken = [frame.crop((0, 0, WIDTH, height)) for frame in taken]
    sample = Image.new("RGB", (WIDTH, 3 * height))
    for place, frame in enumerate((taken[0], taken[len(taken) // 2], taken[-1])):
        sample.paste(frame, (0, place * height))
    palette = sample.quantize(96, method=Image.Quantize.MEDIANCUT)
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in taken]
    flat[0].save(path, save_all=True, append_images=flat[1:], duration=milliseconds, loop=0,
                 optimize=True)
    return path.stat().st_size


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.record", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", choices=[[], *PICTURES], help="which; all if none")
    names = parser.parse_args(arguments).name or list(PICTURES)
    if missing := why_no_browser(os.environ):
        print(f"record: {missing}", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    numbers, too_large = sorted({PICTURES[name][0] for name in names}), False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, \
            closing(Playgrounds(Path(scratch), numbers)) as served, \
            sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(os.environ),
                                             headless=True, args=CHROMIUM_FLAGS)
        for name in names:
            number, frames, milliseconds = PICTURES[name]
            page = browser.new_page(viewport={"width": 1180, "height": 1000})
            opened = PlayPage(page, served.address(number), seconds=900)
            size = write_gif(frames(opened), DOCS / f"{name}.gif", milliseconds)
            page.close()
            too_large |= size >= MAX_BYTES
            print(f"docs/{name}.gif: {size / 1e6:.2f} MB", flush=True)
        browser.close()
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
