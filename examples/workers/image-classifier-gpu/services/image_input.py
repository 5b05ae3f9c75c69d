"""Images as clients send them, to rows of brightness from 0.0 to 1.0. Nothing but Python's own library.

PNG (W3C PNG, 2nd edition: every colour type, 1 to 16 bits, not interlaced), PGM and PPM (plain and
raw) and JSON ({"pixels": [[0, 255, ...], ...]}). All of it is hostile input: sizes are checked
before memory is taken, and every mistake is an ImageError that names it.
"""

import json
import math
import re
import struct
import zlib

MAX_SIDE = 2048
MAX_PIXELS = 1 << 20
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Samples per pixel by colour type, and the bit depths that the type may have.
PNG_TYPES = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}


class ImageError(ValueError):
    """The client's image cannot be read."""


def decode(data):
    """Rows of brightness. What the data are is told by how they begin."""
    if data.startswith(PNG_SIGNATURE):
        return _decode_png(data)
    if re.match(rb"P[2356]\s", data):
        return _decode_netpbm(data)
    if data.lstrip()[:1] in (b"{", b"["):
        return _decode_json(data)
    raise ImageError("not a PNG, PGM, PPM or JSON image")


def _check_size(width, height):
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageError(f"an image of {width} x {height} pixels (at most {MAX_PIXELS} in all)")


def _brightness(red, green, blue):
    return 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601


def _decode_json(data):
    try:
        image = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise ImageError(f"not JSON: {problem}") from None
    rows = image.get("pixels") if isinstance(image, dict) else image
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise ImageError('expected {"pixels": [[...], ...]}')
    _check_size(len(rows[0]), len(rows))
    for row in rows:
        if len(row) != len(rows[0]):
            raise ImageError("rows of different lengths")
        for value in row:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ImageError(f"a pixel that is no number: {value!r}"[:80])
            if not 0 <= value <= 255:
                raise ImageError(f"a pixel of {value} (0 to 255)"[:80])
    whole = any(value > 1 for row in rows for value in row)
    scale = 1 / 255 if whole else 1.0
    return [[value * scale for value in row] for row in rows]


def _netpbm_header(data):
    """Width, height, greatest value, and where the pixels begin."""
    numbers, at = [], 2
    while len(numbers) < 3:
        match = re.compile(rb"(?:\s+|#[^\n]*\n)*(\d{1,6})").match(data, at)
        if not match:
            raise ImageError("a damaged PNM header")
        numbers.append(int(match.group(1)))
        at = match.end()
    if at >= len(data) or not data[at : at + 1].isspace():
        raise ImageError("a damaged PNM header")
    width, height, greatest = numbers
    _check_size(width, height)
    if not 0 < greatest < 65536:
        raise ImageError(f"a PNM image with a greatest value of {greatest}")
    return width, height, greatest, at + 1


def _decode_netpbm(data):
    width, height, greatest, at = _netpbm_header(data)
    channels = 3 if data[1:2] in b"36" else 1
    count = width * height * channels
    if data[1:2] in b"23":
        words = data[at:].split(None, count)[:count]
        if not all(word.isdigit() and len(word) <= 6 for word in words):
            raise ImageError("a PNM image with something else than numbers")
        samples = [int(word) for word in words]
    else:
        size = 2 if greatest > 255 else 1
        raw = data[at : at + count * size]
        samples = list(raw) if size == 1 else [v for (v,) in struct.iter_unpack(
            ">H", raw[: len(raw) // 2 * 2])]
    if len(samples) < count:
        raise ImageError("a PNM image that ends too early")
    values = [min(sample, greatest) / greatest for sample in samples]
    if channels == 3:
        values = [_brightness(*values[i : i + 3]) for i in range(0, count, 3)]
    return [values[i : i + width] for i in range(0, width * height, width)]


def _png_chunks(data):
    at = len(PNG_SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise ImageError("a PNG that ends too early")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if length > 1 << 30 or end + 4 > len(data):
            raise ImageError("a PNG that ends too early")
        body = data[at + 8 : end]
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise ImageError("a PNG with a wrong checksum")
        if kind == b"IEND":
            return
        yield kind, body
        at = end + 4


def _png_header(body):
    if len(body) != 13:
        raise ImageError("a PNG with a damaged header")
    width, height, depth, kind, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    _check_size(width, height)
    if kind not in PNG_TYPES or depth not in PNG_TYPES[kind][1] or compression or filtering:
        raise ImageError(f"a PNG of colour type {kind} and {depth} bits")
    if interlace:
        raise ImageError("an interlaced PNG")
    return width, height, depth, kind


def _decode_png(data):
    header, palette, compressed = None, None, []
    for kind, body in _png_chunks(data):
        if header is None:
            if kind != b"IHDR":
                raise ImageError("a PNG without a header")
            header = _png_header(body)
        elif kind == b"PLTE":
            palette = [_brightness(*body[i : i + 3]) for i in range(0, len(body) // 3 * 3, 3)]
        elif kind == b"IDAT":
            compressed.append(body)
    if header is None:
        raise ImageError("a PNG without a header")
    width, height, depth, kind = header
    if kind == 3 and palette is None:
        raise ImageError("a PNG without its palette")
    stride = math.ceil(width * depth * PNG_TYPES[kind][0] / 8)
    raw = _inflate(b"".join(compressed), (stride + 1) * height)
    lines = _unfilter(raw, stride, height, max(1, depth * PNG_TYPES[kind][0] // 8))
    return [_png_row(line, width, depth, kind, palette) for line in lines]


def _inflate(data, size):
    """Exactly `size` bytes, and no more memory than that whatever the data would unpack to."""
    try:
        raw = zlib.decompressobj().decompress(data, size)
    except zlib.error:
        raise ImageError("a PNG with damaged pixels") from None
    if len(raw) < size:
        raise ImageError("a PNG that ends too early")
    return raw


def _unfilter(raw, stride, height, step):
    lines, above = [], bytearray(stride)
    for start in range(0, (stride + 1) * height, stride + 1):
        method = raw[start]
        line = bytearray(raw[start + 1 : start + 1 + stride])
        if method > 4:
            raise ImageError(f"a PNG with filter {method}")
        for i in range(stride) if method else ():
            left = line[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            guess = (left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))
            line[i] = (line[i] + guess[method - 1]) & 0xFF
        lines.append(line)
        above = line
    return lines


def _paeth(left, above, corner):
    guess = left + above - corner
    nearest = min(abs(guess - left), abs(guess - above), abs(guess - corner))
    if nearest == abs(guess - left):
        return left
    return above if nearest == abs(guess - above) else corner


def _png_row(line, width, depth, kind, palette):
    channels = PNG_TYPES[kind][0]
    if depth == 16:
        samples = line[::2]  # the higher byte says enough
    elif depth == 8:
        samples = line
    else:
        mask = (1 << depth) - 1
        samples = [(byte >> shift) & mask for byte in line for shift in range(8 - depth, -1, -depth)]
    greatest = 255 if depth >= 8 else (1 << depth) - 1
    row = []
    for i in range(0, width * channels, channels):
        if kind == 3:
            if samples[i] >= len(palette):
                raise ImageError("a PNG with a colour outside its palette")
            row.append(palette[samples[i]] / 255)
        elif kind in (2, 6):
            row.append(_brightness(*samples[i : i + 3]) / greatest)
        else:
            row.append(samples[i] / greatest)
        if kind in (4, 6):  # on white
            alpha = samples[i + channels - 1] / greatest
            row[-1] = row[-1] * alpha + 1 - alpha
    return row
