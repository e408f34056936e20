"""A comment: plain text, in which nothing is markup and nothing becomes a link."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from catalog.registry.discussion.mentions import MENTION, MOST_MENTIONS, Missed
from ledger.errors import Invalid

LONGEST_COMMENT: Final = 4_000
_NUMBER: Final = re.compile(r"[A-Z]{1,4}-\d{4}-\d{4,9}")


@dataclass(frozen=True)
class Comment:
    """A comment as it reads now; a removed one keeps its place and loses its text.

    `missed` is told only when it is written: the words behind an @ that told nobody.
    """

    id: str
    model_id: str
    thread: str
    author: str
    text: str
    mentions: tuple[str, ...]
    at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by: str = ""
    about: str = ""
    missed: tuple[Missed, ...] = ()

    @property
    def is_removed(self) -> bool:
        """Whether only its tombstone is left."""
        return self.deleted_at is not None


@dataclass(frozen=True)
class Thread:
    """A comment with its replies, oldest first."""

    first: Comment
    replies: tuple[Comment, ...] = ()

    @property
    def comments(self) -> tuple[Comment, ...]:
        """All of them, in the order they were written."""
        return (self.first, *self.replies)


@dataclass(frozen=True)
class Edition:
    """What a comment said until it was changed."""

    text: str
    until: datetime


def checked_text(text: str) -> str:
    """A comment's text with its ends trimmed. Raises Invalid."""
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= LONGEST_COMMENT:
        raise Invalid(
            f"A comment has 1 to {LONGEST_COMMENT:,} characters; this one has {len(text):,}.",
            hint="Write what you want to say or ask; put the long part into the model card.",
            code="comment-length",
        )
    if any(unicodedata.category(one) in {"Cc", "Cs"} and one not in "\n\t" for one in text):
        raise Invalid(
            "The comment holds a control character.",
            hint="Type it again as plain text.",
            code="comment-characters",
        )
    if len(MENTION.findall(text)) > MOST_MENTIONS:
        raise Invalid(
            f"A comment mentions {MOST_MENTIONS} people at most.",
            hint="Mention those who have to act; the others find it here.",
            code="comment-mentions",
        )
    return text


def checked_about(about: str) -> str:
    """The number of what a thread is about, or nothing. Raises Invalid."""
    if about and not _NUMBER.fullmatch(about):
        raise Invalid(
            "A comment is about something that has a number.",
            hint="Leave it out.",
            code="bad-about",
        )
    return about
