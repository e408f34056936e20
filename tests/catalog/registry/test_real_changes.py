"""What changes in a real MLflow is in the catalog and the journal, whether its clock tells or not.

MLflow's update times miss aliases and tags, its webhooks miss descriptions, renames and deletions:
each row of that table is made here, and seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
import uvicorn
from sqlmodel import select

from app import loops, mirror_loops
from app.api import create_api
from app.durable import DurableWorker, prepare
from app.loops import RECONCILER
from app.portal import Portal, build
from app.settings import from_environment
from app.worker import MIRROR, handlers
from catalog.registry.changes import Change, Kind
from catalog.registry.mirror import mirror as mirroring
from catalog.registry.mlflow import server as adapter
from catalog.registry.mlflow.connection import Connection
from catalog.registry.mlflow.server import MlflowServer as Adapter
from catalog.registry.models import Model
from catalog.registry.tables import DeliveryRow
from catalog.releases.findings.finding import Finding
from catalog.releases.findings.findings import Wanted
from ledger.errors import Conflict, NotFound
from ledger.store import Store, sqlite_url
from tests.cast import SYSTEM
from tests.fakes import FakeJobs
from tests.stack import MlflowServer, free_ports, mlflow_client, until

if TYPE_CHECKING:
    from mlflow import MlflowClient

SECRET: Final = "a-secret-of-at-least-sixteen-characters"
LAB: Final = "risk-lab"


@dataclass(frozen=True)
class Row:
    """One row of the table: what is done, what the journal says, what MLflow's clock says."""

    change: Callable[[MlflowClient, str], object]
    kind: Kind
    name: str
    before: str
    after: str
    bumps_model: bool
    bumps_version: bool


ROWS: Final = {
    "model description": Row(
        lambda c, n: c.update_registered_model(n, "Second."),
        *("description", "", "First.", "Second."),
        *(True, False),
    ),
    "model tag set": Row(
        lambda c, n: c.set_registered_model_tag(n, "team", "risk"),
        *("tag", "team", "", "risk"),
        *(False, False),
    ),
    "model tag deleted": Row(
        lambda c, n: c.delete_registered_model_tag(n, "old"),
        *("tag", "old", "x", ""),
        *(False, False),
    ),
    "version description": Row(
        lambda c, n: c.update_model_version(n, "1", "Second."),
        *("description", "", "First.", "Second."),
        *(False, True),
    ),
    "version tag set": Row(
        lambda c, n: c.set_model_version_tag(n, "1", "checked", "yes"),
        *("tag", "checked", "", "yes"),
        *(False, False),
    ),
    "version tag deleted": Row(
        lambda c, n: c.delete_model_version_tag(n, "1", "old"),
        *("tag", "old", "x", ""),
        *(False, False),
    ),
    "alias set": Row(
        lambda c, n: c.set_registered_model_alias(n, "shadow", "1"),
        *("alias", "shadow", "", "1"),
        *(False, False),
    ),
    "alias moved": Row(
        lambda c, n: c.set_registered_model_alias(n, "champion", "2"),
        *("alias", "champion", "1", "2"),
        *(False, False),
    ),
    "alias deleted": Row(
        lambda c, n: c.delete_registered_model_alias(n, "champion"),
        *("alias", "champion", "1", ""),
        *(False, False),
    ),
    "version created": Row(
        lambda c, n: c.create_model_version(n, "s3://models/3"),
        *("created", "3", "", ""),
        *(True, False),
    ),
    "stage": Row(
        lambda c, n: c.transition_model_version_stage(n, "1", "Production"),
        *("stage", "", "", "Production"),
        *(True, True),
    ),
    "version deleted": Row(
        lambda c, n: c.delete_model_version(n, "2"),
        *("deleted", "2", "", ""),
        *(True, False),
    ),
    "renamed": Row(
        lambda c, n: c.rename_registered_model(n, f"{n}, renamed"),
        *("renamed", "", "renamed", "renamed, renamed"),
        *(True, True),
    ),
    "model deleted": Row(
        lambda c, n: c.delete_registered_model(n),
        *("deleted", "", "model deleted", ""),
        *(False, False),
    ),
}


