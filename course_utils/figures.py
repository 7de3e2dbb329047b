"""One look for the whole course, and the few kinds of picture that several chapters use.

A figure here belongs to whoever holds it: nothing is registered with pyplot, so that nothing shows
twice, leaks, or changes the look of other people's pictures.
"""

from __future__ import annotations

import base64
import html
import io
import math
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgb
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator
from PIL import Image

from .paths import headless

# Okabe and Ito's colours: told apart by people with any of the common colour visions.
COLORS: dict[str, Any] = {
    "train": "#0072B2",
    "held_out": "#D55E00",
    "yours": "#000000",
    "reference": "#7F7F7F",
    "minimum": "#009E73",
    "saddle": "#CC79A7",
    "maximum": "#E69F00",
    "warning": "#E69F00",
    # For curves without a fixed meaning, in this order. Only the first is free of other meanings:
    # take the later ones where no minimum, saddle or maximum is in the same picture. The last one
    # is not of the eight: their yellow cannot be seen on white.
    "extra": ["#56B4E9", "#CC79A7", "#009E73", "#E69F00", "#882255"],
}
TEXT_COLORS = {"train": "#0072B2", "held_out": "#C25400"}  # the same for words: dark enough to read
# Colour is never the only cue: ax.plot(x, y, color=COLORS["train"], **STYLES["train"]).
STYLES: dict[str, Any] = {
    "train": {"linestyle": "-"},
    "held_out": {"linestyle": "-."},
    "yours": {"linestyle": "-", "linewidth": 2.0},
    "reference": {"linestyle": "--"},
    "minimum": {"linestyle": "none", "marker": "o"},
    "saddle": {"linestyle": "none", "marker": "X"},
    "maximum": {"linestyle": "none", "marker": "^"},
    "warning": {"linestyle": ":"},
    "extra": [{"linestyle": s} for s in ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))],
}
SINGLE, PAIR = (6.0, 3.6), (9.0, 3.6)  # inches
DOTS_PER_INCH = 144  # stored, half as many again as shown: sharp on dense screens
SHOWN_PER_INCH = 96  # CSS pixels of an inch: 10 point in a figure is 10 point on the page
SPREAD = (0.1, 0.5, 0.9)  # over runs: the middle 80 % as a band, the median as a line
SHADE = {"alpha": 0.18, "linewidth": 0}  # of the band
LONGEST_ALT = 400  # characters: a screen reader reads it in one go

LOOK: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same everywhere
    "font.size": 10,
    "mathtext.fontset": "dejavusans",
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": matplotlib.cycler(
        color=[COLORS["train"], COLORS["held_out"], *COLORS["extra"][:4], COLORS["yours"]]
    ),
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "text.color": "black",
    "axes.labelcolor": "black",
}
SURFACE = LinearSegmentedColormap.from_list("surface", ["#FBFBF8", "#D5DDE0", "#9CAEB8"])
# Negative blue, zero white, positive vermillion.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [COLORS["train"], "white", COLORS["held_out"]])


class CourseAxes(Axes):
    """Axes whose title and legend have the course's sizes unless the caller says otherwise."""

    def clear(self) -> None:
        """As in matplotlib; the course's grid and ticks stay."""
        with matplotlib.rc_context(LOOK):
            super().clear()
        # Ticks are made when they are drawn, out of reach of the line above.
        self.tick_params(
            which="both", grid_color=LOOK["grid.color"], grid_linewidth=LOOK["grid.linewidth"],
            color=LOOK["xtick.color"], labelcolor=LOOK["xtick.labelcolor"],
            labelsize=LOOK["xtick.labelsize"],
        )

    def set_title(self, label: str, *args: Any, **kwargs: Any) -> Any:
        """As in matplotlib, at the course's title size."""
        if not {"fontsize", "size", "fontproperties"} & kwargs.keys():
            kwargs["fontsize"] = LOOK["axes.titlesize"]
        return super().set_title(label, *args, **kwargs)

    def legend(self, *args: Any, **kwargs: Any) -> Any:
        """As in matplotlib, small, on a white ground without a frame."""
        if not {"fontsize", "prop"} & kwargs.keys():
            kwargs["fontsize"] = 9
        return super().legend(*args, **{"edgecolor": "none", "framealpha": 0.85, **kwargs})


