"""What moves in MLflow is explained by an approval that stands, or it is found, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import event

from app.loops import RECONCILER
from app.worker import read_artifacts
from catalog.applications.consumers import Relies
from catalog.registry.tables import ChangeRow, ModelRow
from catalog.releases.findings.finding import Finding, Kind, Severity
from catalog.releases.findings.findings import Wanted
from catalog.releases.policies.reading import pack_text
from catalog.releases.reconciliation.journal import ChangeJournal
from catalog.releases.tables import WatchedServerRow
from ledger.errors import Refused
from ledger.store import Store
from tests.cast import AT, SYSTEM, WHY, House
from tests.fakes import auc
from tests.stack import until

NAME: Final = "credit-pd"
MINUTE: Final = timedelta(minutes=1)


def live(house: House) -> None:
    """v2 of three is champion on an approval; v1 was when Countersign first looked."""
    house.credit(aucs=(0.80, 0.82, 0.84))
    look(house)
    house.approved()
    house.deliver()
    look(house)


def look(house: House) -> list[Finding]:
    """A minute later the worker reads all of MLflow and looks for explanations."""
    house.clock.advance(MINUTE)
    house.mirror()
    house.portal.reconciliation.run(by=RECONCILER)
    house.work()
    return findings(house)


def findings(house: House) -> list[Finding]:
    """All findings, in the order in which they were opened."""
    found = house.portal.findings.page(Wanted(), by=SYSTEM).findings
    return sorted(found, key=lambda one: one.number)


def point(house: House, number: int, alias: str = "champion") -> None:
    house.mlflow.point(NAME, alias, number)


def files(house: House, text: str, number: int = 2) -> None:
    """Somebody writes over a file of a version, and the worker reads its files again."""
    version = house.version(number)
    read_artifacts(house.portal, version.id)
    house.mlflow.write_file(house.mlflow.version(NAME, number), "model.skops", text)
    house.clock.advance(MINUTE)
    read_artifacts(house.portal, version.id)


# -- the law ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Law:
    """What is done, and the finding it is: its severity and what its title says, or none."""

    what: Callable[[House], object]
    severity: Severity | None = None
    title: str = ""


def deliver_another(house: House) -> None:
    house.approved(3)
    house.deliver()


def roll_back(house: House) -> None:
    deliver_another(house)
    house.portal.rollbacks.roll_back(house.version(2).id, "champion", WHY, by=house.alice)
    house.deliver()


def change_files_and_back(house: House) -> None:
    house.portal.mirror.read_files(house.version(2).id, "0" * 64, by=SYSTEM)
    read_artifacts(house.portal, house.version(2).id)


def revoke(house: House) -> None:
    """Approved, carried out, and taken back before the move was seen in MLflow."""
    request = house.approved(3)
    while house.portal.promotions.carry_out_next("worker-1", by=SYSTEM):
        pass
    house.portal.approvals.revoke(request.id, WHY, by=house.bob)


LAW: Final = {
    "an alias moved by a promotion": Law(deliver_another),
    "an alias moved by a rollback": Law(roll_back),
    "an alias moved by hand": Law(
        lambda house: point(house, 3),
        Severity.CRITICAL,
        "champion was moved from v2 to v3 outside the process",
    ),
    "an alias moved by hand to what was there before": Law(
        lambda house: point(house, 1),
        Severity.CRITICAL,
        "champion was moved from v2 to v1 outside the process",
    ),
    "an alias moved on an approval that was taken back": Law(
        revoke, Severity.CRITICAL, "v3 is live as champion and its approval was revoked"
    ),
    "an alias removed by hand": Law(
        lambda house: house.mlflow.unset(NAME, "champion"),
        Severity.CRITICAL,
        "champion was removed from v2 outside the process",
    ),
    "an alias set by hand": Law(
        lambda house: point(house, 3, "shadow"),
        Severity.HIGH,
        "shadow was set to v3 outside the process",
    ),
    "a stage": Law(
        lambda house: house.mlflow.stage(NAME, 3, "Production"),
        Severity.MEDIUM,
        "v3 was moved from the MLflow stage None to Production outside the process",
    ),
    "files of an approved version": Law(
        lambda house: files(house, "other"),
        Severity.CRITICAL,
        "The files of v2 were changed outside the process",
    ),
    "files that are again the approved ones": Law(
        change_files_and_back,
        Severity.CRITICAL,
        "The files of v2 were changed outside the process",
    ),
    "files of a version nobody uses": Law(
        lambda house: files(house, "other", 3),
        Severity.MEDIUM,
        "The files of v3 were changed outside the process",
    ),
    "an approved version deleted while it is live": Law(
        lambda house: house.mlflow.delete_version(NAME, 2),
        Severity.HIGH,
        "v2 was deleted outside the process",
    ),
    "a version nobody uses deleted": Law(lambda house: house.mlflow.delete_version(NAME, 3)),
    "a live model deleted": Law(
        lambda house: house.mlflow.delete(NAME),
        Severity.HIGH,
        "The model was deleted with all its versions outside the process",
    ),
    "a live model renamed": Law(
        lambda house: house.mlflow.rename(NAME, "credit-pd-2"),
        Severity.HIGH,
        "credit-pd was renamed to credit-pd-2 outside the process",
    ),
    "a tag of an approved version": Law(
        lambda house: house.mlflow.tag_version(NAME, 2, checked="no", by="ada"),
        Severity.LOW,
        "Tags of v2 were changed after its approval outside the process",
    ),
    "a tag of a version nobody uses": Law(lambda h: h.mlflow.tag_version(NAME, 3, checked="no")),
    "a tag of the model": Law(lambda h: h.mlflow.describe(NAME, "Rewritten.", team="risk")),
    "a new version": Law(lambda house: house.mlflow.log(NAME)),
    "nothing": Law(lambda _house: None),
}


@pytest.mark.parametrize("what", LAW)
def test_a_change_in_mlflow_is_explained_or_found(small_house: House, what: str) -> None:
    live(small_house)
    law = LAW[what]
    law.what(small_house)
    found = look(small_house)
    assert [(one.severity, one.title) for one in found] == (
        [(law.severity, law.title)] if law.severity else []
    )
    assert look(small_house) == found
    assert small_house.portal.reconciliation.look_astray(by=RECONCILER) == 0


@pytest.mark.parametrize(
    "what",
    [one for one in LAW if LAW[one].severity and "file" not in one and "approval" not in one],
)
def test_what_was_there_when_countersign_first_looked_is_no_finding(
    small_house: House, what: str
) -> None:
    """The same changes, made before the first look, where they can be."""
    mlflow = small_house.mlflow
    mlflow.register(NAME)
    for value in (0.80, 0.82, 0.84):
        mlflow.log(NAME, metrics=[auc(value)])
    point(small_house, 2)
    LAW[what].what(small_house)
    assert look(small_house) == []
    assert look(small_house) == []


def test_a_finding_says_when_it_happened_what_was_approved_and_who_relies_on_it(
    house: House,
) -> None:
    live(house)
    house.portal.consumers.register(
        house.model().id,
        Relies("champion", "Decides loans.", "loans@norrland.example"),
        by=house.robot,
    )
    house.mirror()
    last_good = house.clock.now()
    house.clock.advance(MINUTE)
    point(house, 3)
    (found,) = look(house)
    assert (found.kind, found.version_number, found.alias) == (Kind.OUTSIDE, 3, "champion")
    assert (found.since, found.until) == (last_good, house.clock.now())
    assert found.took == 2 * MINUTE
    assert found.detail == ("Approved for champion is v2, in RR-2026-0001. Relied on by Loan desk.")
    assert (found.owner_id, found.opened_by) == (house.alice.id, RECONCILER.id)
    assert found.due_on == (house.clock.now() + timedelta(days=1)).date()
    (record,) = house.records("registry:reconcile")
    assert record.texts[found.number] == found.title
    assert record.facts["findings"] == "1"


@pytest.mark.parametrize(
    ("alias", "relied_on", "severity"),
    [
        ("champion", True, Severity.CRITICAL),
        ("champion", False, Severity.HIGH),
        ("notebook", False, Severity.MEDIUM),
    ],
)
def test_a_move_is_as_bad_as_what_depends_on_it(
    small_house: House,
    alias: str,
    relied_on: bool,  # noqa: FBT001 - a column of the table
    severity: Severity,
) -> None:
    law = pack_text("baseline").replace("\nversion: 1\n", "\nversion: 2\n")
    law += "\napplies_to:\n  aliases: [champion]\n"
    model = small_house.credit()
    small_house.portal.policies.publish(law, WHY, by=small_house.grace)
    look(small_house)
    if relied_on:
        relies = Relies(alias, "Decides loans.", "loans@norrland.example")
        small_house.portal.consumers.register(model.id, relies, by=small_house.robot)
    point(small_house, 2, alias)
    assert [one.severity for one in look(small_house)] == [severity]


def test_nobody_owns_what_nobody_is_known_to(small_house: House) -> None:
    small_house.mlflow.register("orphan")
    small_house.mlflow.log("orphan")
    look(small_house)
    small_house.mlflow.point("orphan", "champion", 1)
    (found,) = look(small_house)
    assert found.owner_id == ""
    waiting = small_house.portal.findings.waiting
    assert waiting(by=small_house.grace).findings == (found,)
    given = small_house.portal.findings.assign(
        found.id, WHY, owner_id=small_house.carol.id, due_on=found.due_on, by=small_house.grace
    )
    assert waiting(by=small_house.grace).findings == ()
    assert waiting(by=small_house.carol).findings == (given,)


def test_a_new_model_that_comes_with_an_alias_is_found_though_it_was_never_read_before(
    house: House,
) -> None:
    live(house)
    made = house.mlflow.register("upstart")
    house.mlflow.log("upstart")
    house.mlflow.point("upstart", "champion", 1)
    (found,) = look(house)
    assert found.title == "champion was set to v1 outside the process"
    assert found.since == made.created_at
    house.mlflow.delete(NAME)
    house.mlflow.register(NAME)
    house.mlflow.log(NAME)
    point(house, 1)
    titles = [one.title for one in look(house)][1:]
    assert sorted(titles) == [
        "The model was deleted with all its versions outside the process",
        "champion was set to v1 outside the process",
    ]


def test_a_move_that_is_seen_before_its_promotion_is_marked_is_explained(house: House) -> None:
    house.credit()
    look(house)
    house.approved()

    def seen(place: str) -> None:
        if place in {"after-call", "before-mark"}:
            house.clock.advance(MINUTE)
            house.mirror()
            house.portal.reconciliation.run(by=RECONCILER)

    house.portal.promotions.carry_out_next("worker-1", by=SYSTEM, at_point=seen)
    assert look(house) == []


def test_a_move_that_was_read_between_the_note_and_the_call_is_explained(house: House) -> None:
    house.credit()
    look(house)
    house.approved()

    def read(place: str) -> None:
        house.clock.advance(MINUTE)
        if place == "before-call":
            house.mirror()  # the alias is where it was: the window begins after the note

    house.portal.promotions.carry_out_next("worker-1", by=SYSTEM, at_point=read)
    assert look(house) == []


def test_an_older_approval_does_not_explain_that_somebody_goes_back_by_hand(house: House) -> None:
    live(house)
    deliver_another(house)
    point(house, 2)
    (found,) = look(house)
    assert found.title == "champion was moved from v3 to v2 outside the process"


def test_an_alias_moved_back_before_anybody_read_it_is_found_though_nothing_changed(
    house: House,
) -> None:
    live(house)
    house.approved(3)
    while house.portal.promotions.carry_out_next("worker-1", by=SYSTEM):
        pass
    desk = house.portal.reconciliation
    house.clock.advance(MINUTE)
    point(house, 2)
    assert desk.look_astray(by=RECONCILER) == 0  # nobody has read it since
    assert look(house) == []
    assert desk.look_astray(by=RECONCILER) == 1
    assert desk.look_astray(by=RECONCILER) == 0
    (found,) = findings(house)
    assert found.title == "champion is on v2, and v3 was approved for it"
    assert (found.severity, found.version_number) == (Severity.CRITICAL, 2)
    point(house, 3)
    look(house)
    assert house.portal.remedies.close(by=RECONCILER) == [found.id]
    assert desk.look_astray(by=RECONCILER) == 0


def test_an_approved_move_that_somebody_makes_by_hand_before_countersign_is_found(
    small_house: House,
) -> None:
    live(small_house)
    small_house.approved(3)
    point(small_house, 3)
    (found,) = look(small_house)
    assert found.title == "champion was moved from v2 to v3 outside the process"
    small_house.deliver()
    assert small_house.portal.remedies.close(by=RECONCILER) == [found.id]


def test_what_was_approved_afterwards_explains_no_earlier_move(small_house: House) -> None:
    live(small_house)
    for number in (3, 2):
        point(small_house, number)
        small_house.clock.advance(MINUTE)
        small_house.mirror()
    small_house.clock.advance(MINUTE)
    deliver_another(small_house)
    (found,) = look(small_house)
    assert found.title == "champion was moved from v2 to v3 outside the process"


def test_a_live_version_that_nobody_approved_is_missed_when_it_is_deleted(
    small_house: House,
) -> None:
    small_house.credit()
    look(small_house)
    small_house.mlflow.delete_version(NAME, 1)
    assert [one.title for one in look(small_house)] == ["v1 was deleted outside the process"]


def test_a_version_that_was_live_long_before_it_is_deleted_is_not_missed(
    small_house: House,
) -> None:
    small_house.credit()
    look(small_house)
    small_house.mlflow.unset(NAME, "champion")
    (removed,) = look(small_house)
    look(small_house)
    small_house.mlflow.delete_version(NAME, 1)
    assert look(small_house) == [removed]


def test_a_change_that_is_still_to_be_looked_at_is_not_astray(small_house: House) -> None:
    live(small_house)
    point(small_house, 3)
    small_house.clock.advance(MINUTE)
    small_house.mirror()
    assert small_house.portal.reconciliation.look_astray(by=RECONCILER) == 0
    assert len(look(small_house)) == 1


# -- in order, once, whatever is killed ------------------------------------------------------------


def test_many_changes_are_looked_at_batch_by_batch_and_none_twice(house: House) -> None:
    live(house)
    for number in (3, 1, 3, 1, 3):
        point(house, number)
        house.clock.advance(MINUTE)
        house.mirror()
    desk = house.portal.reconciliation
    assert desk.run(by=RECONCILER, batch=2) == 5
    assert desk.run(by=RECONCILER, batch=2) == 0
    moves = ((2, 3), (3, 1), (1, 3), (3, 1), (1, 3))
    assert [one.title for one in findings(house)] == [
        f"champion was moved from v{before} to v{after} outside the process"
        for before, after in moves
    ]
    assert len(house.records("registry:reconcile")) == 3


def test_a_batch_that_was_killed_is_looked_at_again(house: House) -> None:
    live(house)
    point(house, 3)
    house.clock.advance(MINUTE)
    house.mirror()

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    engine = house.portal.store.engine
    event.listen(engine, "commit", kill, once=True)
    with pytest.raises(Killed):
        house.portal.reconciliation.run(by=RECONCILER)
    assert findings(house) == []
    assert len(look(house)) == 1


def test_a_change_that_is_committed_after_a_later_one_is_not_skipped(
    postgres_store: Store,
) -> None:
    model = ModelRow(
        id="mdl_1",
        server="main",
        workspace="default",
        name=NAME,
        created_at=AT,
        updated_at=AT,
        seen_at=AT,
    )
    with postgres_store.write() as session:
        session.add(model)
    journal, found = ChangeJournal(postgres_store), ThreadPoolExecutor(1)
    with postgres_store.write() as slow:
        slow.add(_stage("early"))
        slow.flush()
        with postgres_store.write() as quick:
            quick.add(_stage("late"))
        newest = found.submit(journal.newest)
        until(
            lambda: postgres_store.rows("SELECT 1 FROM pg_locks WHERE NOT granted"),
            "the reader waits for the writer",
            within=20,
        )
    with postgres_store.read() as session:
        moved = journal.after(session, 0, newest.result(20), 10)
    assert [one.after for one in moved] == ["early", "late"]


def test_an_alias_without_a_window_is_news_only_of_a_model_made_since(
    sqlite_store: Store,
) -> None:
    """Of the four, one: a clock that runs ahead and a model that was read late are none."""
    with sqlite_store.write() as session:
        session.add(WatchedServerRow(server="main", sequence=2, since=AT))
        for number, made in enumerate((AT - MINUTE, AT + MINUTE) * 2, start=1):
            session.add(
                ModelRow(
                    id=f"mdl_{number}",
                    server="main",
                    workspace="default",
                    name=f"m{number}",
                    created_at=made,
                    updated_at=made,
                    seen_at=made,
                )
            )
            session.flush()
            session.add(
                ChangeRow(sequence=number, model_id=f"mdl_{number}", kind="alias", until=AT)
            )
    with sqlite_store.read() as session:
        found = ChangeJournal(sqlite_store).after(session, 0, 10, 10)
    assert [one.model_id for one in found] == ["mdl_4"]


def test_of_two_workers_that_looked_at_the_same_one_goes_on(store: Store) -> None:
    journal = ChangeJournal(store)
    for reached, to, is_first in ((0, 5, True), (0, 5, False), (5, 9, True), (5, 9, False)):
        with store.write() as session:
            assert journal.advance(session, reached, to, at=AT) is is_first
    with store.read() as session:
        assert journal.reached(session) == 9


def _stage(after: str) -> ChangeRow:
    return ChangeRow(model_id="mdl_1", kind="stage", after=after, since=AT, until=AT)


def test_what_asks_for_no_explanation_is_not_put_on_record(small_house: House) -> None:
    live(small_house)
    small_house.mlflow.describe(NAME, "Rewritten.")
    look(small_house)
    deliver_another(small_house)
    look(small_house)
    assert small_house.records("registry:reconcile") == []


def test_only_countersign_itself_looks(small_house: House) -> None:
    for by in (small_house.alice, small_house.bob, small_house.grace, small_house.robot):
        for verb in (
            small_house.portal.reconciliation.run,
            small_house.portal.remedies.close,
            small_house.portal.remedies.revert,
        ):
            with pytest.raises(Refused):
                verb(by=by)
