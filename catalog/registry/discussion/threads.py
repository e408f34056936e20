"""The threads of a model as they are read: comments with their replies."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, Row, String, bindparam, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col

from catalog.registry.discussion.comment import Comment, Thread
from catalog.registry.tables import CommentRow

MOST_REPLIES: Final = 200


def roots(session: Session, model_id: str, *, about: str, limit: int, offset: int) -> list[Thread]:
    """The threads of a model, the newest first, with their replies."""
    asked = {"model": model_id, "about": about, "limit": limit, "offset": offset}
    return _with_replies(session, session.connection().execute(_ROOTS, asked).all())


def root(session: Session, model_id: str, thread_id: str) -> Thread | None:
    """One thread, if the model has it."""
    asked = {"model": model_id, "id": thread_id}
    found = session.connection().execute(_ROOT, asked).all()
    return _with_replies(session, found)[0] if found else None


def count(session: Session, model_id: str, *, about: str) -> int:
    """How many threads a model has."""
    asked = {"model": model_id, "about": about}
    return int(session.connection().execute(_COUNT, asked).scalar_one())


def comment_of(row: CommentRow | Row[Any]) -> Comment:
    """A comment as it is kept."""
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


def _with_replies(session: Session, roots: Sequence[Row[Any]]) -> list[Thread]:
    replies: dict[str, list[Comment]] = {}
    for one in _replies(session, [row.id for row in roots]):
        replies.setdefault(one.thread, []).append(one)
    return [Thread(comment_of(row), tuple(replies.get(row.id, []))) for row in roots]


def _replies(session: Session, threads: Collection[str]) -> Iterator[Comment]:
    if threads:
        asked = {"threads": list(threads), "limit": MOST_REPLIES}
        yield from map(comment_of, session.connection().execute(_REPLIES, asked))


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
