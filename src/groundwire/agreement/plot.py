"""The reliability plot as a picture: value on the horizontal axis, share of good rows on the vertical one."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from groundwire.agreement.canvas import Canvas, Colour, text_height, text_width
from groundwire.agreement.reliability import Bin

_SIDE, _LEFT, _TOP = 480, 76, 76
_WIDTH, _HEIGHT = 600, 640
_INK: Colour = (33, 37, 41)
_GREY: Colour = (222, 226, 230)
_DIAGONAL: Colour = (134, 142, 150)
_BLUE: Colour = (25, 113, 194)
_RED: Colour = (255, 168, 168)
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def reliability_png(bins: Sequence[Bin], title: str, note: str = "") -> bytes:
    """A PNG of 600 by 640 pixels: a disc a bin, its area by the number of rows, and its gap to the diagonal.

    On the diagonal a value is the chance of being good. `title` and `note` stand above, cut to the width.
    """
    canvas = Canvas(_WIDTH, _HEIGHT)
    _centred(canvas, 14, title, 2)
    _centred(canvas, 40, note, 1)
    for tick in _TICKS:
        x, y = _place(tick, tick)
        canvas.line((x, _TOP), (x, _TOP + _SIDE), _GREY)
        canvas.line((_LEFT, y), (_LEFT + _SIDE, y), _GREY)
        label = f"{tick:.1f}"
        canvas.text(x - text_width(label, 2) // 2, _TOP + _SIDE + 10, label, _INK, 2)
        canvas.text(_LEFT - 10 - text_width(label, 2), y - text_height(2) // 2, label, _INK, 2)
    canvas.line(_place(0, 0), _place(1, 1), _DIAGONAL, 2, dash=6)
    for b in bins:
        canvas.line(_place(b.mean, b.mean), _place(b.mean, b.good), _RED, 4)
    for one, next_one in pairwise(bins):
        canvas.line(_place(one.mean, one.good), _place(next_one.mean, next_one.good), _BLUE, 2)
    most = max((b.n for b in bins), default=1)
    for b in bins:
        x, y = _place(b.mean, b.good)
        radius = 4 + round(12 * sqrt(b.n / most))
        canvas.disc(x, y, radius, _BLUE)
        label = str(b.n)
        below = y + radius + 5
        fits = below + text_height() < _TOP + _SIDE
        canvas.text(x - text_width(label) // 2, below if fits else y - radius - 5 - text_height(), label, _INK)
    for start, end in (((0, 0), (1, 0)), ((0, 0), (0, 1))):
        canvas.line(_place(*start), _place(*end), _INK, 2)
    canvas.text(_LEFT, _TOP - 18, "share of good rows", _INK)
    _centred(canvas, _TOP + _SIDE + 40, "value", 2)
    _centred(canvas, _TOP + _SIDE + 64, "number at a disc: rows. dashed: a value is the chance of being good", 1)
    return canvas.png()


def _place(x: float, y: float) -> tuple[int, int]:
    return _LEFT + round(x * _SIDE), _TOP + _SIDE - round(y * _SIDE)


def _centred(canvas: Canvas, y: int, text: str, size: int) -> None:
    fits = text[: (_WIDTH - 20) // (6 * size)]
    canvas.text((_WIDTH - text_width(fits, size)) // 2, y, fits, _INK, size)
