"""The desk at which is handed out what a release can be judged from away from here."""

from __future__ import annotations

from auth.actors import Actor
from auth.people import People
from catalog.dossiers.contents import gather
from catalog.dossiers.pack import Pack, Signer, packed
from catalog.dossiers.receipt import Receipt, receipt_of
from catalog.releases.policies.shelf import Policies
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.requests.steps import visible
from ledger.acts import Ledger
from ledger.errors import Conflict, CountersignError


class Dossiers:
    """The desk of receipts and evidence packs."""

    def __init__(self, ledger: Ledger, policies: Policies, people: People, signer: Signer) -> None:
        self._ledger = ledger
        self._policies = policies
        self._people = people
        self._signer = signer

    def receipt(self, request: ReleaseRequest, *, by: Actor) -> Receipt | None:
        """The receipt of the decision that closed a request; None while nobody closed it.

        Raises:
            NotFound: the actor may not see the request.
        """
        with self._ledger.store.read() as session:
            visible(session, request.id, by)
            return receipt_of(session, request)

    def pack(self, request_id: str, *, by: Actor) -> Pack:
        """The evidence pack of a request, by its id or number, to be taken away: recorded.

        It is put together before the act that records it, so that nobody waits with writing for
        documents to be read. Raises NotFound, and Conflict when the request changed meanwhile.
        """
        refusal: CountersignError | None = None
        made, revision = None, 0
        try:
            with self._ledger.store.read() as session:
                row, model = visible(session, request_id, by)
                revision = row.revision
                found = gather(session, self._policies, row, model, now=self._ledger.clock.now())
            made = packed(found, self._people.names(found.people), self._signer)
        except CountersignError as error:
            refusal = error
        with self._ledger.act(
            "evidence:pack:download", actor=by.id, resource=f"evidence-pack:{request_id}"
        ) as act:
            row, model = visible(act.session, request_id, by)
            act.resource = f"evidence-pack:{row.id}"
            act.facts |= {"model": model.id, "version": row.version_id, "request": row.id}
            if refusal is not None:
                raise refusal
            if made is None or row.revision != revision:
                raise Conflict(
                    "The request was changed while its evidence pack was put together.",
                    hint="Download it again.",
                    code="changed-while-packed",
                )
            act.digests["pack"] = made.digest
            return made
