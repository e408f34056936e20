"""Model cards: what a model's people say of it, published in revisions that never change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import rfc8785
from sqlalchemy import Executable, Row, bindparam, func
from sqlalchemy import select as columns
from sqlmodel import Session, col

from auth.access import Verdict, decide
from auth.actors import Actor
from auth.people import as_of_now
from catalog.registry.cards.body import CardBody, read, shaped
from catalog.registry.cards.exports import Edition
from catalog.registry.cards.rules import Completeness, completeness, insist_sound
from catalog.registry.cards.schema import insist_valid
from catalog.registry.models import Model, resource
from catalog.registry.tables import ModelCardRow, ModelRow
from ledger.acts import Act, Ledger
from ledger.errors import Conflict, Invalid, NotFound

LARGEST_CARD_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Card:
    """One revision of a model's card. Its digest is SHA-256 over the canonical JSON of the body."""

    model_id: str
    revision: int
    body: CardBody
    digest: str
    completeness: int
    published_by: str
    published_at: datetime
    restored_from: int | None = None

    @property
    def told(self) -> Completeness:
        """How complete it is, and what is missing."""
        return completeness(self.body)

    def edition(self, author: str) -> Edition:
        """The revision as it is written out, with its author's name."""
        return Edition(self.body, self.revision, self.digest, self.published_at, author)


@dataclass(frozen=True)
class Revision:
    """A revision in a list: everything but its words."""

    number: int
    digest: str
    completeness: int
    published_by: str
    published_at: datetime
    restored_from: int | None


@dataclass(frozen=True)
class Source:
    """The file a revision was brought in: its kind, and its digest."""

    kind: str
    digest: str


class Cards:
    """The desk where cards are kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    # -- looking: whoever holds the model may read its card ---------------------------------------

    def of(self, model: Model) -> Card | None:
        """The newest revision, if anybody has published one."""
        with self._ledger.store.read() as session:
            return _newest(session, model.id)

    def revision(self, model: Model, number: int) -> Card:
        """One revision. Raises NotFound."""
        with self._ledger.store.read() as session:
            return _one(session, model.id, number)

    def revisions(self, model: Model, *, limit: int = 20, offset: int = 0) -> list[Revision]:
        """The revisions, newest first, without their words."""
        asked = {"id": model.id, "limit": limit, "offset": offset}
        with self._ledger.store.read() as session:
            return [Revision(*row) for row in session.connection().execute(_LISTED, asked)]

    def scores(self, model_ids: Collection[str]) -> dict[str, int]:
        """How complete the newest cards of models are, 0 to 100; models without one are absent."""
        with self._ledger.store.read() as session:
            found = session.connection().execute(_SCORES, {"ids": list(model_ids)})
            return {row.model_id: row.completeness for row in found}

    def may_write(self, model: Model, *, by: Actor) -> Verdict:
        """Whether the actor may publish a card of this model."""
        return decide(by, "card:write", model.resource)

    # -- verbs ------------------------------------------------------------------------------------

    def publish(
        self,
        model_id: str,
        body: CardBody,
        *,
        based_on: int,
        by: Actor,
        source: Source | None = None,
    ) -> Card:
        """Publish the next revision of a model's card.

        `based_on` is the revision the author had before them, 0 when there was none; `source` is
        the file they brought, where they did not write it here.

        Raises:
            Invalid: a field breaks its rule, or the published schema refuses the card.
            Conflict: somebody published a revision since; nothing was changed.
            NotFound, Refused: no such model; no role that may write here.
        """
        self._insist_writer(model_id, by=by)
        insist_sound(body)
        plain = rfc8785.dumps(shaped(body))
        if len(plain) > LARGEST_CARD_BYTES:
            raise Invalid(
                f"The card has {len(plain):,} bytes; {LARGEST_CARD_BYTES:,} are kept.",
                hint="Shorten the longest entries, and link to the long text.",
                code="card-too-large",
            )
        insist_valid(_bom(plain))
        with self._ledger.act("card:publish", actor=by.id, resource=f"model:{model_id}") as act:
            if source is not None:
                act.facts["brought_as"] = source.kind
                act.digests["file"] = source.digest
            return self._append(act, model_id, body, plain.decode(), based_on=based_on, by=by)

    def _insist_writer(self, model_id: str, *, by: Actor) -> None:
        """Nobody else has their text read and judged at all; that they tried is recorded."""
        with self._ledger.store.read() as session:
            row = session.get(ModelRow, model_id)
            is_one = row is not None and decide(by, "card:write", resource(row)).allowed
        if not is_one:
            with self._ledger.act("card:publish", actor=by.id, resource=f"model:{model_id}") as act:
                _writable(act, model_id, by)

    def restore(self, model_id: str, revision: int, *, based_on: int, by: Actor) -> Card:
        """Publish an older revision again, as the newest. Raises as `publish` does."""
        with self._ledger.act("card:publish", actor=by.id, resource=f"model:{model_id}") as act:
            _writable(act, model_id, by)
            old = _one(act.session, model_id, revision)
            plain = rfc8785.dumps(shaped(old.body)).decode()
            return self._append(
                act, model_id, old.body, plain, based_on=based_on, by=by, restored_from=revision
            )

    @staticmethod
    def _append(
        act: Act,
        model_id: str,
        body: CardBody,
        plain: str,
        *,
        based_on: int,
        by: Actor,
        restored_from: int | None = None,
    ) -> Card:
        _writable(act, model_id, by)
        newest = act.session.connection().execute(_LAST, {"id": model_id}).scalar() or 0
        if newest != based_on:
            raise Conflict(
                f"Revision {newest} of this card was published since you began."
                if newest > based_on
                else f"This card has no revision {based_on} to build on.",
                hint="Nothing was changed and your text is kept: compare it with the newest "
                "revision, then publish it over that one.",
                code="card-changed-since",
            )
        card = Card(
            model_id,
            newest + 1,
            body,
            hashlib.sha256(plain.encode()).hexdigest(),
            completeness(body).score,
            by.id,
            act.at,
            restored_from,
        )
        act.session.add(
            ModelCardRow(
                model_id=model_id,
                revision=card.revision,
                body=plain,
                digest=card.digest,
                completeness=card.completeness,
                published_by=by.id,
                published_at=act.at,
                restored_from=restored_from,
            )
        )
        act.facts |= {"revision": str(card.revision), "completeness": str(card.completeness)}
        if restored_from is not None:
            act.facts["restored_from"] = str(restored_from)
        act.digests["card"] = f"sha256:{card.digest}"
        act.emit("card:publish", model_id, model=model_id, revision=str(card.revision), by=by.id)
        return card


def _writable(act: Act, model_id: str, by: Actor) -> ModelRow:
    """The model's row, locked until the act ends: two publishers queue, the second is told."""
    row = act.session.get(ModelRow, model_id, with_for_update=True)
    if row is None or row.gone_at is not None or not decide(by, "model:read", resource(row)):
        raise NotFound("There is no such model.", hint="Search for it under Discover.")
    decide(as_of_now(act.session, by, at=act.at), "card:write", resource(row)).insist()
    return row


