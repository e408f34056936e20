"""The look in one place: the palette, the stylesheet made from it, and the frame of the app."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import streamlit as st

from app.ui.markup import Markup, tag, text

Tone = Literal["light", "dark"]

STATIC = Path(__file__).parent.parent / "static"
_STYLES = Path(__file__).parent / "styles"
# In the order they are laid over each other.
_SHEETS = ("kit", "streamlit", "small")


@dataclass(frozen=True)
class Palette:
    """Every colour of one theme; each text colour has at least 4.5:1 on what it stands on."""

    paper: str
    card: str
    side: str
    chosen: str
    ink: str
    ink2: str
    accent: str
    accent_bg: str
    primary: str
    on_primary: str
    ok: str
    ok_bg: str
    fail: str
    fail_bg: str
    attention: str
    attention_bg: str
    neutral_bg: str
    line: str
    line2: str
    field: str
    series1: str
    series2: str
    series3: str


LIGHT = Palette(
    paper="#FBFAF7",
    card="#FFFFFF",
    side="#F4F2ED",
    chosen="#E6DFD2",
    ink="#1D2129",
    ink2="#565C66",
    accent="#2C46A8",
    accent_bg="#E8ECFA",
    primary="#2C46A8",
    on_primary="#FFFFFF",
    ok="#17603F",
    ok_bg="#E4F2EA",
    fail="#9B1F2B",
    fail_bg="#FBE9E9",
    attention="#7A4A00",
    attention_bg="#FCEFD6",
    neutral_bg="#EEECE6",
    line="#E3E0D8",
    line2="#CFCBC1",
    field="#8A877F",
    series1="#2C46A8",
    series2="#B4690E",
    series3="#1F7A6B",
)

DARK = Palette(
    paper="#14161B",
    card="#1A1D24",
    side="#101216",
    chosen="#333842",
    ink="#E7E8EB",
    ink2="#A6ACB8",
    accent="#A9BBFA",
    accent_bg="#222B4A",
    primary="#8FA6F5",
    on_primary="#14161B",
    ok="#7FD1A5",
    ok_bg="#173326",
    fail="#F59BA0",
    fail_bg="#40201F",
    attention="#F0BE6A",
    attention_bg="#392B12",
    neutral_bg="#262B34",
    line="#2C313B",
    line2="#414755",
    field="#6B7280",
    series1="#8FA6F5",
    series2="#E5A75A",
    series3="#63C2AF",
)


def tone() -> Tone:
    """Which theme the person sees now."""
    return "dark" if st.context.theme.type == "dark" else "light"


def palette() -> Palette:
    """The colours of the theme the person sees now, for what cannot read CSS variables."""
    return DARK if tone() == "dark" else LIGHT


def faded(colour: str, ground: str, share: float = 0.4) -> str:
    """A colour laid thinly over its ground, both as `#RRGGBB`; for marks, never for text."""
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(ground[1:]), strict=True)
    mixed = (round(over * share + under * (1 - share)) for over, under in pairs)
    return "#" + bytes(mixed).hex().upper()


def tokens() -> str:
    """The palette as CSS variables that follow the theme by themselves."""
    dark = asdict(DARK)
    pairs = (
        f"--{name.replace('_', '-')}:light-dark({colour},{dark[name]})"
        for name, colour in asdict(LIGHT).items()
    )
    return f":root{{{';'.join(pairs)}}}"


@cache
def css() -> str:
    """The one stylesheet: tokens, our pieces, Streamlit's pieces, small screens and paper."""
    sheets = ((_STYLES / f"{name}.css").read_text(encoding="utf-8") for name in _SHEETS)
    return tokens() + _packed("".join(sheets))


@dataclass(frozen=True)
class _Finished:
    """HTML that Streamlit takes as it is; a string it would search for indentation, every run."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


@cache
def _styles(shown: Tone) -> _Finished:
    # Dialogs and menus live outside `.stApp`, which is the only place that carries color-scheme.
    return _Finished(f"<style>{css()}</style><style>:root{{color-scheme:{shown}}}</style>")


def apply() -> None:
    """Lay the stylesheet over this run; call it once, before anything is drawn."""
    st.html(_styles(tone()))


def configure(title: str = "Countersign") -> None:
    """Set the page's title, icon, width and logo; call it first in every run."""
    # Our own pictures, because an icon by name would be fetched from a foreign host.
    st.set_page_config(
        page_title=title, page_icon=_picture("favicon"), layout="wide", menu_items=None
    )
    st.logo(_picture("logo"), size="large", icon_image=_picture("mark"))


@cache
def _picture(name: str) -> str:
    # As a data URL, read once: a file Streamlit would read and encode in every run.
    drawn = (STATIC / f"{name}.svg").read_bytes()
    return f"data:image/svg+xml;base64,{b64encode(drawn).decode('ascii')}"


def document(title: str, *content: object) -> str:
    """A whole page outside Streamlit (sign-in form, error page) in the same look."""
    body = tag("main", *content, cls="cs cs-sheet")
    icon = "/app/static/favicon.svg"
    return Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{text(title)}</title><link rel="icon" href="{icon}"><style>{_plain()}</style>'
        f"</head><body>{body}</body></html>"
    )


@cache
def _plain() -> str:
    kit = (_STYLES / "kit.css").read_text(encoding="utf-8")
    sheet = (_STYLES / "sheet.css").read_text(encoding="utf-8")
    return tokens() + _packed(kit + sheet)


def _packed(sheet: str) -> str:
    # It travels to every session: without its comments and indentation it is a third lighter.
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL))
