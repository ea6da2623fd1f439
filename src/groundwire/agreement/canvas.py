"""A small bitmap that lines, discs and text are drawn on, and its PNG. No library is needed for that."""

import struct
import zlib
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)

# Five columns by seven rows; a digit of base 32 is a row, its highest bit the left column.
_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_%=:(),/"
_ROWS = (
    "ehjlphe 4c4444e eh168gv u11e11u 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c ehhvhhh uhhuhhu "
    "ehggghe uhhhhhu vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh hpljhhh "
    "ehhhhhe uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllrh hha4ahh hha4444 v1248gv "
    "00000cc 000e000 000000v op248j3 00v0v00 0cc0cc0 2488842 8422248 0000c48 01248g0"
)
_GLYPHS = {character: _ROWS[8 * i : 8 * i + 7] for i, character in enumerate(_CHARACTERS)}
_UNKNOWN = "vhhhhhv"
_PITCH, _HEIGHT = 6, 7


class Canvas:
    """Pixels of `width` by `height`; (0, 0) is the upper left one. What lies outside is not drawn."""

    def __init__(self, width: int, height: int, background: Colour = WHITE) -> None:
        self.width, self.height = width, height
        self._pixels = bytearray(bytes(background) * (width * height))

    def pixel(self, x: int, y: int) -> Colour:
        """The colour there."""
        at = 3 * (y * self.width + x)
        return self._pixels[at], self._pixels[at + 1], self._pixels[at + 2]

    def rectangle(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """Fill from (x, y) to the right and down."""
        left, right = max(0, x), min(self.width, x + width)
        for row in range(max(0, y), min(self.height, y + height)):
            if right > left:
                at = 3 * (row * self.width + left)
                self._pixels[at : at + 3 * (right - left)] = bytes(colour) * (right - left)

    def line(self, start: tuple[int, int], end: tuple[int, int], colour: Colour, width: int = 1, dash: int = 0) -> None:
        """A straight line; `dash` is the length of its dashes and gaps in pixels, 0 for none."""
        (x0, y0), (x1, y1) = start, end
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            if not dash or step // dash % 2 == 0:
                x, y = round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps)
                self.rectangle(x - width // 2, y - width // 2, width, width, colour)

    def disc(self, x: int, y: int, radius: int, colour: Colour) -> None:
        """A filled circle."""
        for dy in range(-radius, radius + 1):
            half = int((radius**2 - dy**2) ** 0.5)
            self.rectangle(x - half, y + dy, 2 * half + 1, 1, colour)

    def text(self, x: int, y: int, text: str, colour: Colour, size: int = 1) -> None:
        """Capital letters, digits and some signs, from (x, y) on; a glyph is 5 by 7 pixels times `size`."""
        for number, character in enumerate(text.upper()):
            if character == " ":
                continue
            for row, digit in enumerate(_GLYPHS.get(character, _UNKNOWN)):
                bits = int(digit, 32)
                for column in range(5):
                    if bits & (16 >> column):
                        left = x + (number * _PITCH + column) * size
                        self.rectangle(left, y + row * size, size, size, colour)

    def png(self) -> bytes:
        """The bitmap as a PNG file (ISO/IEC 15948): 8 bits a channel, no transparency."""
        stride = 3 * self.width
        rows = b"".join(b"\0" + self._pixels[y * stride : (y + 1) * stride] for y in range(self.height))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def text_width(text: str, size: int = 1) -> int:
    """Pixels that a text takes from left to right."""
    return max(0, len(text) * _PITCH - 1) * size


def text_height(size: int = 1) -> int:
    """Pixels that a line of text takes."""
    return _HEIGHT * size


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
