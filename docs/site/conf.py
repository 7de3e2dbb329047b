"""How Sphinx makes the pages. `python course.py site` copies this folder, adds chapters, ledger,
glossary and API to the copy, and runs Sphinx on it; nothing is fetched, then or by a reader."""

import os
import re

from sphinx.search.en import SearchEnglish

project = "Machine Learning, Measured"
author = "The Machine Learning, Measured authors"
copyright = "2026, The Machine Learning, Measured authors"
html_title = project
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
root_doc = "index"
templates_path = ["_templates"]

# Chapters are stored with their results; no page may depend on who builds it.
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the set-up"                 # only bootstrap and imports are folded
nb_code_prompt_hide = "Hide the set-up"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Everything a page needs lies beside it. MathJax is copied there from an installed package.
mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}    # the menu would fetch further scripts

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
maximum_signature_line_length = 60
napoleon_custom_sections = [("Source", "returns_style")]
add_module_names = False
napoleon_use_ivar = True                                # else a named tuple's fields appear twice
# config.cache: this file holds a class; ref.python: a package shows what a module of it defines
suppress_warnings = ["config.cache", "ref.python"]

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}                 # light or dark, as the reader's system
html_theme_options = {
    "repository_url": os.environ.get("COURSE_REPOSITORY", ""),
    "use_repository_button": bool(os.environ.get("COURSE_REPOSITORY")),
    "use_download_button": False,                       # chapters have buttons of their own
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "extra_footer": "Code: MIT. Text and figures: CC BY 4.0. Formulas are drawn by MathJax "
                    "(Apache License 2.0).",
}

HAN = re.compile(r"[\u3400-\u9fff]{3,}")


class SearchWithChinese(SearchEnglish):
    """English search that also finds two Chinese characters inside a longer run.

    Chinese puts no spaces between words. A query of three characters or more is looked for inside
    the words of the index anyway, one of two is not: so each run is indexed in pairs, too.
    """

    def split(self, input):
        words = super().split(input)
        runs = HAN.findall(input)
        return words + [run[at:at + 2] for run in runs for at in range(len(run) - 1)]


def plain_docstring(app, what, name, obj, options, lines):
    """Docstrings are plain text with backticks: what reStructuredText reads as a mark is none."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else escaped(line)
                for line in listed_returns(lines)]


def escaped(line):
    """`line` with single backticks as literals, other marks taken as they are."""
    parts = re.split(r"(`+[^`]+`+)", line)
    return "".join(f"``{part.strip('` ')}``" if part.startswith("`") and part.strip("` ")
                   else re.sub(r"(?<!\\)([*|]|(?<=\w)_(?!\w))", r"\\\1", part) for part in parts)


def listed_returns(lines):
    """The section "Returns:" as a list of what is returned: it may name several things."""
    made, inside = [], False
    for line in lines:
        if line.strip() in ("Returns:", "Yields:"):
            inside = True
            made += ["", line.strip() + " ", ""]         # the blank: napoleon leaves it alone
        elif inside and line.startswith("    ") and line.strip():
            new = re.match(r"    \w[\w, ]*(?:\([^)]*\))?[\w, ]*: ", line) or made[-1] == ""
            made.append(("- " if new else "  ") + line.strip())
        else:
            if inside:
                made.append("")
            inside = False
            made.append(line)
    return made


def setup(app):
    app.add_search_language(SearchWithChinese)
    # before napoleon, which adds marks of its own
    app.connect("autodoc-process-docstring", plain_docstring, priority=100)
