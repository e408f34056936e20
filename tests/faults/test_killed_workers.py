"""A worker that is killed in the middle: what was approved is done once, and rightly."""

from __future__ import annotations

import os
import signal

import pytest

from app.worker import MIRROR
from catalog.assurance.explanations import Explanation, ExplanationState
from catalog.releases.requests.request import Which
from catalog.releases.states import PromotionState, State
from ledger.errors import NotFound
from tests.faults.workshop import ALIAS, Workshop, alias, register
from tests.stack import processes_about, until


def test_an_alias_that_was_moved_on_while_the_worker_lay_dead_is_not_moved_back(
    workshop: Workshop,
) -> None:
    name = "moved-on"
    workshop.model(name, versions=3)
    request = workshop.approved(name, 2)
    with workshop.worker(killed_at="after-call") as worker:
        assert worker.ends() == -signal.SIGKILL
    assert alias(workshop.server, name) == 2
    workshop.server.client.set_registered_model_alias(name, ALIAS, "3")

    with workshop.worker():
        done = workshop.carried_out(request)
    assert alias(workshop.server, name) == 3
    assert (done.state, done.code) == (PromotionState.FAILED, "alias-moved-since")
    assert "somebody moved it since" in done.message
    assert [record.act for record in workshop.records(done)] == ["promotion:fail"]


def test_a_model_made_again_under_its_name_inherits_no_approval(workshop: Workshop) -> None:
    name = "made-again"
    before = workshop.model(name, versions=1)
    first = workshop.portal.models.version(before, 1)
    request = workshop.approved(name, 1)
    workshop.server.client.delete_registered_model(name)
    register(workshop.server, workshop.logged, name, versions=1)

    with workshop.worker():
        done = workshop.carried_out(request)
    assert (done.state, done.code) == (PromotionState.FAILED, "version-gone")
    assert "is not the one approved" in done.message
    assert [record.act for record in workshop.records(done)] == ["promotion:fail"]
    assert alias(workshop.server, name) is None

    workshop.portal.mirror.crawl(by=MIRROR)
    again = workshop.portal.models.find(name, by=workshop.cast.ann)
    version = workshop.portal.models.version(again, 1)
    assert again.id != before.id
    assert version.id != first.id
    assert not again.owner_id
    assert workshop.portal.requests.listing(Which(model_id=again.id), by=workshop.cast.bob) == []
    with pytest.raises(NotFound):
        workshop.portal.requests.preview(first.id, ALIAS, by=workshop.cast.ann)
    assert workshop.portal.requests.get(request.id, by=workshop.cast.bob).state is State.APPROVED


def test_an_explanation_goes_on_after_its_worker_was_killed(workshop: Workshop) -> None:
    model = workshop.model("explained", versions=1)
    version = workshop.portal.models.version(model, 1)
    workshop.portal.explanations.request(version.id, by=workshop.cast.ann)

    def explanation(state: ExplanationState) -> Explanation | None:
        found = workshop.portal.explanations.of(version.id, by=workshop.cast.ann)
        assert found
        assert found.state is not ExplanationState.FAILED, found.problem
        return found if found.state is state else None

    with workshop.worker() as worker:
        until(lambda: explanation(ExplanationState.RUNNING), "the explanation is under way")
        os.kill(worker.process.pid, signal.SIGKILL)
        assert worker.ends() == -signal.SIGKILL
    assert explanation(ExplanationState.RUNNING)

    with workshop.worker():
        done = until(lambda: explanation(ExplanationState.DONE), "the explanation is there")
    assert done.result
    assert set(done.result.features) == {
        "mean radius",
        "mean texture",
        "mean smoothness",
        "mean symmetry",
    }
    assert processes_about(workshop.environment["DATA_DIR"]) == {}
