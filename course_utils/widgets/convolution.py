"""Pictures of chapter 10's playgrounds; what they compute is the learner's, handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from torch import Tensor

from ..convolution_pictures import GAP, GREY, SIGNED, around, limits, mosaic
from ..figures import COLORS, percent

Updater = Callable[[Mapping[str, Any]], str]
Layers = list[tuple[int, int]]

WRONG = 9  # wrong answers that are shown


def kernel_picture(
    photos: Mapping[str, Tensor], feature_map: Callable[[Tensor, Tensor], Tensor]
) -> Callable:
    """Left: a photograph. Right: what the filter of nine sliders answers.

    Args:
        photos: name → (height, width), 0 … 1, all of one size.
        feature_map: feature_map(filter (3, 3), photograph) -> map.
    Returns:
        picture for two panels; its settings are photo, relu, and w0 … w8, the weights row by row.
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        first = next(iter(photos.values()))
        shown = [ax.imshow(np.zeros(first.shape), cmap=cmap, interpolation="nearest")
                 for ax, cmap in zip(axes, (GREY, SIGNED), strict=True)]
        for ax, title in zip(axes, ("photograph", "feature map (negative: blue)"), strict=True):
            ax.set(title=title, xticks=[], yticks=[])
            ax.grid(False)

        def update(settings: Mapping[str, Any]) -> str:
            photo = photos[settings["photo"]]
            kernel = torch.tensor([float(settings[f"w{i}"]) for i in range(9)]).view(3, 3)
            answer = feature_map(kernel, photo)
            if settings["relu"]:
                answer = answer.relu()
            values = answer.numpy()
            signed = bool(values.min() < 0)  # else in grey, as the photograph
            shown[1].set_cmap(SIGNED if signed else GREY)
            for image, data, both in ((shown[0], photo.numpy(), False), (shown[1], values, signed)):
                image.set_data(data)
                image.set_clim(*limits(data, both))
            rows = "; ".join(" ".join(f"{w:.3g}" for w in row) for row in kernel.tolist())
            return (f"Filter [{rows}], sum {float(kernel.sum()):.3g}, on the photograph "
                    f"“{settings['photo']}”{', then ReLU' if settings['relu'] else ''}: answers "
                    f"from {values.min():.2f} to {values.max():.2f}, "
                    f"{(values < 0).mean():.0%} below zero.")

        return shown, update

    return picture


def field_picture(
    photo: Tensor, layers_of: Callable[[Any], Layers], influence: Callable[..., Tensor],
    field_side: Callable[[Layers], int], effective_side: Callable[[Tensor], float],
    weight_count: Callable[[Any], int],
) -> Callable:
    """Left: a photograph under the eye of one neuron. Right: how much each pixel of a row counts.

    Args:
        photo: (size, size), its middle pixel is the neuron's place.
        layers_of: settings -> [(kernel, stride), …].
        influence: influence(layers, size, nets=) -> (size, size), not negative.
        field_side, effective_side: sides of the squares, from the layers and from the influence.
        weight_count: settings -> weights of the tower.
    Returns:
        picture for two panels.
    """
    size = len(photo)
    middle = size // 2

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        left, right = axes
        left.imshow(photo.numpy(), cmap="gray")
        left.set(title="what one neuron sees", xticks=[], yticks=[], xlim=(-0.5, size - 0.5),
                 ylim=(size - 0.5, -0.5))
        left.grid(False)
        blob = left.imshow(np.zeros((size, size, 4)))
        squares = [left.plot([], [], style, color=color, linewidth=2)[0] for style, color in
                   (("-", COLORS["train"]), ("--", COLORS["held_out"]))]
        (profile,) = right.plot([], [], color=COLORS["yours"], label="gradient")
        edges = [right.plot([], [], style, color=color, label=label)[0] for style, color, label in
                 (("-", COLORS["train"], "field"),
                  ("--", COLORS["held_out"], "effective field"))]
        right.set(title="gradient, column by column", xlabel="pixels from the middle",
                  ylabel="share of the largest", xlim=(-middle, middle), ylim=(0, 1.45))
        right.legend(loc="upper center", fontsize=8)

        def update(settings: Mapping[str, Any]) -> str:
            layers = layers_of(settings)
            strength = influence(layers, size, nets=4)
            side, effective = field_side(layers), effective_side(strength)
            colour = np.zeros((size, size, 4))
            colour[..., :3] = (0.9, 0.62, 0.0)
            colour[..., 3] = 0.85 * (strength / strength.max()).sqrt().numpy()
            blob.set_data(colour)
            columns = strength.sum(0)
            profile.set_data(np.arange(size) - middle, columns / columns.max())
            for square, edge, width in zip(squares, edges, (side, effective), strict=True):
                square.set_data(*around(middle, width))
                edge.set_data([-width / 2, -width / 2, width / 2, width / 2], [0, 1.05, 1.05, 0])
            beyond = " (beyond this picture)" if side > size else ""
            count = weight_count(settings)
            tower = ", ".join(f"{k} × {k} with stride {s}" for k, s in layers)
            return (f"Layers: {tower}. Field {side} pixels a side{beyond}, "
                    f"effective {effective:.1f}; {count:,} weights with 64 channels.")

        return [blob, *squares, profile, *edges], update

    return picture