def _bom(card: bytes) -> str:
    """The smallest bill of materials around a card, to ask the published schema about."""
    return (
        '{"bomFormat":"CycloneDX","specVersion":"1.7","components":'
        f'[{{"type":"machine-learning-model","name":"model","modelCard":{card.decode()}}}]}}'
    )


def _newest(session: Session, model_id: str) -> Card | None:
    row = session.connection().execute(_NEWEST, {"id": model_id}).first()
    return _card(row) if row else None


def _one(session: Session, model_id: str, number: int) -> Card:
    asked = {"id": model_id, "revision": number}
    row = session.connection().execute(_REVISION, asked).first() if _is_near(number) else None
    if row is None:
        raise NotFound(
            "This card has no such revision.",
            hint="Its revisions are listed on the Card tab of the Model page.",
            code="no-such-revision",
        )
    return _card(row)


def _is_near(number: int) -> bool:
    """Whether a number can be that of a revision: a larger one no database could be asked about."""
    return 0 < number < 2**31


def _card(row: Row[Any]) -> Card:
    return Card(
        model_id=row.model_id,
        revision=row.revision,
        body=read(json.loads(row.body)),
        digest=row.digest,
        completeness=row.completeness,
        published_by=row.published_by,
        published_at=row.published_at,
        restored_from=row.restored_from,
    )


_ROW: Final = ModelCardRow
_HEAD: Final = (
    col(_ROW.revision),
    col(_ROW.digest),
    col(_ROW.completeness),
    col(_ROW.published_by),
    col(_ROW.published_at),
    col(_ROW.restored_from),
)
_OF: Final = columns(col(_ROW.model_id), col(_ROW.body), *_HEAD).where(
    col(_ROW.model_id) == bindparam("id")
)
_NEWEST: Final[Executable] = _OF.order_by(col(_ROW.revision).desc()).limit(1)
_REVISION: Final[Executable] = _OF.where(col(_ROW.revision) == bindparam("revision"))
_LAST: Final[Executable] = columns(func.max(_ROW.revision)).where(
    col(_ROW.model_id) == bindparam("id")
)
_LISTED: Final[Executable] = (
    columns(*_HEAD)
    .where(col(_ROW.model_id) == bindparam("id"))
    .order_by(col(_ROW.revision).desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_LATEST: Final = (
    columns(col(_ROW.model_id), func.max(_ROW.revision).label("revision"))
    .where(col(_ROW.model_id).in_(bindparam("ids", expanding=True)))
    .group_by(col(_ROW.model_id))
    .subquery()
)
_SCORES: Final[Executable] = columns(col(_ROW.model_id), col(_ROW.completeness)).where(
    col(_ROW.model_id) == _LATEST.c.model_id, col(_ROW.revision) == _LATEST.c.revision
)
