"""The discussion of a model: threads, replies, mentions, and a history of every change."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, col, delete, select

from auth.access import Verdict, decide
from auth.actors import Actor
from auth.holders import holders_called
from auth.people import as_of_now
from catalog.registry.discussion import threads
from catalog.registry.discussion.comment import (
    Comment,
    Edition,
    Thread,
    checked_about,
    checked_text,
)
from catalog.registry.discussion.mentions import mentioned
from catalog.registry.models import Model, resource
from catalog.registry.tables import CommentEditionRow, CommentRow, ModelRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, NotFound
from ledger.ids import new_id


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
        with self._ledger.store.read() as session:
            return threads.roots(session, model.id, about=about, limit=limit, offset=offset)

    def thread(self, model: Model, thread_id: str) -> Thread:
        """One thread. Raises NotFound."""
        with self._ledger.store.read() as session:
            found = threads.root(session, model.id, thread_id)
        if found is None:
            raise _no_comment()
        return found

    def count(self, model: Model, *, about: str = "") -> int:
        """How many threads there are."""
        with self._ledger.store.read() as session:
            return threads.count(session, model.id, about=about)

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
        names them, so that they are told once. What the comment `missed` says which @ told nobody.

        Raises:
            Invalid: it is empty, too long, or mentions too many.
            NotFound, Refused: no such model or thread; no role that may take part here.
        """
        text, about = checked_text(text), checked_about(about)
        with self._ledger.act("comment:post", actor=by.id, resource=f"model:{model_id}") as act:
            model = _open_model(act.session, model_id, by)
            decide(as_of_now(act.session, by, at=act.at), "comment:post", resource(model)).insist()
            if thread:
                root = act.session.get(CommentRow, thread)
                if root is None or root.model_id != model.id or root.thread != root.id:
                    raise _no_comment()
            comment_id = new_id("cmt")
            meant = mentioned(act.session, model, text, at=act.at)
            comment = Comment(
                comment_id,
                model.id,
                thread or comment_id,
                by.id,
                text,
                meant.people,
                act.at,
                about="" if thread else about,
                missed=meant.missed,
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
                return threads.comment_of(row)
            number = act.session.exec(
                select(func.count()).where(CommentEditionRow.comment_id == row.id)
            ).one()
            act.session.add(
                CommentEditionRow(comment_id=row.id, edition=number + 1, text=row.text, at=act.at)
            )
            row.text, row.edited_at = text, act.at
            row.mentions = " ".join(mentioned(act.session, model, text, at=act.at).people)
            act.session.add(row)
            act.facts |= {"model": model.id, "edition": str(number + 2)}
            act.texts["text"] = text
            return threads.comment_of(row)

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
