"""The receipt of a decision names the one record that closed the request."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from app.panels.release_dossier import read
from app.panels.release_receipt import PROVES, written
from app.worker import RELEASES
from auth.actors import EVERYTHING
from auth.permissions import Role
from catalog.dossiers.receipt import Receipt
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import State, Verb
from tests.cast import WHY, House
from tests.catalog.releases.test_attacks import TWO
from tests.catalog.releases.test_conditions import WATCH, conditionally
from tests.catalog.releases.test_rollbacks import back
from tests.screens import Screens


def receipt(house: House, request: ReleaseRequest) -> Receipt | None:
    now = house.portal.requests.get(request.id, by=house.bob)
    return house.portal.dossiers.receipt(now, by=house.bob)


def test_a_receipt_is_of_the_record_that_closed_the_request_and_not_of_one_agreement(
    house: House,
) -> None:
    house.credit()
    house.portal.policies.publish(TWO, WHY, by=house.grace)
    fay = house.join("fay", Role.APPROVER, EVERYTHING)
    request = house.asked()
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=house.bob)
    assert receipt(house, request) is None
    house.portal.decisions.decide(request.id, Verb.APPROVE, WHY, by=fay)
    found = receipt(house, request)
    assert found
    first, last = house.records("release:approve")
    assert (first.reason, found.sequence, found.recorded_at) == ("agreed", last.sequence, last.at)
    assert found.digest == f"sha256:{hashlib.sha256(last.body.encode()).hexdigest()}"
    assert (found.decision.person_id, found.digests) == (fay.id, last.digests)
    assert found.digests.items() >= request.digests.items()


def test_what_is_done_to_a_live_version_later_does_not_hide_who_approved_it(
    small_house: House,
) -> None:
    small_house.credit()
    request = conditionally(small_house, WATCH)
    small_house.deliver()
    approved = receipt(small_house, request)
    for _ in range(30):
        small_house.clock.advance(timedelta(minutes=1))
        with small_house.portal.ledger.act(
            "release:recheck", actor=RELEASES.id, resource=f"request:{request.id}"
        ):
            pass
    assert approved
    assert receipt(small_house, request) == approved
    small_house.portal.approvals.revoke(request.id, WHY, by=small_house.bob)
    (revoked,) = small_house.records("release:revoke")
    closed = receipt(small_house, request)
    assert closed
    assert (closed.sequence, closed.decision.verb) == (revoked.sequence, Verb.REVOKE)


def test_a_rollback_that_ended_with_the_approval_it_rests_on_is_closed_by_that_record(
    small_house: House,
) -> None:
    small_house.credit(aucs=(0.80, 0.82, 0.84))
    for number in (2, 3):
        small_house.approved(number)
        small_house.deliver()
    assert back(small_house, 2, small_house.alice) == State.APPROVED
    small_house.deliver()
    small_house.clock.advance(timedelta(hours=1))
    small_house.portal.approvals.revoke("RR-2026-0001", WHY, by=small_house.bob)
    rollback = small_house.portal.requests.get("RR-2026-0003", by=small_house.bob)
    (revoked,) = small_house.records("release:revoke")
    found = receipt(small_house, rollback)
    assert found
    assert (rollback.state, found.sequence) == (State.REVOKED, revoked.sequence)


def test_the_receipt_can_be_copied_in_full_and_says_what_it_proves(on_screen: House) -> None:
    on_screen.credit()
    request = on_screen.approved()
    dossier = read(on_screen.portal, request.number, by=on_screen.carol)
    assert dossier
    assert dossier.receipt
    text = written(dossier, dossier.receipt)
    assert text.splitlines() == [
        f"{request.number}: credit-pd v2 @champion, approved",
        "by Bob Norrland, 20 Nov 2026, 09:12 UTC",
        f"audit record {dossier.receipt.sequence} {dossier.receipt.digest}",
        f"artifacts {request.manifest_digest}",
        f"evidence {request.snapshot_digest}",
        f"policy {request.policy_digest}",
        f"verdict {request.decisions[-1].verdict_digest}",
        f"{on_screen.portal.settings.public_url}/release?id={request.number}",
    ]
    page = Screens(on_screen, on_screen.carol).reads("release", id=request.number)
    assert dossier.receipt.digest in page
    assert PROVES in page
    assert "Evidence pack" in page