@dataclass
class World:
    """A real MLflow with workspaces, and a portal that looks at it."""

    server: MlflowServer
    portal: Portal
    seen_by_news: dict[str, bool]
    before: dict[str, Model]

    def model(self, row: str) -> Model:
        return self.portal.models.get(self.before[row].id, by=SYSTEM)

    def changes(self, row: str) -> list[Change]:
        return self.portal.changes.of(self.before[row])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    started = MlflowServer(
        tmp_path_factory.mktemp("mlflow"),
        {
            "MLFLOW_ENABLE_WORKSPACES": "true",
            "MLFLOW_WEBHOOK_CACHE_TTL": "1",
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https,http",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "M2Y5ZmJmZDFjYTcwNDQ2Zjk0YmI5YTFhYWRjNGI0NjA=",
        },
    )
    started.start()
    try:
        started.wait()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def portal(
    server: MlflowServer, _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("portal")
    (folder / "countersign.db").write_bytes(_sqlite_template.read_bytes())
    settings = from_environment(
        {
            "DATA_DIR": str(folder),
            "MLFLOW_TRACKING_URI": server.uri,
            "MLFLOW_WEBHOOK_SECRET": SECRET,
        }
    )
    built = build(settings, jobs=FakeJobs())
    yield built
    built.store.close()


@pytest.fixture(scope="module")
def world(server: MlflowServer, portal: Portal) -> World:
    """Every row's model as it was, its change made, seen by the news and then by a crawl."""
    client = server.client
    for name in ROWS:
        client.create_registered_model(name, {"old": "x"}, "First.")
        for number in (1, 2):
            client.create_model_version(
                name, f"s3://models/{number}", tags={"old": "x"}, description="First."
            )
        client.set_registered_model_alias(name, "champion", "1")
    for name in ("last but one", "last"):
        client.create_registered_model(name)  # where the news of this test end
    portal.mirror.crawl(by=MIRROR)
    before = {name: portal.models.find(name, by=SYSTEM) for name in ROWS}
    for name, row in ROWS.items():
        row.change(client, name)
    with pytest.MonkeyPatch.context() as patch:
        # As if the registry were large and its models old: only what was updated is read.
        patch.setattr(mirroring, "SMALL", 0)
        patch.setattr(mirroring, "OVERLAP", timedelta(0))
        patch.setattr(adapter, "_NEWS_PAGE", 1)
        portal.mirror.look(by=MIRROR)
    seen = {name: _is_there(portal, before[name], row) for name, row in ROWS.items()}
    portal.mirror.crawl(by=MIRROR)
    return World(server, portal, seen, before)


def _is_there(portal: Portal, model: Model, row: Row) -> bool:
    wanted = (row.kind, row.name, row.before, row.after)
    found = portal.changes.of(model)
    return wanted in [(one.kind, one.name, one.before, one.after) for one in found]


@pytest.mark.parametrize("name", ROWS)
def test_a_change_is_in_the_journal_after_a_crawl_with_its_window(world: World, name: str) -> None:
    row = ROWS[name]
    newest = world.changes(name)
    (change,) = [
        one
        for one in newest
        if (one.kind, one.name, one.before, one.after)
        == (row.kind, row.name, row.before, row.after)
        and one.since is not None
    ]
    assert change.since is not None
    assert change.since < change.until
    # What it brings with it, and nothing else.
    others = {one.kind for one in newest if one.since is not None} - {row.kind}
    assert others <= ({"alias", "deleted"} if row.kind == "deleted" else set())


@pytest.mark.parametrize("name", ROWS)
def test_what_mlflow_calls_an_update_is_seen_without_reading_everything(
    world: World, name: str
) -> None:
    row = ROWS[name]
    assert world.seen_by_news[name] is (row.bumps_model or row.bumps_version)


def test_the_catalog_shows_what_mlflow_holds_now(world: World) -> None:
    assert world.model("model description").description == "Second."
    assert dict(world.model("model tag set").tags) == {"old": "x", "team": "risk"}
    assert dict(world.model("model tag deleted").tags) == {}
    aliases = {row: {a.name: a.number for a in world.model(row).aliases} for row in ROWS}
    assert aliases["alias set"] == {"champion": 1, "shadow": 1}
    assert aliases["alias moved"] == {"champion": 2}
    assert aliases["alias deleted"] == {}
    numbers = {
        row: sorted(v.number for v in world.portal.models.versions(world.model(row)))
        for row in ("version created", "version deleted")
    }
    assert numbers == {"version created": [1, 2, 3], "version deleted": [1]}
    assert world.model("renamed").name == "renamed, renamed"
    assert world.model("model deleted").gone_at is not None
    with pytest.raises(NotFound):
        world.portal.models.find("model deleted", by=SYSTEM)


# -- several workspaces and several servers --------------------------------------------------------


@pytest.fixture(scope="module")
def everywhere(world: World, mlflow_server: str) -> Portal:
    """A model of one name in two workspaces of one server, and on another server."""
    client, place = world.server.client, Connection(world.server.uri)
    client.create_workspace(LAB)
    other = mlflow_client(mlflow_server)
    for asked, told in (
        (place.within(LAB), client),
        (place, client),
        (Connection(mlflow_server), other),
    ):
        with asked._as_it_wants():
            told.create_registered_model("twin", {}, f"At {asked.uri} in {asked._workspace}.")
            told.create_model_version("twin", "s3://models/1")
    settings = from_environment(
        {
            "DATA_DIR": str(world.portal.settings.data_dir),
            "MLFLOW_TRACKING_URI": world.server.uri,
            "MLFLOW_SERVERS": f"second={mlflow_server}",
        }
    )
    portal = build(settings, jobs=FakeJobs())
    for mirror in portal.mirrors.values():
        mirror.crawl(by=MIRROR)
    return portal


PLACES: Final = (("main", "default"), ("main", LAB), ("second", "default"))


def test_models_of_one_name_are_told_apart_by_server_and_workspace(everywhere: Portal) -> None:
    with pytest.raises(Conflict) as told:
        everywhere.models.find("twin", by=SYSTEM)
    for server, workspace in PLACES:
        assert f"server={server} workspace={workspace}" in told.value.hint
        model = everywhere.models.find("twin", server=server, workspace=workspace, by=SYSTEM)
        assert (model.server, model.workspace) == (server, workspace)
        assert model.description.endswith("in ." if workspace == "default" else f"in {LAB}.")
        assert [one.number for one in everywhere.models.versions(model)] == [1]


def test_an_alias_is_moved_where_its_model_is(everywhere: Portal) -> None:
    everywhere.servers.at("main", LAB).set_alias("twin", "champion", 1)
    for server, workspace in PLACES:
        everywhere.mirrors[server].refresh("twin", workspace=workspace, by=MIRROR)
    models = {
        place: everywhere.models.find("twin", server=place[0], workspace=place[1], by=SYSTEM)
        for place in PLACES
    }
    assert {place: len(model.aliases) for place, model in models.items()} == {
        ("main", "default"): 0,
        ("main", LAB): 1,
        ("second", "default"): 0,
    }


def test_a_model_deleted_in_one_workspace_is_gone_there_alone(
    everywhere: Portal, world: World
) -> None:
    world.server.client.delete_registered_model("twin")
    for mirror in everywhere.mirrors.values():
        mirror.crawl(by=MIRROR)
    left = {
        place: everywhere.models.find("twin", server=place[0], workspace=place[1], by=SYSTEM)
        for place in PLACES[1:]
    }
    assert len(left) == 2
    with pytest.raises(NotFound):
        everywhere.models.find("twin", server="main", workspace="default", by=SYSTEM)


# -- a webhook, from MLflow to the catalog ---------------------------------------------------------


def test_a_change_is_in_the_catalog_two_seconds_after_its_webhook(
    world: World,
    _sqlite_template: Path,  # noqa: PT019 - only its file is wanted
    tmp_path: Path,
) -> None:
    """A real server's real webhook, our receiver on a port, and the engine of durable jobs."""
    (tmp_path / "countersign.db").write_bytes(_sqlite_template.read_bytes())
    port = free_ports(1)[0]
    settings = from_environment(
        {
            "DATA_DIR": str(tmp_path),
            "PORT": str(port),
            "MLFLOW_TRACKING_URI": world.server.uri,
            "MLFLOW_WEBHOOK_SECRET": SECRET,
        }
    )
    store = Store(sqlite_url(tmp_path / "countersign.db"))
    prepare(store)
    portal = build(settings)
    portal.mirror.crawl(by=MIRROR)
    # `make run` makes this webhook itself; here MLflow knows the receiver without its mount.
    Adapter(world.server.uri).tell_of_changes(
        f"http://127.0.0.1:{port}/webhooks/mlflow/main", SECRET
    )
    receiver = uvicorn.Server(
        uvicorn.Config(create_api(portal), port=port, log_level="warning", access_log=False)
    )
    listening = threading.Thread(target=receiver.run)
    worker = DurableWorker(portal.store, handlers(portal))
    listening.start()
    worker.start()
    try:
        until(lambda: receiver.started, "the receiver listens")
        took = [_took(world, portal, number) for number in (1, 2, 1)]
    finally:
        receiver.should_exit = True
        listening.join(30)
        worker.stop()
        portal.store.close()
        store.close()
    print(f"seen {[f'{one.total_seconds():.2f} s' for one in took]} after the webhook came")
    # The machine may be busy; a queue that polls too seldom would be late every time.
    assert min(took) <= timedelta(seconds=2)


def _took(world: World, portal: Portal, number: int) -> timedelta:
    """Move an alias in MLflow; how long after its webhook the catalog shows it."""
    known = len(_deliveries(portal))
    world.server.client.set_registered_model_alias("alias set", "canary", str(number))
    came = until(lambda: _deliveries(portal)[known:], "the webhook comes", within=60)[0]

    def seen() -> datetime | None:
        model = portal.models.find("alias set", by=SYSTEM, workspace="default")
        alias = model.alias("canary")
        return alias.since if alias and alias.number == number else None

    return until(seen, "the catalog shows it", within=60) - came


def _deliveries(portal: Portal) -> list[datetime]:
    with portal.store.read() as session:
        return list(session.exec(select(DeliveryRow.at).order_by(DeliveryRow.at)))  # type: ignore[arg-type]


# -- a move that nobody approved -------------------------------------------------------------------

INTERVAL: Final = timedelta(seconds=1)


def test_an_alias_moved_behind_our_back_is_a_finding_within_one_interval(
    world: World,
    _sqlite_template: Path,  # noqa: PT019 - only its file is wanted
    tmp_path: Path,
) -> None:
    """By MLflow's own client and by raw REST, with the worker's loops and no guard and no news."""
    (tmp_path / "countersign.db").write_bytes(_sqlite_template.read_bytes())
    settings = from_environment(
        {
            "DATA_DIR": str(tmp_path),
            "MLFLOW_TRACKING_URI": world.server.uri,
            "MIRROR_SECONDS": str(int(INTERVAL.total_seconds())),
        }
    )
    portal, stop = build(settings, jobs=FakeJobs()), threading.Event()
    portal.mirror.look(by=MIRROR, at_everything=True)
    portal.reconciliation.run(by=RECONCILER)
    threads = [
        *mirror_loops.threads(portal, stop),
        *loops.threads(portal, stop, at_point=lambda _point: None, is_busy=threading.Event()),
    ]
    for one in threads:
        one.start()
    rest = f"{world.server.uri}/api/2.0/mlflow/registered-models/alias"
    moves: dict[str, Callable[[], object]] = {
        "champion was moved from v1 to v2 outside the process": lambda: (
            world.server.client.set_registered_model_alias("stage", "champion", "2")
        ),
        "shadow was set to v1 outside the process": lambda: httpx.post(
            rest, json={"name": "stage", "alias": "shadow", "version": "1"}
        ).raise_for_status(),
    }
    try:
        took = {title: _found(portal, title, move) for title, move in moves.items()}
    finally:
        stop.set()
        for one in threads:
            one.join(30)
        portal.store.close()
    print(f"found {[f'{one.total_seconds():.2f} s' for one in took.values()]} after the move")
    # A look and a round of the reconciliation; the machine may be busy.
    assert min(took.values()) <= INTERVAL + timedelta(seconds=2)


def _found(portal: Portal, title: str, move: Callable[[], object]) -> timedelta:
    """Move an alias; how long after it the finding stands."""
    moved_at = portal.clock.now()
    move()

    def stands() -> Finding | None:
        found = portal.findings.page(Wanted(), by=SYSTEM).findings
        return next((one for one in found if one.title == title), None)

    finding = until(stands, title, within=60)
    assert finding.since is not None
    assert finding.until is not None
    assert finding.since <= moved_at <= finding.until <= finding.opened_at
    return finding.opened_at - moved_at
