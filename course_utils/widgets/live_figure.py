"""A Matplotlib picture that changes without flicker and without redrawing what stays.

Axes, contours and data are drawn once and kept as a background; the artists that move are drawn on
a copy of it (blitting), and the pixels go to the page as the value of an `ipywidgets.Image`.
"""

import html
import io
import re
from collections.abc import Sequence
from typing import Any

import ipywidgets
import traitlets
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from ..figures import about_picture, sentence, small_png

CSS_DPI = 96  # a CSS pixel is 1/96 inch
_HYPHEN = re.compile(r"(?<![\w.])-(?=\d)")  # before a number it is a minus sign


class NamedImage(ipywidgets.Image):
    """A picture with a name for screen readers.

    ipywidgets gives an Image no alternative text, but puts its tooltip into the page; for that the
    page asks for the length of a `description`, which an Image lacks (ipywidgets 8.1.9).
    """

    description = traitlets.Unicode("").tag(sync=True)
    tooltip = traitlets.Unicode("").tag(sync=True)


class LiveFigure:
    """`fig` as a widget picture, with one line of words beside it for those who cannot see it.

    Args:
        fig: an Agg figure; its size in inches gives the displayed size.
        animated: the artists that move between redraws. Everything else is background.
        alt: what the picture shows now, one sentence.
        name: what the picture is of, in a few words that stay.
        scale: rendered pixels per displayed pixel; 2 is sharp on dense screens.

    `widget` is what to display. Artists are changed in place, then `redraw()`.
    """

    def __init__(
        self, fig: Figure, animated: Sequence[Artist] = (), *, alt: str, name: str = "Picture",
        scale: float = 2.0,
    ):
        if not alt.strip():
            raise ValueError("alt is empty: say in one sentence what the picture shows")
        self.fig = fig
        self.name = name
        self.canvas = FigureCanvasAgg(fig)
        width, height = fig.get_size_inches()
        fig.set_dpi(CSS_DPI * scale)
        self._animated: list[Artist] = []
        self._background, self._legends = None, []
        self._view: list[tuple] = []
        self.image = NamedImage(
            format="png", tooltip=f"{name}: the words below say what is to be seen",
            layout={"width": f"{width * CSS_DPI:.0f}px", "max_width": "100%",
                    "object_fit": "contain"},
        )
        self._alt = ""
        self._alt_line = ipywidgets.HTML()
        self.widget = ipywidgets.VBox(
            [self.image, self._alt_line],
            layout={"flex": "1 1 580px", "max_width": f"{width * CSS_DPI + 8:.0f}px",
                    "overflow": "hidden", "min_width": "0"},
        )
        self.animate(animated)
        self.redraw(alt)

    @property
    def alt(self) -> str:
        """What the picture shows now, in words."""
        return self._alt

    def say(self, text: str) -> None:
        """Change the line of words; a screen reader reads it out when it is idle."""
        text = _HYPHEN.sub("−", text)
        if text != self._alt:
            self._alt = text
            line = html.escape(text)
            self._alt_line.value = f'<div role="status" aria-live="polite">{line}</div>'

    def animate(self, artists: Sequence[Artist]) -> None:
        """Replace the set of artists that move."""
        for artist in self._animated:
            artist.set_animated(False)
        self._animated = list(artists)
        for artist in self._animated:
            artist.set_animated(True)
        self._background = None

    def redraw(self, alt: str | None = None, *, full: bool = False, moving: bool = False) -> None:
        """Send the figure as it is now.

        Args:
            alt: the new sentence, if it changed.
            full: draw the background anew. Done by itself when an axis limit, scale or the
                figure's size changed.
            moving: one frame of many: JPEG, which encodes several times faster than PNG.
        """
        self._render(full)
        kind = "jpeg" if moving else "png"
        pixels = self._encode(kind)
        with self.image.hold_sync():
            self.image.format = kind
            self.image.value = pixels
        if alt is not None:
            self.say(alt)

    def png(self) -> bytes:
        """The picture as a small PNG file, for storing."""
        self._render(full=False)
        return small_png(self._picture().convert("RGB"))

    def about(self) -> dict[str, Any]:
        """The metadata of `png()` in an output: its size on the page, its name and its words."""
        width, height = (round(inches * CSS_DPI) for inches in self.fig.get_size_inches())
        name = self.name if self.name.endswith(("?", "!")) else f"{self.name}:"
        return about_picture(width, height, sentence(f"{name} {self.alt}"))

    def release(self) -> None:
        """Give the memory of the pixels back, megabytes a picture; a later redraw takes it anew."""
        self._background, self._legends = None, []
        self.canvas = FigureCanvasAgg(self.fig)
        for text in self.fig.findobj(Text):
            text._renderer = None  # each one that was drawn keeps the old canvas' pixels
        self.image.value = b""

    def _render(self, full: bool) -> None:
        view = self._current_view()
        if full or self._background is None or view != self._view:
            self.canvas.draw()  # leaves out animated artists
            # The layout is settled once: a longer tick label must not make the picture jump.
            self.fig.set_layout_engine("none")
            self._background = self.canvas.copy_from_bbox(self.fig.bbox)
            self._legends = [self.canvas.copy_from_bbox(box) for box in self._legend_boxes()]
            self._view = self._current_view()  # drawing may settle the limits
        self.canvas.restore_region(self._background)
        for artist in sorted(self._animated, key=lambda a: a.get_zorder()):
            (artist.axes or self.fig).draw_artist(artist)
        for legend in self._legends:  # back on top of what moves
            self.canvas.restore_region(legend)

    def _legend_boxes(self) -> list[Bbox]:
        """Where legends stand that do not move themselves."""
        legends = [ax.get_legend() for ax in self.fig.axes]
        boxes = [Bbox.intersection(legend.get_window_extent(), self.fig.bbox)
                 for legend in legends if legend is not None and legend not in self._animated]
        return [box for box in boxes if box is not None]

    def _current_view(self) -> list[tuple]:
        size = (*self.fig.get_size_inches(), self.fig.dpi)
        return [size] + [
            (*ax.get_xlim(), *ax.get_ylim(), ax.get_xscale(), ax.get_yscale())
            for ax in self.fig.axes
        ]

    def _picture(self) -> Image.Image:
        pixels = self.canvas.buffer_rgba()  # opaque, so its fourth byte can be passed over
        size = pixels.shape[1], pixels.shape[0]
        return Image.frombuffer("RGBX", size, pixels, "raw", "RGBX", 0, 1)  # not a copy

    def _encode(self, kind: str) -> bytes:
        picture, buffer = self._picture(), io.BytesIO()
        if kind == "jpeg":
            # colour at half resolution: at two rendered pixels a shown one, nothing is lost
            picture.save(buffer, "JPEG", quality=85, subsampling="4:2:0")
        else:
            picture.convert("RGB").save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()
