"""The mirror writes down what MLflow holds: nothing lost, nothing invented, nothing inherited."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from app.worker import MIRROR
from auth.actors import Scope
from auth.permissions import Role
from catalog.registry.mirror import mirror
from catalog.registry.mirror.seen import SeenMetric, SeenModel
from catalog.registry.tables import ModelRow, VersionRow
from ledger.errors import NotFound, Refused, Unavailable
from ledger.tables import DomainEventRow
from tests.cast import SYSTEM, House, models_of, open_house
from tests.fakes import AWAY, auc


def catalog(house: House) -> dict[str, set[int]]:
    """What the catalog shows: names with the numbers of their versions."""
    return {
        model.name: {version.number for version in house.portal.models.versions(model)}
        for model in models_of(house.portal, by=SYSTEM)
    }


def in_mlflow(house: House) -> dict[str, set[int]]:
    return {name: house.mlflow.numbers(name) for name in house.mlflow.names}


def events(house: House, name: str) -> list[str]:
    with house.portal.store.read() as session:
        rows = session.exec(select(DomainEventRow).where(DomainEventRow.name == name))
        return [row.payload for row in rows]


def test_everything_mlflow_says_of_a_model_is_written_down(house: House) -> None:
    house.mlflow.register("credit-pd", "Probability of default.", team="risk")
    house.mlflow.log("credit-pd", metrics=[auc(0.81)], params={"depth": "4"}, description="First.")
    house.mlflow.point("credit-pd", "champion", 1)
    house.mirror()
    model, version = house.model(), house.version(1)
    assert (model.server, model.workspace, model.name) == ("main", "default", "credit-pd")
    assert (model.description, dict(model.tags)) == ("Probability of default.", {"team": "risk"})
    assert (version.description, version.status, version.aliases) == (
        "First.",
        "READY",
        ("champion",),
    )
    assert [(m.name, m.value, m.dataset_digest) for m in version.metrics] == [
        ("roc_auc", 0.81, "e1f0")
    ]
    run = house.portal.models.runs(model)[version.run_id]
    assert (run.user, run.experiment, dict(run.params)) == ("ada", "lending", {"depth": "4"})
    assert [(d.name, d.context, d.rows) for d in run.datasets] == [
        ("lending-holdout", "evaluation", 41_200),
        ("lending-train", "training", 120_000),
    ]
    assert run.datasets[0].columns == (("income", "double"),)


def test_what_mlflow_calls_owner_or_domain_classifies_nothing(small_house: House) -> None:
    small_house.mlflow.register("credit-pd", owner="bob", domain="Lending", task="regression")
    small_house.mirror()
    model = small_house.model()
    assert (model.owner_id, model.domain, model.task) == ("", "", "")


def test_a_change_is_seen_at_the_next_look_and_keeps_the_ids(house: House) -> None:
    house.credit()
    before = house.model(), house.version(1)
    house.mlflow.describe("credit-pd", "Rewritten.", team="risk")
    house.mlflow.describe_version("credit-pd", 1, "Rewritten too.")
    house.mlflow.log("credit-pd")
    house.mirror()
    model = house.model()
    assert (model.id, house.version(1).id) == (before[0].id, before[1].id)
    assert model.description == "Rewritten."
    assert dict(model.tags) == {"team": "risk"}
    assert house.version(1).description == "Rewritten too."
    assert (model.owner_id, model.domain) == (before[0].owner_id, before[0].domain)
    assert catalog(house) == {"credit-pd": {1, 2, 3}}


def test_looking_twice_changes_nothing(house: House) -> None:
    house.credit()
    before = house.model(), house.portal.models.versions(house.model())
    told = len(events(house, "version:seen")), len(events(house, "alias:seen"))
    house.mirror()
    assert (house.model(), house.portal.models.versions(house.model())) == before
    assert (len(events(house, "version:seen")), len(events(house, "alias:seen"))) == told


def test_an_alias_moved_or_removed_in_mlflow_is_followed_and_told(house: House) -> None:
    house.credit()
    house.clock.advance(timedelta(hours=1))
    house.mlflow.point("credit-pd", "champion", 2)
    house.mirror()
    champion = house.model().alias("champion")
    assert champion is not None
    assert (champion.number, champion.since) == (2, house.clock.now())
    assert champion.version_id == house.version(2).id
    house.mlflow.unset("credit-pd", "champion")
    house.mirror()
    assert house.model().aliases == ()
    assert events(house, "alias:seen") == [
        '{"alias": "champion", "before": "", "after": "1"}',
        '{"alias": "champion", "before": "1", "after": "2"}',
        '{"alias": "champion", "before": "2", "after": ""}',
    ]


def test_a_deleted_version_is_gone_with_its_alias_and_its_requests_hear_of_it(
    small_house: House,
) -> None:
    small_house.credit()
    gone = small_house.version(1)
    small_house.mlflow.delete_version("credit-pd", 1)
    small_house.mirror()
    assert catalog(small_house) == {"credit-pd": {2}}
    assert small_house.model().aliases == ()
    assert [job.payload["subject"] for job in small_house.jobs.waiting("close-requests")] == [
        gone.id
    ]


def test_a_deleted_model_is_gone_and_can_still_be_looked_up_by_its_id(house: House) -> None:
    model = house.credit()
    house.mlflow.delete("credit-pd")
    house.mirror()
    assert catalog(house) == {}
    with pytest.raises(NotFound):
        house.model()
    assert house.portal.models.get(model.id, by=SYSTEM).gone_at == house.clock.now()


def test_a_renamed_model_is_found_under_its_new_name_only(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.rename("credit-pd", "credit-default")
    small_house.mirror()
    assert catalog(small_house) == {"credit-default": {1, 2}}


def test_a_model_made_again_under_its_name_inherits_nothing(house: House) -> None:
    old = house.credit()
    ids = {version.id for version in house.portal.models.versions(old)}
    approver = house.join("ines", Role.APPROVER, Scope("model", old.id))
    house.mlflow.delete("credit-pd")
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd")
    house.mirror()
    new = house.model()
    assert new.id != old.id
    assert (new.owner_id, new.domain, new.task, new.aliases) == ("", "", "", ())
    assert house.version(1).id not in ids
    assert house.portal.authorship.of(new) == {house.version(1).id: []}
    with pytest.raises(NotFound):
        house.portal.models.get(new.id, by=approver)


def test_a_version_made_again_under_its_number_is_another_version(small_house: House) -> None:
    small_house.credit()
    old = small_house.version(2)
    kept = small_house.mlflow._kept["credit-pd"]
    del kept.versions[2]
    kept.numbers = iter([2])
    small_house.mlflow.log("credit-pd")
    small_house.mirror()
    new = small_house.version(2)
    assert new.id != old.id
    assert small_house.portal.authorship.of(small_house.model())[new.id] == []


def test_one_model_read_again_follows_that_model_alone(small_house: House) -> None:
    small_house.credit()
    small_house.mlflow.point("credit-pd", "champion", 2)
    small_house.mlflow.register("churn")
    small_house.portal.mirror.refresh("credit-pd", by=MIRROR)
    champion = small_house.model().alias("champion")
    assert champion is not None
    assert champion.number == 2
    assert "churn" not in catalog(small_house)
    small_house.mlflow.delete("credit-pd")
    small_house.portal.mirror.refresh("credit-pd", by=MIRROR)
    assert catalog(small_house) == {}


def test_a_version_still_being_written_is_opened_again_when_it_is_ready(
    small_house: House,
) -> None:
    small_house.mlflow.register("credit-pd")
    version = small_house.mlflow.log("credit-pd", status="PENDING_REGISTRATION", metrics=[])
    small_house.mirror()
    assert small_house.version(1).metrics == ()
    details = small_house.mlflow._details
    details[version.source] = type(details[version.source])(
        details[version.source].run, "m-1", (auc(0.9),), ("sklearn",), ""
    )
    small_house.mlflow.become("credit-pd", 1, "READY")
    small_house.mirror()
    assert [m.value for m in small_house.version(1).metrics] == [0.9]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_no_number_hides_neither_its_version_nor_others(
    house: House, value: float
) -> None:
    house.mlflow.register("credit-pd")
    house.mlflow.log("credit-pd", metrics=[auc(value), SeenMetric("accuracy", 0.7, "", "")])
    house.mlflow.register("zebra")
    house.mlflow.log("zebra")
    house.mirror()
    assert catalog(house) == {"credit-pd": {1}, "zebra": {1}}
    assert [m.name for m in house.version(1).metrics] == ["accuracy"]


def test_a_version_that_cannot_be_opened_hides_no_other(small_house: House) -> None:
    small_house.mlflow.register("credit-pd")
    small_house.mlflow.log("credit-pd")
    small_house.mlflow.hidden.add(("credit-pd", 1))
    small_house.mlflow.register("zebra")
    small_house.mlflow.log("zebra")
    small_house.mirror()
    assert catalog(small_house) == {"credit-pd": {1}, "zebra": {1}}
    assert small_house.version(1, "zebra").metrics


@pytest.mark.parametrize("who", ["alice", "grace", "erik"])
def test_no_person_writes_into_the_mirror(small_house: House, who: str) -> None:
    with pytest.raises(Refused):
        small_house.portal.mirror.crawl(by=small_house.who(who))


# -- MLflow is away --------------------------------------------------------------------------------


def test_while_mlflow_is_away_reads_still_answer_and_tell_their_age(house: House) -> None:
    house.credit()
    seen_at = house.clock.now()
    house.mlflow.trouble = AWAY
    house.clock.advance(timedelta(minutes=40))
    with pytest.raises(Unavailable):
        house.mirror()
    assert catalog(house) == {"credit-pd": {1, 2}}
    (state,) = house.portal.models.mirrored()
    assert state.succeeded_at == seen_at
    assert state.attempted_at == house.clock.now()
    assert state.problem == f"{AWAY.message} {AWAY.hint}"
    house.mlflow.trouble = None
    house.mirror()
    (state,) = house.portal.models.mirrored()
    assert (state.succeeded_at, state.problem) == (house.clock.now(), "")


def test_a_server_that_stops_answering_half_way_loses_nothing(small_house: House) -> None:
    for number in range(5):
        small_house.mlflow.register(f"model-{number}")
        small_house.mlflow.log(f"model-{number}")
    small_house.mirror()
    before = catalog(small_house)
    small_house.mlflow.page_rows = 2

    def go_away() -> None:
        small_house.mlflow.trouble = AWAY

    small_house.mlflow.between_pages = go_away
    with pytest.raises(Unavailable):
        small_house.mirror()
    assert catalog(small_house) == before


# -- pages that shift ------------------------------------------------------------------------------


def test_a_version_that_slips_between_two_pages_is_not_called_gone(small_house: House) -> None:
    """Deleting a row of page one moves the first row of page two to page one, already read."""
    small_house.credit(aucs=(0.80, 0.82, 0.83), champion=1)
    request = small_house.asked(2)
    ids = {n: small_house.version(n).id for n in (1, 2)}
    small_house.mlflow.page_rows = 1

    def delete_the_newest() -> None:
        if 3 in small_house.mlflow.numbers("credit-pd"):
            small_house.mlflow.delete_version("credit-pd", 3)

    small_house.mlflow.between_pages = delete_the_newest
    small_house.mirror()
    assert catalog(small_house) == {"credit-pd": {1, 2}}
    assert {n: small_house.version(n).id for n in (1, 2)} == ids
    small_house.work()
    assert small_house.portal.requests.get(request.id, by=small_house.bob).is_open


Change = Callable[[House, int], None]


def _make(house: House, at: int) -> None:
    name = f"m{at}"
    if name not in house.mlflow.names:
        house.mlflow.register(name)
    house.mlflow.log(name)


def _delete(house: House, at: int) -> None:
    if (name := f"m{at}") in house.mlflow.names:
        house.mlflow.delete(name)


def _delete_version(house: House, at: int) -> None:
    if (name := f"m{at}") in house.mlflow.names and (numbers := house.mlflow.numbers(name)):
        house.mlflow.delete_version(name, min(numbers))


def _point(house: House, at: int) -> None:
    if (name := f"m{at}") in house.mlflow.names and (numbers := house.mlflow.numbers(name)):
        house.mlflow.point(name, "champion", max(numbers))


def _again(house: House, at: int) -> None:
    _delete(house, at)
    _make(house, at)


changes = st.lists(
    st.tuples(
        st.sampled_from([_make, _delete, _delete_version, _point, _again]), st.integers(0, 4)
    ),
    max_size=8,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=changes, meanwhile=changes, page_rows=st.integers(1, 3))
def test_whatever_shifts_while_it_is_listed_the_mirror_loses_and_invents_nothing(
    _sqlite_cast: Path,  # noqa: PT019 - only its file is wanted
    first: list[tuple[Change, int]],
    meanwhile: list[tuple[Change, int]],
    page_rows: int,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "countersign.db"
        path.write_bytes(_sqlite_cast.read_bytes())
        house = open_house(f"sqlite:///{path}", Path(folder))
        for name in ("m0", "m1", "m2"):
            house.mlflow.register(name)
            house.mlflow.log(name)
            house.mlflow.log(name)
        for change, at in first:
            change(house, at)
        house.mirror()
        known = _incarnations(house)
        stayed = dict(known)
        house.mlflow.page_rows = page_rows
        waiting = list(meanwhile)

        def shift() -> None:
            if waiting:
                change, at = waiting.pop(0)
                change(house, at)
                alive = _alive(house)
                for one in [key for key in stayed if key not in alive]:
                    del stayed[one]

        house.mlflow.between_pages = shift
        house.mirror()
        # What was there all the time is still there, under the same id.
        now = _incarnations(house)
        assert {key: now.get(key) for key in stayed} == stayed
        # Once nothing moves, the catalog is what MLflow holds, aliases too.
        house.mlflow.between_pages = lambda: None
        house.mirror()
        assert catalog(house) == in_mlflow(house)
        assert {
            (model.name, alias.name): alias.number
            for model in models_of(house.portal, by=SYSTEM)
            for alias in model.aliases
        } == {
            (name, alias): number
            for name in house.mlflow.names
            for alias, number in house.mlflow._kept[name].model.aliases.items()
        }
        assert set(_incarnations(house)) == _alive(house)
        house.portal.store.close()


def _incarnations(house: House) -> dict[tuple[str, int, str], str]:
    """The versions in the catalog by name, number and run, with their ids."""
    with house.portal.store.read() as session:
        found = session.exec(
            select(ModelRow, VersionRow).where(
                ModelRow.id == VersionRow.model_id,
                VersionRow.gone_at == None,  # noqa: E711 - SQL
                ModelRow.gone_at == None,  # noqa: E711 - SQL
            )
        )
        return {(model.name, v.number, v.run_id): v.id for model, v in found}


def _alive(house: House) -> set[tuple[str, int, str]]:
    return {
        (name, number, house.mlflow._kept[name].versions[number].run_id)
        for name in house.mlflow.names
        for number in house.mlflow.numbers(name)
    }


# -- a server that fails again and again -----------------------------------------------------------


def test_a_server_that_failed_three_times_is_left_alone_and_then_asked_again(
    small_house: House,
) -> None:
    small_house.credit()
    small_house.mlflow.trouble = AWAY
    for _ in range(3):
        with pytest.raises(Unavailable):
            small_house.mirror()
    small_house.mlflow.trouble = None
    with pytest.raises(Unavailable) as told:
        small_house.mirror()
    assert told.value.code == "mlflow-resting"
    with pytest.raises(Unavailable):
        small_house.portal.mirror.refresh("credit-pd", by=MIRROR)
    (state,) = small_house.portal.models.mirrored()
    assert (state.failures, state.problem) == (3, f"{AWAY.message} {AWAY.hint}")
    small_house.clock.advance(timedelta(seconds=6))
    small_house.mirror()
    (state,) = small_house.portal.models.mirrored()
    assert (state.failures, state.open_until, state.problem) == (0, None, "")


def test_a_large_registry_is_read_as_a_whole_when_that_is_due(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "SMALL", 0)
    monkeypatch.setattr(mirror, "OVERLAP", timedelta(0))
    small_house.credit()
    for name in ("newer", "newest"):
        small_house.mlflow.register(name)  # where the news end
    small_house.mirror()
    small_house.clock.advance(timedelta(minutes=20))
    small_house.mlflow.point("credit-pd", "champion", 2)
    small_house.mlflow.page_rows = 1
    look = small_house.portal.mirror
    look.look(by=MIRROR)
    champion = small_house.model().alias("champion")
    assert champion is not None
    assert champion.number == 1  # MLflow does not say that an alias moved
    assert look.is_crawl_due(timedelta(minutes=15))
    look.look(by=MIRROR, at_everything=True)
    champion = small_house.model().alias("champion")
    assert champion is not None
    assert champion.number == 2
    assert not look.is_crawl_due(timedelta(minutes=15))


def test_a_reading_older_than_the_one_written_is_thrown_away(small_house: House) -> None:
    """A hint has a model read again while a crawl, which read it before, is still under way."""
    small_house.credit()
    small_house.clock.advance(timedelta(minutes=5))
    pages = small_house.mlflow.model_pages

    def slow(*, newest_first: bool = False) -> Iterator[Sequence[SeenModel]]:
        for page in pages(newest_first=newest_first):
            small_house.clock.advance(timedelta(seconds=5))
            if not newest_first:
                small_house.mlflow.point("credit-pd", "champion", 2)
                small_house.portal.mirror.refresh("credit-pd", by=MIRROR)
                small_house.clock.advance(timedelta(seconds=5))
            yield page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_house.mlflow, "model_pages", slow)
        small_house.mirror()
    champion = small_house.model().alias("champion")
    assert champion is not None
    assert champion.number == 2
    moves = small_house.portal.changes.spells(small_house.model(), "champion")
    assert [one.number for one in moves] == [1, 2]


def test_the_first_sight_of_a_large_registry_is_no_news_and_the_second_is(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "SMALL", 0)
    small_house.credit()
    assert [events(small_house, one) for one in ("model:seen", "version:seen", "alias:seen")] == [
        [],
        [],
        [],
    ]
    assert small_house.portal.changes.of(small_house.model())
    small_house.mlflow.log("credit-pd")
    small_house.mirror()
    assert events(small_house, "version:seen") == ["{}"]
