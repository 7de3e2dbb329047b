"""Live widgets: `Explorer` (a picture that follows sliders) and `Playground` (live training)."""

from .controls import Button, Choice, Slider, Text, Toggle
from .explorer import Explorer
from .frame import Mission
from .live_figure import LiveFigure
from .playground import Playground

__all__ = [
    "Button", "Choice", "Explorer", "LiveFigure", "Mission", "Playground", "Slider", "Text",
    "Toggle",
]
