"""Going through a page by keyboard alone: what has the focus, is it visible, has it a name?

`operate` takes a playground through it: every control is reached by Tab, named, visible and usable.
`assert_reachable` looks quickly at all playgrounds of a chapter: names, and where Tab may stop.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator

from tests.browser.lab import Notebook, Widget
from tests.chapter import Chapter

LONGEST_WAY = 200  # stops between the first control of a widget and its last

# The ring, shadow, border or ground of the element that has the focus. It may be drawn by its
# parent; so that one is looked at as well.
_STYLE = """(element) => [element, element.parentElement].map(part => {
    const style = getComputedStyle(part);
    const ring = style.outlineStyle === "none" || parseFloat(style.outlineWidth) === 0
        ? "" : [style.outlineStyle, style.outlineWidth, style.outlineColor].join(" ");
    return [ring, style.boxShadow, style.borderColor, style.backgroundColor].join("|");
}).join("||")"""

_ABOUT = r"""(element) => {
    const label = element.labels && element.labels[0];
    const box = element.closest(".widget-inline-hbox, .jupyter-widget-inline-hbox");
    const beside = box && box.querySelector("label, .widget-label");
    return {
        kind: element.getAttribute("role") || element.type || element.tagName.toLowerCase(),
        name: element.getAttribute("aria-label") || (label && label.innerText)
            || (element.tagName === "BUTTON" && element.innerText) || element.title || "",
        beside: beside ? beside.innerText.replace("\u200b", "") : "",
        editable: element.isContentEditable,
    };
}"""

_FOCUSED = f"() => ({_ABOUT})(document.activeElement)"

# Whatever can be operated, out of use or hidden ones left out; and whether Tab may stop there.
_CONTROLS = f"""(frame) => [...frame.querySelectorAll(
    "button, input, select, textarea, a[href], [role], [tabindex], [contenteditable=true]")]
    .filter(part => !part.disabled && part.checkVisibility({{visibilityProperty: true}}))
    .filter(part => !["status", "group", "presentation", "img"].includes(part.getAttribute("role")))
    .map(part => {{
        part.focus();
        const stop = part.tabIndex >= 0 || part.isContentEditable && !part.hasAttribute("tabindex");
        return {{...({_ABOUT})(part), reachable: stop && document.activeElement === part}};
    }})"""


@dataclass(frozen=True)
class Stop:
    """What has the focus: its kind (role), its name, and the label beside it."""

    kind: str
    name: str
    beside: str
    editable: bool
    visible: bool

    @property
    def called(self) -> str:
        return (self.name or self.beside).strip()


class Keyboard:
    """Tab, Space, Enter and arrows in a widget; the mouse is never used."""

    def __init__(self, notebook: Notebook, widget: Widget):
        self.page, self.widget = notebook.page, widget

    def enter(self) -> None:
        """Put the focus on the cell, as the arrow keys do; Tab leads into its output."""
        self.widget.cell.evaluate("cell => { cell.tabIndex = 0; cell.focus(); }")

    def stops(self) -> list[Stop]:
        """Everything in the widget that Tab reaches, in order."""
        self.enter()
        found: list[Stop] = []
        for _ in range(LONGEST_WAY):
            self.page.keyboard.press("Tab")
            if self.inside():
                found.append(self.focused())
            elif found:
                return found
        raise AssertionError(f"Tab does not lead out of the widget again: {found[-5:]}")

    def go_to(self, called: str, kind: str = "") -> None:
        """Tab until the control with that name, or that label beside it, has the focus."""
        self.enter()
        seen = []
        for _ in range(LONGEST_WAY):
            self.page.keyboard.press("Tab")
            if self.inside():
                found = self.page.evaluate(_FOCUSED)
                seen.append((found["name"] or found["beside"]).strip())
                if called in seen[-1] and kind in found["kind"]:
                    return
        raise AssertionError(f"Tab does not reach {called!r}; it reached {seen}")

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.page.keyboard.press(key)

    def choose(self, down: int) -> None:
        """Choose from the list that has the focus, so many options further down.

        Space opens it first: on a closed list JupyterLab takes the arrows to go to another cell.
        """
        for key in ("Space", *["ArrowDown"] * down, "Enter"):
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(400)

    def inside(self) -> bool:
        """Whether the focus lies in the widget."""
        return self.widget.output.evaluate("part => part.contains(document.activeElement)")

    def name(self) -> str:
        """The name of what has the focus."""
        return self.page.evaluate(_FOCUSED)["name"].strip()

    def focused(self) -> Stop:
        """What has the focus, and whether that can be seen."""
        found = self.page.evaluate(_FOCUSED)
        element = self.page.evaluate_handle("document.activeElement").as_element()
        with_focus = element.evaluate(_STYLE)
        element.evaluate("element => element.blur()")
        without = element.evaluate(_STYLE)
        # back by code, yet shown as by keyboard: a script's focus is visible if the last was
        element.evaluate("element => element.focus({focusVisible: true})")
        return Stop(**found, visible=with_focus != without)


def nameless(part: Locator) -> list[str]:
    """Lines of the accessibility tree with a control or picture that has no name.

    A slider is left out: the page gives its handle none (ipywidgets 8.1.9). The label stands before
    it in reading order, its number after it, and the field "settings" takes the same value typed.
    """
    kinds = ("button", "textbox", "combobox", "checkbox", "spinbutton", "img", "image")
    lines = [line.strip().removeprefix("- ") for line in part.aria_snapshot().splitlines()]
    return [line for line in lines
            if line.split(":")[0].split(" [")[0].strip() in kinds]


def assert_reachable(notebook: Notebook, number: str) -> None:
    """Every control of every playground of chapter `number` has a name, and Tab may stop there."""
    frames = notebook.page.locator(".mlm-frame")
    assert frames.count() == len(Chapter(number).tagged("playground")) > 0
    for frame in frames.all():
        title, controls = frame.inner_text().strip().partition("\n")[0], frame.evaluate(_CONTROLS)
        assert any(control["beside"] == "settings" for control in controls), title
        unreached = [control for control in controls if not control["reachable"]]
        unnamed = [control for control in controls
                   if not (control["name"] or control["beside"]).strip()]
        assert not unreached and not unnamed and not nameless(frame), (
            f"{title}: not reached {unreached}, not named {unnamed}, {nameless(frame)}")


def operate(notebook: Notebook, source: str, controls: list[str], screenshot: Callable) -> None:
    """Run the cell that holds `source` anew and use what it shows without a mouse.

    Args:
        controls: names of some that Tab must reach; "Run" among them: it trains.
        screenshot: the fixture that keeps one.
    """
    notebook.run_cell(source)
    widget = Widget(notebook, notebook.cell(source))
    keyboard = Keyboard(notebook, widget)
    stops = keyboard.stops()
    called = [stop.called for stop in stops]

    missing = [name for name in controls if not any(name in one for one in called)]
    assert not missing, f"Tab does not reach {missing}; it reaches {called}"
    assert all(called), f"a control has neither name nor label: {stops}"
    unseen = [stop.called for stop in stops if not stop.visible]
    assert not unseen, f"the focus cannot be seen on {unseen}"
    assert not nameless(widget.output)

    (_train if "Run" in controls else _draw)(notebook, widget, keyboard)
    screenshot(f"keyboard-{'run' if 'Run' in controls else 'draw'}-{len(stops)}", widget.output)


def _train(notebook: Notebook, widget: Widget, keyboard: Keyboard) -> None:
    before, picture = widget.field("settings"), widget.picture
    keyboard.go_to("learning rate", "slider")
    keyboard.press("ArrowLeft", 2)
    notebook.eventually(lambda: widget.field("settings") != before)

    keyboard.go_to("speed")
    keyboard.choose(3)  # "2 steps a second": it is not over before Pause
    assert keyboard.name() == "speed"
    keyboard.go_to("Run")
    keyboard.press("Enter")
    notebook.eventually(lambda: widget.step >= 2 and widget.picture != picture, seconds=60)
    assert keyboard.name() == "Pause"  # the focus stays on the button that now stops it
    keyboard.press("Space")
    notebook.eventually(lambda: widget.button("Run").is_visible())
    notebook.wait_until_idle()
    stopped = widget.step
    notebook.page.wait_for_timeout(700)
    assert widget.step == stopped

    keyboard.go_to("Step")
    keyboard.press("Space")
    notebook.eventually(lambda: widget.step == stopped + 1)
    keyboard.go_to("Reset")
    keyboard.press("Enter")
    notebook.eventually(lambda: widget.step == 0)

    # what has no arrows: a number is typed, a box is ticked with the space bar
    keyboard.go_to("seed")
    keyboard.press("Control+A")
    notebook.page.keyboard.type("7")
    keyboard.press("Tab")
    notebook.eventually(lambda: "seed=7" in widget.field("settings"))
    keyboard.go_to("train in the background")
    keyboard.press("Space")
    notebook.eventually(lambda: widget.button("Run steps").is_visible())
    keyboard.press("Space")
    notebook.eventually(lambda: not widget.button("Run steps").is_visible())


def _draw(notebook: Notebook, widget: Widget, keyboard: Keyboard) -> None:
    keyboard.go_to("clear")
    keyboard.press("Enter")
    pixel = widget.output.locator('button[title^="row 2, column 3:"]')
    notebook.eventually(lambda: pixel.get_attribute("title").endswith("empty"))
    picture, words = widget.picture, widget.words
    keyboard.go_to("row 2, column 3:")
    keyboard.press("Space")
    notebook.eventually(lambda: pixel.get_attribute("title").endswith("full"))
    notebook.eventually(lambda: widget.picture != picture and widget.words != words)
    before = widget.field("settings")
    keyboard.go_to("held-out digit", "slider")
    keyboard.press("ArrowRight", 3)
    notebook.eventually(lambda: widget.field("settings") != before)
