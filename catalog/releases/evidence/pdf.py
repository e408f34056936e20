"""What a PDF would do beside being read: programs, attachments, and what cannot be looked into."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

# ISO 32000-2: actions that run something, files inside, forms with programs of their own. Each is
# the name of a dictionary's kind, so that no action goes without one of them.
ACTIVE: Final = {
    b"/JavaScript": "runs JavaScript",
    b"/Launch": "starts a program",
    b"/EmbeddedFile": "carries another file",
    b"/EmbeddedFiles": "carries other files",
    b"/RichMedia": "plays rich media",
    b"/XFA": "holds an XFA form",
    b"/Encrypt": "is encrypted, so nobody can look through it",
}
MOST_INFLATED_BYTES: Final = 64 * 1024 * 1024
_END: Final = rb"(?=[\s/<>\[\](){}%]|$)"
_ACTIVE: Final = re.compile(b"(" + b"|".join(sorted(ACTIVE, reverse=True)) + b")" + _END)
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM: Final = re.compile(rb"\bstream\r?\n")
# What else a compressed object may be packed with than what is undone here.
_OTHERWISE: Final = re.compile(rb"/(?:DecodeParms|Crypt|ASCII\w*|LZW\w*|RunLength\w*)")


class UnreadableError(ValueError):
    """A part of it cannot be looked into, in words that follow its name."""


def active(data: bytes) -> str:
    """What a PDF would do beside being read, in words that follow its name; empty for nothing.

    Names are looked for in the file itself and in its compressed objects. Raises UnreadableError.
    """
    for part in _parts(data):
        found = _ACTIVE.search(_plain(part))
        if found:
            return ACTIVE[found[1]]
    return ""


def _parts(data: bytes) -> Iterator[bytes]:
    yield data
    left, before = MOST_INFLATED_BYTES, 0
    for found in _STREAM.finditer(data):
        between = _plain(data[before : found.start()])
        before = found.end()
        dictionary = between.rpartition(b" obj")[2]
        # A compressed object says what it is, and where the first of those in it begins.
        if b"/ObjStm" not in between and b"/First" not in dictionary:
            continue
        if b"/Filter" not in dictionary:
            continue  # it lies in the file as it is
        if b"/FlateDecode" not in dictionary or _OTHERWISE.search(dictionary):
            raise UnreadableError("packs its objects in a way that is not looked into")
        part = _inflated(data[found.end() :], left)
        left -= len(part)
        yield part


def _inflated(packed: bytes, most: int) -> bytes:
    try:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(packed, most + 1)
    except zlib.error as error:
        raise UnreadableError("is broken: a part of it cannot be unpacked") from error
    if len(found) > most:
        raise UnreadableError("unpacks to more than is looked through")
    return found


def _plain(part: bytes) -> bytes:
    """Names as they are meant: any letter of one may be written as # and two digits."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part)
