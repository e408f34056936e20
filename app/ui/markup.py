"""Text and markup are kept apart here, so that nothing a person typed can act as markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Literal

import streamlit as st

Width = Literal["stretch", "content"]

# CommonMark lets any ASCII punctuation be escaped by a backslash; line breaks end a label.
_MARKDOWN_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_BREAKS = re.compile(r"\s+")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
# What Markdown, or Streamlit's own additions to it, would make something else of than its letters.
_ACTS = re.compile(
    r"[\\`*\[\]<>$~|]|:[\w/+-]+[:\[]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|--|->|:/|(?i:www\.)|@"
    r"|^\s*(?:#{1,6}\s|[+-]\s|\d+[.)]\s)"
)


class Markup(str):
    """HTML made by this kit from escaped values; any other string is somebody's text."""

    __slots__ = ()


def text(value: object) -> Markup:
    """The value as it reads, escaped, unless it is already markup of this kit."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def join(pieces: Iterable[object], between: str = "") -> Markup:
    """Pieces one after the other, each escaped unless it is markup."""
    return Markup(html.escape(between).join(text(piece) for piece in pieces))


def tag(name: str, *content: object, cls: str = "", **attributes: str | None) -> Markup:
    """One element; content and attribute values are escaped, attributes that are None left out.

    An underscore in an attribute's name becomes a hyphen (`aria_label`), one at its end is dropped.
    """
    given = {"class": cls.strip() or None, **attributes}
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in given.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def mono(value: object) -> Markup:
    """A digest, name or value in the fixed-width face."""
    return tag("span", value, cls="cs-mono")


def strong(value: object) -> Markup:
    """Words that carry the sentence."""
    return tag("strong", value)


def note(value: object) -> Markup:
    """A quiet remark under or beside something."""
    return tag("p", value, cls="cs-note")


def paragraph(value: object) -> Markup:
    """Running text, at most 68 characters wide; blank lines in a text part paragraphs."""
    if isinstance(value, Markup):
        return tag("p", value, cls="cs-text")
    parts = [part for part in re.split(r"\n\s*\n", str(value)) if part.strip()]
    return join(tag("p", part.strip(), cls="cs-text") for part in parts)


def sentence(*pieces: object) -> Markup:
    """The one sentence a card is about, in larger type; chips and strong words stand out in it."""
    said = (piece if isinstance(piece, Markup) else tag("span", piece) for piece in pieces)
    return tag("p", *said, cls="cs-sentence")


def quote(value: object, by: object = "") -> Markup:
    """What a person wrote, in quotation marks, with who and when under it."""
    said = tag("p", Markup("&ldquo;"), text(value), Markup("&rdquo;"))
    return tag("blockquote", said, tag("footer", by) if by else "", cls="cs-quote")


def label(value: object) -> str:
    """The value as a widget label: one line, with everything that Markdown would act on escaped."""
    return _MARKDOWN_PUNCTUATION.sub(r"\\\1", _BREAKS.sub(" ", str(value)).strip())


def marked_label(parts: Iterable[tuple[str, bool]]) -> str:
    """Parts of a value as a widget label, those marked that are so."""
    return "".join(
        f":primary-background[{said}]" if is_marked else said
        for text_, is_marked in parts
        if (said := _MARKDOWN_PUNCTUATION.sub(r"\\\1", _BREAKS.sub(" ", text_)))
    ).strip()


def option(value: object) -> str:
    """The value as one of several to choose from: as it is, where Markdown leaves it as it is.

    What is chosen stands in the address by this name, so that ordinary names stay ordinary there.
    """
    said = str(value)
    return label(said) if _ACTS.search(said) else said


def option_of(said: str) -> str:
    """The value that an address names, by its own name or by that of its option."""
    value = _ESCAPED.sub(r"\1", said)
    return value if option(value) == said else said


def show(*pieces: object, width: Width = "stretch") -> None:
    """Put pieces on the screen as one element; text among them is escaped."""
    st.html(tag("div", *pieces, cls="cs"), width=width)
