"""The palette is readable, and said the same in the theme, the stylesheet and the settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.ui import chips, theme
from app.ui.theme import DARK, LIGHT, Palette

ROOT = Path(__file__).parents[2]


def luminance(colour: str) -> float:
    """WCAG 2.2 relative luminance."""
    shares = (value / 255 for value in bytes.fromhex(colour[1:]))
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_what_it_stands_on(palette: Palette) -> None:
    p = palette
    texts = [
        *((ink, ground) for ink in (p.ink, p.ink2) for ground in (p.card, p.paper, p.side)),
        *((ink, p.card) for ink in (p.accent, p.ok, p.fail, p.attention)),
        (p.ink2, p.neutral_bg),
        (p.ink, p.chosen),
        (p.accent, p.accent_bg),
        (p.ok, p.ok_bg),
        (p.fail, p.fail_bg),
        (p.attention, p.attention_bg),
        (p.on_primary, p.primary),
    ]
    assert [pair for pair in texts if contrast(*pair) < 4.5] == []


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_fields_and_marks_stand_out_from_the_card(palette: Palette) -> None:
    marks = (palette.field, palette.series1, palette.series2, palette.series3)
    assert [mark for mark in marks if contrast(mark, palette.card) < 3] == []


def test_the_settings_of_streamlit_carry_the_same_colours() -> None:
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    for name, palette in (("light", LIGHT), ("dark", DARK)):
        shown = settings["theme"][name]
        assert shown["backgroundColor"] == palette.paper
        assert shown["secondaryBackgroundColor"] == palette.card
        assert shown["textColor"] == palette.ink
        assert shown["primaryColor"] == palette.primary
        assert shown["linkColor"] == palette.accent
        assert shown["sidebar"]["backgroundColor"] == palette.side
        for colour, ink, ground in (
            ("green", palette.ok, palette.ok_bg),
            ("red", palette.fail, palette.fail_bg),
            ("orange", palette.attention, palette.attention_bg),
            ("yellow", palette.attention, palette.attention_bg),
        ):
            assert shown[f"{colour}TextColor"] == ink
            assert shown[f"{colour}BackgroundColor"] == ground


def test_the_fonts_named_in_the_settings_are_there() -> None:
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    for face in settings["theme"]["fontFaces"]:
        assert (ROOT / face["url"]).is_file()


def test_every_colour_of_the_stylesheet_is_a_token() -> None:
    known = {
        *re.findall(r"--([\w-]+):light-dark", theme.tokens()),
        "shape",  # the picture a mark is cut from, set beside it
    }
    used = set(re.findall(r"var\(--([\w-]+)\)", theme.css()))
    assert used <= known


def test_every_shape_and_tone_of_the_vocabulary_is_drawn() -> None:
    sheet = theme.css()
    for look in chips.VOCABULARY.values():
        assert f".cs-{look.shape} {{" in sheet
        assert f".cs-b-{look.tone} {{" in sheet


def test_the_stylesheet_asks_no_other_host_for_anything() -> None:
    addresses = set(re.findall(r"https?://[^\s'\"\)]+", theme.css()))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_a_faded_colour_lies_between_itself_and_its_ground() -> None:
    assert theme.faded("#000000", "#FFFFFF", 0.4) == "#999999"
    assert theme.faded("#2C46A8", "#FFFFFF", 1) == "#2C46A8"
