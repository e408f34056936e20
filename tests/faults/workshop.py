"""A catalog over a real MLflow server whose workers are started, killed and started again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import durable, migrate
from app.drills import KILL_AT
from app.portal import Portal, build
from app.settings import ROOT, from_environment, prepare_data_dir
from app.worker import MIRROR, collect_evidence
from auth.actors import EVERYTHING, Actor
from auth.permissions import Role
from catalog.registry.models import Model
from catalog.releases.promotions.outbox import Promotion
from catalog.releases.requests.request import ReleaseRequest
from catalog.releases.states import PromotionState, Verb
from ledger.store import Store
from ledger.trail import Filter, Record
from tests.stack import MlflowServer, Program, free_ports, plain_environment, until

SYSTEM = Actor.system("demo")
AUTHOR = "ann@workshop.example"
ALIAS = "champion"
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Logged:
    """A small model as it was logged: any number of versions can be registered from it."""

    run_id: str
    model_id: str


def train(server: MlflowServer) -> Logged:
    """Train and log the one model that all versions of these tests are made from."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.trainer", server.uri, AUTHOR],
        cwd=ROOT,
        env=plain_environment() | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Logged(**json.loads(done.stdout.splitlines()[-1]))


def register(server: MlflowServer, logged: Logged, name: str, *, versions: int) -> None:
    """Register a model by MLflow's own client."""
    server.client.create_registered_model(name, description="Finds malignant tumours.")
    for number in range(1, versions + 1):
        server.client.create_model_version(
            name,
            source=f"models:/{logged.model_id}",
            run_id=logged.run_id,
            model_id=logged.model_id,
            description=f"Attempt {number}.",
        )


def alias(server: MlflowServer, name: str) -> int | None:
    """The version the alias names in MLflow, asked by MLflow's own client."""
    number = server.client.get_registered_model(name).aliases.get(ALIAS)
    return None if number is None else int(number)


@dataclass(frozen=True)
class Cast:
    """Ann builds, Bob decides, Grace administers."""

    ann: Actor
    bob: Actor
    grace: Actor


def introduce(portal: Portal) -> Cast:
    """Make the three known, with what each may do."""

    def somebody(name: str, role: Role) -> Actor:
        person, code = portal.people.add(name, f"{name.lower()}@workshop.example", by=SYSTEM)
        portal.people.accept_invitation(code, PASSWORD)
        portal.grants.give(person.id, role, EVERYTHING, by=SYSTEM)
        return portal.people.actor(person.id)

    return Cast(
        ann=somebody("Ann", Role.MODEL_DEVELOPER),
        bob=somebody("Bob", Role.APPROVER),
        grace=somebody("Grace", Role.GOVERNANCE_ADMIN),
    )


def classify(portal: Portal, cast: Cast, name: str) -> Model:
    """Say what a model is and whose work its versions are, so that its gates can be answered."""
    model = portal.models.find(name, by=cast.grace)
    portal.authorship.map_user(portal.settings.server_slug, AUTHOR, cast.ann.id, by=cast.grace)
    portal.models.classify(
        model.id,
        by=cast.grace,
        owner_id=cast.ann.id,
        domain="Insurance",
        task="binary classification",
    )
    return portal.models.get(model.id, by=cast.grace)


class Workshop:
    """A data folder with its desks; the worker runs only while a test lets it."""

    def __init__(self, folder: Path, server: MlflowServer, logged: Logged, url: str = "") -> None:
        self.server = server
        self.logged = logged
        self.environment = {
            "DATA_DIR": str(folder),
            "PORT": str(free_ports(1)[0]),
            "MLFLOW_TRACKING_URI": server.uri,
            "DEMO": "0",
            "MIRROR_SECONDS": "2",
            **({"DATABASE_URL": url} if url else {}),
        }
        settings = from_environment(self.environment)
        prepare_data_dir(settings)
        store = Store(settings.database_url)
        migrate.to_head(store)
        durable.prepare(store)
        store.close()
        self.portal = build(settings)
        self.cast = introduce(self.portal)

    @contextmanager
    def worker(self, *, killed_at: str = "") -> Iterator[Program]:
        """A worker for as long as the block lasts."""
        drill = {KILL_AT: killed_at} if killed_at else {}
        program = Program("countersign", "worker", environment=self.environment | drill)
        try:
            yield program
        finally:
            program.kill()

    # -- the way to an approval -------------------------------------------------------------------

    def model(self, name: str, *, versions: int) -> Model:
        """A registered model that the catalog knows and that can be released."""
        register(self.server, self.logged, name, versions=versions)
        self.portal.mirror.crawl(by=MIRROR)
        return classify(self.portal, self.cast, name)

    def approved(self, name: str, number: int) -> ReleaseRequest:
        """A release of a version, asked for and approved; nobody has carried it out yet."""
        self.portal.mirror.refresh(name, by=MIRROR)
        model = self.portal.models.find(name, by=self.cast.ann)
        version = self.portal.models.version(model, number)
        asked = self.portal.requests.request(version.id, ALIAS, "It finds more.", by=self.cast.ann)
        collect_evidence(self.portal, asked.id)
        return self.portal.decisions.decide(
            asked.id, Verb.APPROVE, "I read the numbers.", by=self.cast.bob
        )

    def promotion(self, request: ReleaseRequest) -> Promotion:
        """How far the approval is."""
        found = self.portal.requests.get(request.id, by=self.cast.bob).promotion
        assert found
        return found

    def carried_out(self, request: ReleaseRequest) -> Promotion:
        """The promotion once it has ended, one way or the other."""
        return until(
            lambda: (
                found
                if (found := self.promotion(request)).state is not PromotionState.QUEUED
                else None
            ),
            f"{request.number} has been carried out",
        )

    def records(self, promotion: Promotion) -> list[Record]:
        """What the trail says of a promotion: the acts on its request that carried it out."""
        wanted = Filter(resource=f"request:{promotion.request_id}")
        acts = self.portal.audits.listing(wanted, by=self.cast.grace)
        return [record for record in acts if record.act.startswith("promotion:")]

    def close(self) -> None:
        """Let go of the database."""
        self.portal.store.close()
