"""The discussion of a model: threads, replies, mentions, and a history of every change.

Text is plain text: nothing in it is markup, and nothing in it becomes a link.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, String, bindparam, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, delete, select

from auth.access import Verdict, decide
from auth.actors import Actor
from auth.holders import holders_called
from auth.people import as_of_now
from catalog.registry.models import Model, resource
from catalog.registry.tables import CommentEditionRow, CommentRow, ModelRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound
from ledger.ids import new_id

LONGEST_COMMENT: Final = 4_000
MOST_MENTIONS: Final = 20
MOST_REPLIES: Final = 200
_MENTION: Final = re.compile(r"(?<!\w)@(\w[^\s@]{0,79})")
_LONGEST_NAME: Final = 120
_NUMBER: Final = re.compile(r"[A-Z]{1,4}-\d{4}-\d{4,9}")


@dataclass(frozen=True)
class Comment:
    """A comment as it reads now; a removed one keeps its place and loses its text."""

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


class Discussion:
    """The desk where people talk about a model. Whoever may read the model may read and write."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- looking -----------------------------------------------------------------------------------

    def threads(
        self, model: Model, *, about: str = "", limit: int = 10, offset: int = 0
    ) -> list[Thread]:
        """The threads of a model, the newest first, with up to 200 replies each page in all.

        `about` leaves those about one thing, such as a release request.
        """
        asked = {"model": model.id, "about": about, "limit": limit, "offset": offset}
        with self._ledger.store.read() as session:
            return _with_replies(session, session.connection().execute(_ROOTS, asked).all())

    def thread(self, model: Model, thread_id: str) -> Thread:
        """One thread. Raises NotFound."""
        asked = {"model": model.id, "id": thread_id}
        with self._ledger.store.read() as session:
            found = session.connection().execute(_ROOT, asked).all()
            if not found:
                raise _no_comment()
            return _with_replies(session, found)[0]

    def count(self, model: Model, *, about: str = "") -> int:
        """How many threads there are."""
        with self._ledger.store.read() as session:
            asked = {"model": model.id, "about": about}
            return int(session.connection().execute(_COUNT, asked).scalar_one())

    def editions(self, model: Model, comment_id: str) -> list[Edition]:
        """What a comment said before, oldest first; nothing once it was removed."""
        with self._ledger.store.read() as session:
            rows = session.exec(
                select(CommentEditionRow.text, CommentEditionRow.at)
                .where(
                    CommentEditionRow.comment_id == comment_id,
                    col(CommentRow.id) == col(CommentEditionRow.comment_id),
                    CommentRow.model_id == model.id,
                )
                .order_by(col(CommentEditionRow.edition))
            )
            return [Edition(text, at) for text, at in rows]

    def people(self, model: Model, *, by: Actor, beginning: str = "") -> dict[str, str]:
        """Whom one can mention: those who may see the model, names by id, fifty at most."""
        if not self.may_post(model, by=by):
            return {}
        with self._ledger.store.read() as session:
            now = self._ledger.clock.now()
            return holders_called(session, "model:read", model.resource, beginning, at=now)

    def may_post(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may take part."""
        return decide(by, "comment:post", model.resource)

    def may_edit(self, model: Model, comment: Comment, *, by: Actor) -> Verdict:
        """Whether the actor may change a comment: their own, and as long as they may take part."""
        if comment.author != by.id:
            return Verdict(False, "Only its author changes a comment.", "not-author")
        return self.may_post(model, by=by)

    def may_remove(self, model: Model, comment: Comment, *, by: Actor) -> Verdict:
        """Whether the actor may remove a comment: their own, or anybody's as an administrator."""
        own = self.may_edit(model, comment, by=by)
        return own or decide(by, "comment:remove", model.resource)

    # -- verbs -------------------------------------------------------------------------------------

    def post(
        self, model_id: str, text: str, *, by: Actor, thread: str = "", about: str = ""
    ) -> Comment:
        """Write a comment, or a reply to a thread.

        A comment that begins a thread may be about one thing, called by its number.

        `@Name` mentions the people of that name who may see the model, and nobody else; the event
        names them, so that they are told once.

        Raises:
            Invalid: it is empty, too long, or mentions too many.
            NotFound, Refused: no such model or thread; no role that may take part here.
        """
        text, about = checked_text(text), _checked_about(about)
        with self._ledger.act("comment:post", actor=by.id, resource=f"model:{model_id}") as act:
            model = _open_model(act.session, model_id, by)
            decide(as_of_now(act.session, by, at=act.at), "comment:post", resource(model)).insist()
            if thread:
                root = act.session.get(CommentRow, thread)
                if root is None or root.model_id != model.id or root.thread != root.id:
                    raise _no_comment()
            comment_id = new_id("cmt")
            comment = Comment(
                comment_id,
                model.id,
                thread or comment_id,
                by.id,
                text,
                tuple(_mentioned(act.session, model, text, at=act.at)),
                act.at,
                about="" if thread else about,
            )
            act.session.add(
                CommentRow(
                    id=comment.id,
                    model_id=model.id,
                    thread=comment.thread,
                    author=by.id,
                    text=text,
                    mentions=" ".join(comment.mentions),
                    at=act.at,
                    about=comment.about,
                )
            )
            act.facts |= {"comment": comment.id, "thread": comment.thread}
            act.texts["text"] = text
            act.emit(
                "comment:post",
                comment.id,
                model=model.id,
                thread=comment.thread,
                by=by.id,
                mentions=" ".join(comment.mentions),
            )
            return comment

    def edit(self, comment_id: str, text: str, *, by: Actor) -> Comment:
        """Change one's own comment; what it said before is kept. Nobody is told again.

        Raises:
            Invalid, NotFound, Refused: as for `post`; only the author changes a comment.
            Conflict: it was removed.
        """
        text = checked_text(text)
        with self._ledger.act("comment:edit", actor=by.id, resource=f"comment:{comment_id}") as act:
            row, model = _locked(act, comment_id, by)
            if row.author != by.id:
                Verdict(
                    False,
                    "Only its author changes a comment.",
                    "not-author",
                    "Reply to it instead; a governance admin may remove it.",
                ).insist()
            decide(as_of_now(act.session, by, at=act.at), "comment:post", resource(model)).insist()
            if text == row.text:
                return _comment(row)
            number = act.session.exec(
                select(func.count()).where(CommentEditionRow.comment_id == row.id)
            ).one()
            act.session.add(
                CommentEditionRow(comment_id=row.id, edition=number + 1, text=row.text, at=act.at)
            )
            row.text, row.edited_at = text, act.at
            row.mentions = " ".join(_mentioned(act.session, model, text, at=act.at))
            act.session.add(row)
            act.facts |= {"model": model.id, "edition": str(number + 2)}
            act.texts["text"] = text
            return _comment(row)

    def remove(self, comment_id: str, *, by: Actor) -> None:
        """Remove a comment: its place stays, its text and what it said before are gone.

        Raises:
            NotFound, Refused: no such comment; neither its author nor a governance admin.
            Conflict: it was removed before.
        """
        with self._ledger.act(
            "comment:remove", actor=by.id, resource=f"comment:{comment_id}"
        ) as act:
            row, model = _locked(act, comment_id, by)
            now = as_of_now(act.session, by, at=act.at)
            may = "comment:post" if row.author == by.id else "comment:remove"
            decide(now, may, resource(model)).insist()
            act.session.exec(
                delete(CommentEditionRow).where(col(CommentEditionRow.comment_id) == row.id)
            )
            row.text, row.mentions = "", ""
            row.deleted_at, row.deleted_by = act.at, by.id
            act.session.add(row)
            act.facts |= {"model": model.id, "author": row.author}


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
    if len(_MENTION.findall(text)) > MOST_MENTIONS:
        raise Invalid(
            f"A comment mentions {MOST_MENTIONS} people at most.",
            hint="Mention those who have to act; the others find it here.",
            code="comment-mentions",
        )
    return text


def _checked_about(about: str) -> str:
    if about and not _NUMBER.fullmatch(about):
        raise Invalid(
            "A comment is about something that has a number.",
            hint="Leave it out.",
            code="bad-about",
        )
    return about


def _mentioned(session: Session, model: ModelRow, text: str, *, at: datetime) -> list[str]:
    """The ids of the people whose names stand behind an @, of those who may see the model."""
    found: dict[str, None] = {}
    folded = text.casefold()
    for match in _MENTION.finditer(text):
        begun = match.start() + 1
        first = re.split(r"\W", match[1], maxsplit=1)[0]
        likely = holders_called(session, "model:read", resource(model), first, at=at)
        said = folded[begun : begun + _LONGEST_NAME]
        fitting = [name for name in set(likely.values()) if _names(said, name.casefold())]
        longest = max(fitting, key=len, default=None)
        found |= dict.fromkeys(id_ for id_, name in likely.items() if name == longest)
    return list(found)


def _names(said: str, name: str) -> bool:
    """Whether a text begins with a name that ends where a word ends."""
    after = said[len(name) : len(name) + 1]
    return said.startswith(name) and not (after.isalnum() or after == "_")


def _open_model(session: Session, model_id: str, by: Actor) -> ModelRow:
    row = session.get(ModelRow, model_id)
    if row is None or row.gone_at is not None or not decide(by, "model:read", resource(row)):
        raise NotFound("There is no such model.", hint="Search for it under Discover.")
    return row


def _locked(act: Act, comment_id: str, by: Actor) -> tuple[CommentRow, ModelRow]:
    """A comment that is still there, locked until the act ends, with its model."""
    row = act.session.get(CommentRow, comment_id, with_for_update=True)
    model = act.session.get(ModelRow, row.model_id) if row else None
    if row is None or model is None or not decide(by, "model:read", resource(model)):
        raise _no_comment()
    if row.deleted_at is not None:
        raise Conflict("This comment was removed.", hint="Reload the page.", code="comment-removed")
    return row, model


def _no_comment() -> NotFound:
    return NotFound(
        "There is no such comment.",
        hint="The discussion is on the Model page.",
        code="no-such-comment",
    )


def _with_replies(session: Session, roots: Sequence[Row[Any]]) -> list[Thread]:
    replies: dict[str, list[Comment]] = {}
    for one in _replies(session, [row.id for row in roots]):
        replies.setdefault(one.thread, []).append(one)
    return [Thread(_comment(row), tuple(replies.get(row.id, []))) for row in roots]


def _replies(session: Session, threads: Collection[str]) -> Iterator[Comment]:
    if threads:
        asked = {"threads": list(threads), "limit": MOST_REPLIES}
        yield from map(_comment, session.connection().execute(_REPLIES, asked))


def _comment(row: CommentRow | Row[Any]) -> Comment:
    return Comment(
        row.id,
        row.model_id,
        row.thread,
        row.author,
        row.text,
        tuple(row.mentions.split()),
        row.at,
        row.edited_at,
        row.deleted_at,
        row.deleted_by,
        row.about,
    )


_ROW: Final = CommentRow
_ALL: Final = columns(
    col(_ROW.id),
    col(_ROW.model_id),
    col(_ROW.thread),
    col(_ROW.author),
    col(_ROW.text),
    col(_ROW.mentions),
    col(_ROW.at),
    col(_ROW.edited_at),
    col(_ROW.deleted_at),
    col(_ROW.deleted_by),
    col(_ROW.about),
)
_OF: Final = _ALL.where(col(_ROW.model_id) == bindparam("model"), col(_ROW.thread) == col(_ROW.id))
_ABOUT: Final = bindparam("about", type_=String())
_CHOSEN: Final = or_(_ABOUT == "", col(_ROW.about) == _ABOUT)
_ROOTS: Final[Executable] = (
    _OF.where(_CHOSEN)
    .order_by(col(_ROW.at).desc(), col(_ROW.id))
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_ROOT: Final[Executable] = _OF.where(col(_ROW.id) == bindparam("id"))
_THREADS: Final[BindParameter[Any]] = bindparam("threads", expanding=True)
_REPLIES: Final[Executable] = (
    _ALL.where(col(_ROW.thread).in_(_THREADS), col(_ROW.thread) != col(_ROW.id))
    .order_by(col(_ROW.at), col(_ROW.id))
    .limit(bindparam("limit"))
)
_COUNT: Final[Executable] = columns(func.count()).where(
    col(_ROW.model_id) == bindparam("model"), col(_ROW.thread) == col(_ROW.id), _CHOSEN
)
