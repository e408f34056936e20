"""A portal over a large organisation: real processes, real people, and no MLflow behind it.

Pages read only our own database, so nothing is missing that a page could show.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app import migrate
from app.portal import Portal, build
from app.settings import ROOT, from_environment
from auth.actors import EVERYTHING, Actor, Scope
from auth.permissions import Role
from benchmarks import population
from ledger.jobs import NoJobs
from tests.stack import free_ports, is_answering, plain_environment, until

SYSTEM: Final = Actor.system("demo")
INDEXER: Final = Actor.system("mirror")
# Who is there: the same jobs as in the demo organisation, each with a role on everything or less.
PEOPLE: Final[dict[str, tuple[str, Role, Scope]]] = {
    "alice": ("Alice Large", Role.MODEL_OWNER, EVERYTHING),
    "bob": ("Bob Large", Role.APPROVER, EVERYTHING),
    "carol": ("Carol Large", Role.BUSINESS_OWNER, EVERYTHING),
    "erik": ("Erik Large", Role.AUDITOR, EVERYTHING),
    "grace": ("Grace Large", Role.GOVERNANCE_ADMIN, EVERYTHING),
    "vera": ("Vera Large", Role.VIEWER, Scope("domain", "Lending")),
}


@dataclass(frozen=True)
class Large:
    """The portal that runs, and how to come in."""

    url: str
    process: int
    desks: Portal
    password: str
    log: Path

    def email(self, name: str) -> str:
        """The address of one of the people."""
        return f"{name}@large.example"


@contextmanager
def running(folder: Path, *, models: int = population.MODELS) -> Iterator[Large]:
    """A portal for as long as the block lasts, over an organisation made for it."""
    (port,) = free_ports(1)
    environment = {"DATA_DIR": str(folder), "PORT": str(port), "DEMO": "0"}
    settings = from_environment(environment)
    desks = build(settings, jobs=NoJobs())
    migrate.to_head(desks.store)
    password = secrets.token_urlsafe(16)
    population.populate(desks.store, models)
    for name, (called, role, scope) in PEOPLE.items():
        person, _code = desks.people.add(called, f"{name}@large.example", by=SYSTEM)
        desks.people.set_password(person.id, password, by=SYSTEM)
        desks.grants.give(person.id, role, scope, by=SYSTEM)
    desks.indexer.run(by=INDEXER)
    with served(folder, environment, desks, password) as portal:
        yield portal


@contextmanager
def served(
    folder: Path, environment: dict[str, str], desks: Portal, password: str = ""
) -> Iterator[Large]:
    """The portal as a process of its own over a database that is complete."""
    url, log = desks.settings.public_url, folder / "portal.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "countersign", "portal"],
            cwd=ROOT,
            env=plain_environment() | environment,
            stdout=said,
            stderr=said,
        )
        try:
            until(lambda: is_answering(f"{url}/healthz"), "the portal answers")
            yield Large(url, process.pid, desks, password, log)
        finally:
            process.terminate()
            process.wait(timeout=30)
            desks.store.close()
