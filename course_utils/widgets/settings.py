"""The settings of a widget: what the sliders write and the learner's code reads."""

from collections.abc import Iterator, Mapping
from typing import Any


class Settings(Mapping):
    """Current values of the controls, read as `settings.lr` or `settings["lr"]`.

    The widget writes into it while the learner's generator runs, so a value read at every step
    follows the slider at once. Learner code only reads it.
    """

    def __init__(self, values: Mapping[str, Any]):
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(
                f"there is no setting {name!r}; the settings are: {', '.join(self._values)}"
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"settings are read-only in your code (you set {name!r}): move the control, "
            "or keep the value in a variable of your own"
        )

    def __repr__(self) -> str:
        return "Settings(" + ", ".join(f"{k}={v!r}" for k, v in self._values.items()) + ")"

    def write(self, name: str, value: Any) -> None:
        """Set one value; called by the widget."""
        self._values[name] = value
