"""Documents that people upload: what is taken, told by content, and what is found in looking."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from catalog.registry import strict_json
from catalog.releases.evidence import pdf
from ledger.errors import Invalid

LONGEST_NAME: Final = 200
# The signature by which scanners are tried (eicar.org), in two halves: the whole must not lie here.
_EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
# What is told by name when it is refused.
_REFUSED: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": "a ZIP archive, or an Office file",
    b"PK\x05\x06": "a ZIP archive",
    b"MZ": "a Windows program",
    b"\x7fELF": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"#!": "a script",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
}
_MARKUP: Final = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|\?xml|html|head|body|svg|script|iframe|style|title)\b",
    re.IGNORECASE | re.DOTALL,
)
# What no text has: everything below a space but tab, line ends and form feed.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_TAKEN: Final = "PDF, Markdown, plain text, CSV, JSON, PNG and JPEG are taken."


@dataclass(frozen=True)
class Document:
    """A document as it was uploaded. `sha256` is over its bytes, in hexadecimal digits."""

    name: str
    media_type: str
    data: bytes
    sha256: str

    @property
    def title(self) -> str:
        """The name without its ending."""
        return PurePath(self.name).stem


def looked_through(name: str, data: bytes, *, largest_bytes: int) -> Document:
    """A document of a kind that is taken, with nothing in it that is not. Raises Invalid.

    The kind is told by the content; the ending of the name has to agree with it.
    """
    name = _checked_name(name)
    if not data:
        raise _no(f"{name} is empty.", "Choose the file again; look at it first.", "empty-file")
    if len(data) > largest_bytes:
        raise _no(
            f"{name} has {len(data):,} bytes; {largest_bytes:,} are taken.",
            "Leave out pictures, or attach the parts that matter. The operator sets the limit.",
            "file-too-large",
        )
    if _EICAR in data:
        raise _no(f"{name} carries the signature of a virus.", "It is not kept.", "infected")
    ending = PurePath(name).suffix.lower()
    kind = _KINDS.get(ending)
    is_of = _recognised(data)
    if kind is None or is_of is None:
        what = _refused_as(data) if is_of is None else ""
        told = f"{name} is {what or 'of no kind that is taken'}."
        raise _no(told, f"{_TAKEN} Save it as a PDF.", "unknown-file")
    if kind.shape is not is_of:
        raise _no(
            f"{name} is called {ending} and is something else inside.",
            f"Give it the ending of what it is. {_TAKEN}",
            "another-kind",
        )
    wrong = kind.wrong(data)
    if wrong:
        raise _no(f"{name} {wrong}.", kind.remedy, "bad-file")
    return Document(name, kind.media_type, data, hashlib.sha256(data).hexdigest())


def file_name(title: str, media_type: str) -> str:
    """The name under which a document is handed out: letters, digits, and the ending it has."""
    stem = re.sub(r"[^\w .()-]+", "-", title).strip(" .-")[:LONGEST_NAME] or "document"
    return stem + next(
        (ending for ending, kind in _KINDS.items() if kind.media_type == media_type), ".bin"
    )


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or re.search(r"[/\\\x00-\x1f\x7f]", name):
        raise _no(
            f"A file's name has 1 to {LONGEST_NAME} characters and no slash.",
            "Name it like validation-report.pdf.",
            "bad-file-name",
        )
    return name


def _recognised(data: bytes) -> Callable[[bytes], str] | None:
    """The kind of a file by its content, as the function that looks through it."""
    for start, look in ((b"%PDF-", _pdf), (_PNG, _png), (b"\xff\xd8\xff", _jpeg)):
        if data.startswith(start):
            return look
    if any(data.startswith(start) for start in _REFUSED):
        return None
    try:
        written = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(written) or _MARKUP.match(written) else _text


def _refused_as(data: bytes) -> str:
    """What a file is that is not taken, where that is known."""
    if _MARKUP.match(data[:4096].decode("utf-8-sig", "ignore")):
        return "a web page or a drawing (HTML, XML or SVG)"
    return next((what for start, what in _REFUSED.items() if data.startswith(start)), "")


# -- what is wrong with a file of a kind, in words that follow its name; empty for nothing ---------


def _pdf(data: bytes) -> str:
    if b"%%EOF" not in data[-2048:]:
        return "is broken: it ends in the middle"
    try:
        return pdf.active(data)
    except pdf.UnreadableError as told:
        return str(told)


def _png(data: bytes) -> str:
    at, first = len(_PNG), True
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        kind, end = data[at + 4 : at + 8], at + 12 + size
        if first is not (kind == b"IHDR") or end > len(data):
            break
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            break
        if kind == b"IEND":
            return "" if end == len(data) else "carries something behind the picture"
        at, first = end, False
    return "is broken"


def _jpeg(data: bytes) -> str:
    return "" if data.endswith(b"\xff\xd9") else "is broken, or carries something behind it"


def _text(_data: bytes) -> str:
    return ""  # that it is text was found out in telling what it is


def _csv(data: bytes) -> str:
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except csv.Error as error:
        return f"is no CSV: {error}"
    return "" if any(rows) else "holds no row"


def _json(data: bytes) -> str:
    try:
        strict_json.parsed(data.decode("utf-8-sig"))
    except ValueError as error:
        return f"is no JSON: {error}"
    return ""


@dataclass(frozen=True)
class _Kind:
    """A kind that is taken. `shape` is how its content is told, `wrong` what is wrong with it."""

    media_type: str
    shape: Callable[[bytes], str]
    wrong: Callable[[bytes], str]
    remedy: str = "Save it again, and look at it before you attach it."


_PRINT: Final = "Print it to a new PDF, which leaves such things out, and attach that."
# The first ending of a kind is the one under which it is handed out.
_KINDS: Final[Mapping[str, _Kind]] = {
    ".pdf": _Kind("application/pdf", _pdf, _pdf, _PRINT),
    ".png": _Kind("image/png", _png, _png),
    ".jpg": _Kind("image/jpeg", _jpeg, _jpeg),
    ".jpeg": _Kind("image/jpeg", _jpeg, _jpeg),
    ".md": _Kind("text/markdown", _text, _text),
    ".markdown": _Kind("text/markdown", _text, _text),
    ".txt": _Kind("text/plain", _text, _text),
    ".csv": _Kind("text/csv", _text, _csv),
    ".json": _Kind("application/json", _text, _json),
}
ENDINGS: Final = tuple(ending.removeprefix(".") for ending in _KINDS)


def _no(message: str, hint: str, code: str) -> Invalid:
    return Invalid(message, hint=hint, code=code)
