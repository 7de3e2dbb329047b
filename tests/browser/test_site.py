"""The site as a reader meets it. Chapter 11 is built in full, the others as their titles, which is
quick. For all of them: python course.py site, then this file with COURSE_SITE=build/site/html.
"""

import functools
import http.server
import os
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.chapter import Chapter
from tools import chapters, site

pytest.importorskip("sphinx", reason="install requirements-site.txt")
pytest.importorskip("myst_nb", reason="install requirements-site.txt")

CHAPTER = "chapters/11_self_attention.html"
PLAYGROUNDS = len(Chapter("11").tagged("playground"))
PAGES = ["index.html", CHAPTER, "claims.html", "glossary.html", "api/cards.html"]
MADE = os.environ.get("COURSE_SITE", "")


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder of the pages; made without a warning."""
    if MADE:
        return chapters.ROOT / MADE
    folder = tmp_path_factory.mktemp("site")
    assert site.build(folder, chapters.choose(["11"]), repository="") == 0
    return folder / "html"


@pytest.fixture(scope="module")
def address(pages):
    handler = functools.partial(Silent, directory=str(pages))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def reader(page, address):
    """Opens a page; notes errors of scripts and whatever is asked of another place."""
    trouble = []
    page.on("console", lambda message: trouble.append(message.text)
            if message.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(f"failed: {request.url}"))
    page.on("request", lambda request: None if request.url.startswith((address, "data:", "blob:"))
            else trouble.append(f"elsewhere: {request.url}"))

    def open_page(name):
        page.goto(address + name)
        page.wait_for_load_state("networkidle")
        return page

    yield open_page
    assert trouble == []


class Links(HTMLParser):
    """What a page links to or shows, and the places in it."""

    def __init__(self, path):
        super().__init__()
        self.targets, self.places = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.places |= {known[name] for name in ("id", "name") if known.get(name)}
        self.targets += [known[name] for name in ("href", "src") if known.get(name)]


def broken(pages: Path) -> list[str]:
    """Links, pictures and scripts that lead nowhere inside the site."""
    files = {path.relative_to(pages).as_posix(): Links(path) for path in pages.rglob("*.html")
             if "_static" not in path.relative_to(pages).parts}
    found = []
    for name, links in files.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(urlsplit(urljoin(name, target)).path) or name
            place = unquote(parts.fragment)
            if not (pages / path).is_file():
                found.append(f"{name}: {target}")
            elif place and path in files and place not in files[path].places:
                found.append(f"{name}: {target} (no such place)")
    assert len(files) >= len(chapters.notebooks()) + 4
    return found


def test_no_link_and_no_picture_leads_nowhere(pages):
    assert broken(pages) == []


def test_nothing_is_fetched_from_elsewhere(pages):
    """Scripts, styles and pictures; a text may link to the world."""
    for path in pages.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert 'src="http' not in text and 'src="//' not in text, path.name
        assert 'rel="stylesheet" type="text/css" href="http' not in text, path.name


def test_a_chapter_shows_formulas_pictures_and_what_is_live(reader, screenshot):
    page = reader(CHAPTER)
    page.wait_for_function("document.querySelectorAll('mjx-container').length > 2")
    page.evaluate("MathJax.startup.promise")      # all formulas are drawn
    assert page.locator("mjx-container").count() == page.locator("span.math, div.math").count() > 3
    assert page.locator("mjx-merror, [data-mml-node=merror]").count() == 0

    pictures = page.locator("figure.still img")
    for at in range(pictures.count()):            # they load when they come near
        pictures.nth(at).scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('figure.still img')]"
                           ".every(i => i.complete && i.naturalWidth > 0 && i.alt)")
    captions = page.locator("figure.still figcaption")
    assert captions.count() == PLAYGROUNDS > 0    # below each of them, and nothing else
    assert all("python course.py lab 11" in text for text in captions.all_inner_texts())
    screenshot("site-playground", captions.first.locator("xpath=.."))

    assert page.locator(".buttons a").all_inner_texts() == ["Download the notebook"]
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)
    screenshot("site-chapter")


def test_a_words_first_use_leads_to_the_glossary(reader, screenshot):
    page = reader(CHAPTER)
    page.locator("a:has(> .std-term)", has_text="softmax").first.click()
    page.wait_for_url("**/glossary.html#*")
    entry = page.locator("dt:target")
    assert "softmax" in entry.inner_text()
    screenshot("site-glossary")


@pytest.mark.parametrize(("words", "where"), [
    ("context", "Self-attention"), ("softmax", "glossary"), ("自注意力", "glossary"),
    ("權重", "glossary"), ("的梯", "Claims")])
def test_search_finds_english_and_chinese(reader, words, where):
    page = reader(f"search.html?q={words}")
    page.wait_for_selector("#search-results ul.search li")
    page.wait_for_function(
        "document.querySelector('.search-summary')?.textContent.includes('found')", timeout=30_000)
    found = " ".join(page.locator("#search-results li").all_inner_texts())
    assert where.lower() in found.lower()


def test_the_ledger_is_filtered_and_sorted(reader, screenshot):
    page = reader("claims.html")
    rows = page.locator("table.ledger tbody tr:not([hidden])")
    count, total = page.locator("#ledger-count"), rows.count()
    assert total > 90 and f"{total} of {total}" in count.inner_text()

    page.locator("[name=verdict]").select_option("holds when")
    assert 0 < rows.count() < total
    assert {row.get_attribute("data-verdict") for row in rows.all()} == {"holds when"}
    assert f"{rows.count()} of {total}" in count.inner_text()
    screenshot("site-claims")

    page.locator("[name=verdict]").select_option("")
    page.locator("[name=chapter]").select_option("05")
    page.locator("[name=words]").fill("批次")
    assert 0 < rows.count() < 20
    page.locator("[name=chapter]").select_option("")
    page.locator("[name=words]").fill("")

    head = page.locator("table.ledger th", has_text="Verdict")
    for direction in ("ascending", "descending"):
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == direction
        shown = [row.get_attribute("data-verdict") for row in rows.all()]
        assert shown == sorted(shown, reverse=direction == "descending")


@pytest.mark.parametrize("name", PAGES)
def test_it_is_read_on_a_narrow_page(reader, page, screenshot, name):
    page.set_viewport_size({"width": 360, "height": 740})
    reader(name)
    page.wait_for_timeout(500)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    screenshot(f"site-narrow-{Path(name).stem}")


LUMINANCE = """element => {
    const channels = text => (text.match(/[\\d.]+/g) || [0, 0, 0]).slice(0, 3).map(Number);
    const light = text => channels(text).reduce((a, b) => a + b) / 3;
    return [light(getComputedStyle(element).color),
            light(getComputedStyle(document.body).backgroundColor)];
}"""


@pytest.mark.parametrize("name", [CHAPTER, "claims.html"])
def test_dark_pages_have_light_words_and_figures_on_white(reader, page, screenshot, name):
    page.add_init_script("localStorage.setItem('mode', 'dark');"
                         "localStorage.setItem('theme', 'dark')")
    reader(name)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    for place in (".bd-article p", "[role=group][style]" if name == CHAPTER else "td"):
        words, ground = page.locator(place).first.evaluate(LUMINANCE)
        assert words > 150 and ground < 60, place
    picture = page.locator("figure.still img")
    if picture.count():
        picture.first.scroll_into_view_if_needed()
        assert picture.first.evaluate("i => getComputedStyle(i).backgroundColor") == (
            "rgb(255, 255, 255)")
        page.wait_for_timeout(500)
    screenshot(f"site-dark-{Path(name).stem}")