class CourseFigure(Figure):
    """A figure whose colour bars have the course's look too."""

    def colorbar(self, mappable: Any, *args: Any, **kwargs: Any) -> Any:
        """As in matplotlib, with few round tick values and no frame."""
        log = isinstance(mappable.norm, LogNorm)
        kwargs.setdefault("ticks", LogLocator(numticks=8) if log else MaxNLocator(6))
        with matplotlib.rc_context(LOOK):
            bar = super().colorbar(mappable, *args, **kwargs)
        bar.outline.set_visible(False)
        bar.minorticks_off()
        return bar


def new_figure(
    panels: int | tuple[int, int] = 1,
    *,
    size: tuple[float, float] | None = None,
    **subplots_kw: Any,
) -> tuple[Figure, Any]:
    """An empty figure in the course's look.

    Args:
        panels: how many panels side by side, or (rows, columns).
        size: width and height in inches; None gives 6 × 3.6 for one panel and 9 × 3.6 for more,
            and 9 wide, 3.3 a row, for several rows.
        subplots_kw: passed to `Figure.subplots` (sharey=True, width_ratios=…, subplot_kw=…).
    Returns:
        the figure and its Axes, or for more than one panel an array of Axes, shape (panels,) or
        (rows, columns).
    Raises:
        ValueError: `panels` or `size` is not positive.
    """
    rows, columns = panels if isinstance(panels, tuple) else (1, panels)
    if rows < 1 or columns < 1:
        raise ValueError(f"panels is {panels!r}; a figure has at least one panel")
    if size is None:
        size = SINGLE if rows * columns == 1 else PAIR if rows == 1 else (PAIR[0], 3.3 * rows)
    if not (len(size) == 2 and min(size) > 0 and np.isfinite(size).all()):
        raise ValueError(f"size is {size!r}; give width and height in inches, such as {SINGLE}")
    kind = dict(subplots_kw.pop("subplot_kw", None) or {})
    if not {"projection", "polar", "axes_class"} & kind.keys():
        kind["axes_class"] = CourseAxes
    with matplotlib.rc_context(LOOK):
        figure = CourseFigure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, subplot_kw=kind, **subplots_kw)
    return figure, axes


@dataclass(frozen=True)
class Picture:
    """A finished picture with its text alternative; a notebook shows it at its natural size.

    Attributes:
        png: the file's bytes.
        alt: what is to be seen, in words.
        width, height: size on the page in CSS pixels.
    """

    png: bytes
    alt: str
    width: int
    height: int

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        encoded = base64.b64encode(self.png).decode("ascii")
        data = {"text/plain": repr(self), "image/png": encoded}
        if not headless():  # JupyterLab shows image/png without its words, HTML with them
            data["text/html"] = (
                f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(self.alt)}" '
                f'width="{self.width}" height="{self.height}" style="max-width:100%;height:auto">'
            )
        return data, about_picture(self.width, self.height, self.alt)


def about_picture(width: int, height: int, alt: str) -> dict[str, Any]:
    """An output's metadata for a picture: its size in CSS pixels, and its words for readers."""
    picture = {"width": width, "height": height, "alt": alt}
    return {"image/png": picture, "needs_background": "light"}


def show(fig: Figure, alt: str) -> Picture:
    """Turn a figure into the picture that a cell shows; make it the cell's last expression.

    Args:
        fig: what `new_figure` gave.
        alt: what is to be seen, in words, for readers who cannot see it: at most 400 characters,
            no measured number that another seed or computer would change. It is read as a sentence:
            a capital letter and a full stop are added where they are missing.
    Raises:
        TypeError: `fig` is not a figure, or `alt` not text.
        ValueError: `alt` is empty or too long.
    """
    if not isinstance(fig, Figure):
        kind = type(fig).__name__
        raise TypeError(f"show takes the figure, not {kind}: fig, ax = new_figure(); show(fig, …)")
    if not isinstance(alt, str):
        raise TypeError(f"alt is {type(alt).__name__}; say in words what is to be seen")
    alt = " ".join(alt.split())
    if not alt:
        raise ValueError("alt is empty; say in words what is to be seen, e.g. 'the loss falls'")
    if len(alt) > LONGEST_ALT:
        raise ValueError(f"alt has {len(alt)} characters; say it in {LONGEST_ALT} or fewer")
    width, height = (round(inches * SHOWN_PER_INCH) for inches in fig.get_size_inches())
    return Picture(_png(fig), sentence(alt), width, height)


