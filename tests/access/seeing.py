"""How colours look: contrast, and what people with another colour vision see."""

import numpy as np
from matplotlib.colors import to_rgb

from course_utils.figures import luminance

LIGHT_PAGE, DARK_PAGE = "#FFFFFF", "#111111"  # JupyterLab's own two themes
TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2.1, level AA: 1.4.3 and 1.4.11

# Machado, Oliveira & Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", table of severity 1.0: applied to linear RGB.
VISIONS = {
    "all cones": np.eye(3),
    "no red cones": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                              [-0.003882, -0.048116, 1.051998]]),
    "no green cones": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                                [-0.011820, 0.042940, 0.968881]]),
    "no blue cones": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                               [0.004733, 0.691367, 0.303900]]),
}
# sRGB to XYZ, IEC 61966-2-1; white is D65.
_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                 [0.0193339, 0.1191920, 0.9503041]])


def contrast(one, other):
    """WCAG's contrast ratio of two colours, 1 to 21."""
    darker, brighter = sorted((luminance(one), luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def over(color, ground):
    """A see-through colour (r, g, b, opacity) on a ground, as (r, g, b)."""
    *rgb, opacity = color
    return tuple(opacity * np.array(rgb) + (1 - opacity) * np.array(to_rgb(ground)))


def lab(color, vision="all cones"):
    """CIE L*a*b* of a colour as it looks with that vision; L* alone is how bright it is."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = _XYZ @ np.clip(VISIONS[vision] @ linear, 0, 1) / _XYZ.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one, other, vision):
    """How far apart two colours look (ΔE of 1976; about 2 can just be told apart side by side)."""
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))
