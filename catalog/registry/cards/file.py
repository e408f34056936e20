"""A card as a file that somebody brings: what was read of it, and what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from catalog.registry.cards.body import CardBody
from ledger.errors import Invalid

LARGEST_FILE_BYTES: Final = 1024 * 1024
BY_MACHINE: Final = "MLflow knows it: it is filled in by machine."
NO_FIELD: Final = "A card of Countersign has no field for it."


@dataclass(frozen=True)
class Left:
    """Something that is not taken over, the line it begins in (0: no one line), and why."""

    line: int
    what: str
    why: str


@dataclass(frozen=True)
class CardFile:
    """What a file says: its kind, the fields it fills, and what of it is left out.

    `lines` tells for a field and an entry (from 1) the line in which it stands.
    """

    kind: str
    body: CardBody
    left: tuple[Left, ...] = ()
    lines: Mapping[tuple[str, int], int] = field(default_factory=dict)


def wrong(line: int, said: str, remedy: str) -> Invalid:
    """What cannot be read, with its line and what to do about it."""
    return Invalid(f"Line {line}: {said}", hint=remedy, code="card-file")


def text_of(data: bytes) -> str:
    """The text of a file, with its line breaks made alike.

    Raises:
        Invalid: it has more than 1 MB, or is no UTF-8 text.
    """
    if len(data) > LARGEST_FILE_BYTES:
        raise Invalid(
            "The file has more than 1 MB; a card is a page or two.",
            hint="Take pictures and notebooks out of it, and bring the text alone.",
            code="card-file-too-large",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise wrong(line, "this is no UTF-8 text.", "Save the file as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
