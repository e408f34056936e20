"""What a person states for the record: a reason, a purpose, a message, in words that are kept."""

from __future__ import annotations

import re
from typing import Final

from ledger.errors import Invalid

# Control characters, and halves of surrogate pairs, which are no text.
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def statement(
    given: str, noun: str, *, longest: int, hint: str = "", shorter: str = "Say it in fewer words."
) -> str:
    """The statement without the space around it.

    `noun` is what a person would call it, and names the code. Raises Invalid.
    """
    given = given.strip()
    if not given:
        raise Invalid(f"A {noun} is required.", hint=hint, code=f"no-{noun}")
    if len(given) > longest:
        raise Invalid(
            f"The {noun} has {len(given):,} characters.",
            hint=f"It holds {longest:,}. {shorter}",
            code=f"long-{noun}",
        )
    if _NO_TEXT.search(given):
        raise Invalid(
            f"The {noun} holds a control character.",
            hint="Write it again by hand; something invisible came along with it.",
            code=f"bad-{noun}",
        )
    return given