def sentence(text: str) -> str:
    """The text with a capital letter at its beginning and a full stop at its end.

    A symbol stays as it is: w and λ are not W and Λ.
    """
    first = text.partition(" ")[0].rstrip(",;:")
    begin = text[:1].upper() if len(first) > 1 and first.replace("-", "").isalpha() else text[:1]
    return begin + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def percent(share: float) -> str:
    """A probability in words, one decimal; what is neither 0 nor 1 is never called so."""
    if 0 < share < 0.0005:
        return "under 0.1%"
    return "over 99.9%" if 0.9995 <= share < 1 else f"{share:.1%}"


def luminance(color: Any) -> float:
    """How bright a colour is to the eye, from 0 (black) to 1 (white); WCAG 2.1's definition."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def ink_on(color: Any) -> str:
    """ "black" or "white": whichever is easier to read on this colour; at least 4.58 : 1."""
    bright = luminance(color) + 0.05
    return "black" if bright / 0.05 >= 1.05 / bright else "white"


def _png(fig: Figure) -> bytes:
    """The figure as a small PNG: a palette for drawings, all colours for photographs."""
    raw = io.BytesIO()
    fig.savefig(raw, format="raw", dpi=DOTS_PER_INCH, facecolor="white")
    width, height = (int(inches * DOTS_PER_INCH) for inches in fig.get_size_inches())
    return small_png(Image.frombytes("RGBA", (width, height), raw.getvalue()).convert("RGB"))


def small_png(picture: Image.Image) -> bytes:
    """An RGB picture as a PNG file for storing: a palette where that changes nothing visible."""
    out = io.BytesIO()
    # the highest level saves a tenth of the bytes and takes five times as long
    _with_few_colours(picture).save(out, format="png", compress_level=7)
    return out.getvalue()


def _with_few_colours(picture: Image.Image, colours: int = 128, photo: int = 8192) -> Image.Image:
    """The picture with a palette, or as it is if it holds more than `photo` colours.

    The quantiser returns cluster means, which tint the white ground; each is replaced by the
    commonest colour of its cluster, so that ground and lines keep exactly the colours they had.
    """
    counted = picture.getcolors(photo)
    if counted is None:
        return picture
    few = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    row = Image.new("RGB", (len(counted), 1))
    row.putdata([colour for _, colour in counted])
    palette = few.getpalette()
    clusters = row.quantize(palette=few, dither=Image.Dither.NONE).tobytes()
    for (_, colour), cluster in sorted(zip(counted, clusters, strict=True)):  # commonest last
        palette[3 * cluster : 3 * cluster + 3] = colour
    few.putpalette(palette)
    return few


def band(
    ax: Axes, x: Any, runs: Any, *, color: str, label: str, linestyle: str = "-"
) -> tuple[Line2D, PolyCollection]:
    """Spread over runs: the median as a line, the middle 80 % (10th to 90th percentile) as a band.

    Args:
        ax: where to draw.
        x: shape (n,).
        runs: shape (R, n), one row a run (a seed); tensors and arrays alike.
    Returns:
        the line and the band.
    Raises:
        ValueError: shapes do not fit, there is no run, or a value is not finite (a band would
            hide the runs that diverged: count and say them, then leave them out).
    """
    x, runs = _array(x), _array(runs)
    if runs.ndim != 2 or x.ndim != 1 or runs.shape[1:] != x.shape or not len(runs):
        raise ValueError(
            f"band needs runs of shape (R, {x.size}), one row a run, for x of shape ({x.size},); "
            f"it got runs {runs.shape} and x {x.shape}"
        )
    if not np.isfinite(runs).all():
        bad = int((~np.isfinite(runs).all(axis=1)).sum())
        raise ValueError(f"{bad} of {len(runs)} runs hold NaN or infinity; say so, leave them out")
    low, middle, high = np.quantile(runs, SPREAD, axis=0)
    (line,) = ax.plot(x, middle, color=color, label=label, linestyle=linestyle)
    return line, ax.fill_between(x, low, high, color=color, **SHADE)


def contour(
    ax: Axes, X: Any, Y: Any, Z: Any, log: bool = False, levels: int = 18
) -> QuadContourSet:
    """A surface from above: quiet colours, thin contour lines; paths and points go on top.

    Args:
        ax: where to draw.
        X, Y: shape (columns,) and (rows,), or both (rows, columns).
        Z: shape (rows, columns): the height.
        log: contour lines at equal ratios instead of equal distances, for valleys of many depths.
        levels: about how many steps from lowest to highest; they fall on round numbers.
    Returns:
        the filled contours, for `fig.colorbar`.
    Raises:
        ValueError: nothing finite in Z, Z constant, or log with Z ≤ 0.
    """
    X, Y, Z = _array(X), _array(Y), np.ma.masked_invalid(_array(Z))
    if Z.mask.all() or Z.min() == Z.max():
        raise ValueError("contour needs at least two different finite heights in Z")
    low, high = float(Z.min()), float(Z.max())
    if log and low <= 0:
        raise ValueError(f"log=True needs heights above 0; the lowest is {low:g}: add an offset")
    if log:
        steps, norm = _equal_ratios(low, high, levels), LogNorm()
    else:
        steps, norm = MaxNLocator(levels).tick_values(low, high), None
    filled = ax.contourf(X, Y, Z, levels=steps, cmap=SURFACE, norm=norm)
    ax.contour(X, Y, Z, levels=steps, colors="#6E7F88", linewidths=0.5, linestyles="solid")
    ax.grid(False)
    return filled


def _equal_ratios(low: float, high: float, levels: int) -> np.ndarray:
    """About `levels` heights from `low` to `high` and just beyond, powers of ten among them."""
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    parts = max(1, round(levels / max(0.2, math.log10(high / low))))  # of a decade
    steps = 10.0 ** (np.arange(bottom * parts, top * parts + 1) / parts)
    first = max(0, np.searchsorted(steps, low, side="right") - 1)
    return steps[first : np.searchsorted(steps, high) + 1]


def path(
    ax: Axes, xy: Any, color: str, label: str | None = None, linestyle: str = "-"
) -> tuple[Line2D, Line2D, Line2D]:
    """The way of a point over a surface: a line with a dot at the start and a ring at the end.

    Args:
        ax: where to draw.
        xy: shape (n, 2), n ≥ 1, the places in order.
    Returns:
        line, dot, ring.
    Raises:
        ValueError: `xy` is not of shape (n, 2).
    """
    xy = _array(xy)
    if xy.ndim != 2 or xy.shape[1] != 2 or not len(xy):
        raise ValueError(f"path needs places of shape (n, 2), n ≥ 1; it got shape {xy.shape}")
    (line,) = ax.plot(*xy.T, color=color, label=label, linestyle=linestyle, zorder=3)
    (dot,) = ax.plot(*xy[0], "o", color=color, markersize=6, zorder=4)
    (ring,) = ax.plot(
        *xy[-1], "o", markeredgecolor=color, markerfacecolor="white", markersize=8, zorder=4,
        markeredgewidth=1.8,
    )  # fmt: skip
    return line, dot, ring


def move_path(artists: tuple[Line2D, Line2D, Line2D], xy: Any) -> None:
    """Show another way with the artists that `path` returned.

    Args:
        artists: line, dot, ring.
        xy: shape (n, 2), n ≥ 1, the places in order.
    """
    xy = _array(xy)
    for artist, part in zip(artists, (xy, xy[:1], xy[-1:]), strict=True):
        artist.set_data(*part.T)


def _array(values: Any) -> np.ndarray:
    """Numbers as a NumPy array of floats; a tensor may need gradients or live on a GPU."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=float)