def reading_picture(
    read: Callable[[Tensor], tuple[Tensor, Tensor]], look: Callable[[Tensor], Tensor],
    to_pixels: Callable[[str], Tensor],
) -> Callable:
    """The drawing, the probabilities, the first feature maps, and what the net looked at.

    Args:
        read: read(image (8, 8)) -> probabilities (10,), maps (channels, 8, 8).
        look: look(image) -> (8, 8): how far the answer's logit falls if the pixel is turned over.
        to_pixels: the setting `drawing` -> image.
    Returns:
        picture for four panels.
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        image = to_pixels(settings["drawing"])
        ink = axes[0].imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
        bars = axes[1].barh(range(10), [0] * 10, color=COLORS["train"])
        axes[1].set(title="probabilities", xlim=(0, 1), yticks=range(10), ylim=(9.6, -0.6))
        maps = axes[2].imshow(mosaic(read(image)[1], 3), cmap=GREY, vmin=0, vmax=1)
        seen = axes[3].imshow(np.zeros((8, 8)), cmap=SIGNED)
        for ax, title in ((axes[0], "your drawing"), (axes[2], "feature maps"),
                          (axes[3], "orange: speaks for it\nblue: against it")):
            ax.set(title=title, xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
            ax.grid(False)

        def update(settings: Mapping[str, Any]) -> str:
            image = to_pixels(settings["drawing"])
            chances, channels = read(image)
            falls = look(image).numpy()
            ink.set_data(image.numpy())
            first, second = chances.argsort(descending=True)[:2].tolist()
            for digit, (bar, chance) in enumerate(zip(bars, chances.tolist(), strict=True)):
                bar.set_width(chance)
                bar.set_hatch("//" if digit == first else "")
            maps.set_data(mosaic(channels, 3))
            seen.set_data(falls)
            seen.set_clim(*limits(falls, signed=True))
            row, column = divmod(int(falls.argmax()), 8)
            sure, less = (percent(chances[digit].item()) for digit in (first, second))
            return (f"Read as {first} with {sure}, then {second} with {less}. Turning over the "
                    f"pixel in row {row + 1}, column {column + 1} would hurt the answer most.")

        return [ink, *bars, maps, seen], update

    return picture


def learning_picture(
    classes: Sequence[str], filters: tuple[int, int], size: int
) -> Callable:
    """The filters, the maps of one image, and the first wrong answers, while a net learns.

    Args:
        classes: their names.
        filters: number F and side k of the first layer's filters.
        size: side n of the images.
    Returns:
        picture for three panels. What the training yields has "filters", (F, k, k); "maps", an
        image and its F feature maps, (1 + F, n, n); "images", (N, n, n), with their "label" and
        the net's "answer", both (N,).
    """
    count, k = filters
    blank = [mosaic(torch.zeros(tiles, side, side), 3)
             for tiles, side in ((count, k), (1 + count, size), (WRONG, size))]
    box = {"facecolor": "white", "alpha": 0.75, "pad": 1, "edgecolor": "none"}

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        shown = [ax.imshow(tiles, cmap=cmap, vmin=low, vmax=1, interpolation="nearest")
                 for ax, tiles, cmap, low in zip(axes, blank, (SIGNED, GREY, GREY), (-1, 0, 0),
                                                 strict=True)]
        for ax, title in zip(axes, ("filters", "an image and its maps", "wrong"), strict=True):
            ax.set(title=title, xticks=[], yticks=[])
            ax.grid(False)
        said = [axes[2].text(i % 3 * (size + GAP), i // 3 * (size + GAP), "", fontsize=7,
                             va="top", bbox=box) for i in range(WRONG)]

        def update(state: Mapping[str, Any]) -> str:
            label, answer = state["label"], state["answer"]
            wrong = (answer != label).nonzero()[:, 0]
            first = wrong[:WRONG]
            missing = torch.zeros(WRONG - len(first), size, size)
            shown[0].set_data(mosaic(state["filters"], 3, signed=True))
            shown[1].set_data(mosaic(state["maps"], 3))
            shown[2].set_data(mosaic(torch.cat([state["images"][first], missing]), 3))
            names = [classes[i] for i in answer[first]] + [""] * len(missing)
            for text, name in zip(said, names, strict=True):
                text.set_text(name)
            axes[2].set_title(f"{len(wrong)} of {len(label)} wrong, read as:")
            example = "" if not len(wrong) else (
                f"; the first: {classes[label[first[0]]]}, read as {names[0]}")
            return f"{len(wrong)} of {len(label)} held-out images read wrongly{example}"

        return [*shown, *said, axes[2].title], update

    return picture
