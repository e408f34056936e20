"""An approval is carried out in a guarded MLflow, and nothing else is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey
from mlflow.exceptions import RestException

from app.cli import main
from app.worker import MIRROR, RELEASES, collect_evidence
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.promotions.tickets import TicketOffice
from catalog.releases.states import PromotionState, Verb
from ledger.clock import SystemClock
from ledger.errors import Unavailable
from tests.faults.workshop import ALIAS, Workshop, alias, train
from tests.guard.scene import guarded, put, refusal
from tests.stack import MlflowServer, until


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A catalog whose MLflow trusts its key; no worker runs but when a test says so."""
    folder = tmp_path_factory.mktemp("portal")
    key = TicketOffice(folder / "keys", SystemClock()).public_key()
    server = guarded(tmp_path_factory.mktemp("mlflow"), COUNTERSIGN_GUARD_PUBLIC_KEY=key)
    server.start()
    try:
        server.wait()
        made = Workshop(folder, server, train(server))
        yield made
        made.close()
    finally:
        server.stop()


def carried_out(workshop: Workshop, at: str = "") -> Promotion | None:
    """Carry the next promotion out; `at` a point, whoever does it is cut off from the answer."""

    def cut(point: str) -> None:
        if point == at:
            raise Unavailable("The answer is lost.")

    return workshop.portal.promotions.carry_out_next("worker", by=RELEASES, at_point=cut)


def spent(server: MlflowServer, name: str) -> list[tuple[str, int, str]]:
    """The tickets that were spent on a model: alias, version and digest."""
    with sqlite3.connect(server.database) as database:
        return database.execute(
            "SELECT alias, version, digest FROM countersign_guard_tickets WHERE model = ?", (name,)
        ).fetchall()


def test_an_approval_moves_the_alias_by_one_ticket_that_names_its_files(
    workshop: Workshop,
) -> None:
    name = "carried out under guard"
    workshop.model(name, versions=2)
    request = workshop.approved(name, 2)
    with pytest.raises(RestException, match="moves by an approved release alone"):
        workshop.server.client.set_registered_model_alias(name, ALIAS, "2")

    done = carried_out(workshop)
    assert done
    assert (done.state, done.code) == (PromotionState.APPLIED, "applied")
    assert alias(workshop.server, name) == 2
    digest = workshop.portal.requests.get(request.id, by=workshop.cast.bob).manifest_digest
    assert spent(workshop.server, name) == [(ALIAS, 2, digest)]

    logged = workshop.server.client.get_logged_model(workshop.logged.model_id)
    folder = logged.artifact_location.partition(":/")[2]
    refusal(put(workshop.server, f"{folder}/MLmodel"))


def test_after_a_lost_answer_the_alias_is_read_before_another_ticket_is_made(
    workshop: Workshop,
) -> None:
    name = "answer lost"
    workshop.model(name, versions=1)
    request = workshop.approved(name, 1)
    with pytest.raises(Unavailable, match="The answer is lost"):
        carried_out(workshop, "after-call")
    assert alias(workshop.server, name) == 1
    assert len(spent(workshop.server, name)) == 1

    done = until(lambda: carried_out(workshop), "it is tried again")
    assert (done.request_id, done.code) == (request.id, "applied-before")
    assert len(spent(workshop.server, name)) == 1


def test_a_retirement_takes_the_alias_away_by_one_ticket_also_after_a_lost_answer(
    workshop: Workshop,
) -> None:
    name = "taken out of service"
    workshop.model(name, versions=1)
    workshop.approved(name, 1)
    carried_out(workshop)
    model = workshop.portal.models.find(name, by=workshop.cast.ann)
    workshop.portal.mirror.refresh(name, by=MIRROR)
    version = workshop.portal.models.version(model, 1)
    with pytest.raises(RestException, match="is taken away by an approved retirement alone"):
        workshop.server.client.delete_registered_model_alias(name, ALIAS)

    asked = workshop.portal.retirements.retire(
        version.id, ALIAS, "Nobody needs it.", by=workshop.cast.ann
    )
    collect_evidence(workshop.portal, asked.id)
    workshop.portal.decisions.decide(asked.id, Verb.APPROVE, "Agreed.", by=workshop.cast.bob)
    with pytest.raises(Unavailable, match="The answer is lost"):
        carried_out(workshop, "after-call")
    assert alias(workshop.server, name) is None
    done = until(lambda: carried_out(workshop), "it is tried again")
    assert (done.request_id, done.code) == (asked.id, "applied-before")
    digest = workshop.portal.requests.get(asked.id, by=workshop.cast.bob).manifest_digest
    assert digest
    assert spent(workshop.server, name) == [(ALIAS, 1, digest)] * 2


def test_a_portal_whose_key_the_guard_does_not_know_waits_and_says_where_to_look(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = "another key"
    workshop.model(name, versions=1)
    workshop.approved(name, 1)
    kept = Path(workshop.environment["DATA_DIR"], "keys", "guard-key.pem")
    own = kept.read_bytes()
    kept.write_bytes(OKPKey.generate_key("Ed25519").as_pem(private=True))
    try:
        with pytest.raises(Unavailable) as told:
            carried_out(workshop)
    finally:
        kept.write_bytes(own)
    assert "COUNTERSIGN_GUARD_" in told.value.hint
    assert alias(workshop.server, name) is None


def test_the_public_key_is_printed_and_the_private_one_kept_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main(["guard-key"]) == 0
    first = capsys.readouterr().out
    assert main(["guard-key"]) == 0
    assert capsys.readouterr().out == first
    key = OKPKey.import_key(json.loads(first))
    assert (key.curve_name, key.is_private) == ("Ed25519", False)
    kept = tmp_path / "keys" / "guard-key.pem"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert OKPKey.import_key(kept.read_bytes()).thumbprint() == key.thumbprint()
