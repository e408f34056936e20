"""Loads the demo organisation by the same verbs and the same API that everybody else uses.

Each step first looks whether it was done, so that an interrupted load goes on where it stopped.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import httpx

from app.demo import organisation
from app.demo.inventory import PLACES, USES
from app.demo.models import MODELS
from app.demo.organisation import (
    ALICE,
    APPLICATIONS,
    DECLARED_VALUES,
    PEOPLE,
    RELEASES,
    Release,
)
from app.demo.saying import SIMULATED, register_consumers, say_all, write_cards
from app.demo.traffic import Batch, report, simulated_month
from app.demo.training import LoggedVersion, train_and_log
from app.portal import Portal
from auth.actors import EVERYTHING, Actor, Kind, Scope
from auth.permissions import Role
from catalog.monitoring.telemetry import NUMBER
from catalog.registry.inventory.standing import Stage, Standing
from catalog.releases.decisions.conditions import Condition
from catalog.releases.requests.request import ReleaseRequest, Which
from catalog.releases.states import AGREEING, PromotionState, State, Verb
from catalog.use_cases.use_cases import Described
from ledger.errors import Conflict, Unavailable

SEED: Final = 20261120
PASSWORDS: Final = "demo-passwords.txt"
LOADED: Final = "demo-loaded"
DEMO: Final = Actor.system("demo")
_PATIENCE_S: Final = 120.0
_DUE_IN: Final = timedelta(days=30)
# 64 pixels and ten classes take a minute, for which whoever asks first would have to wait.
LEFT_UNEXPLAINED: Final = frozenset({"slip-digits"})


def say(line: str) -> None:
    """One line of progress for the terminal."""
    print(f"Demo: {line}", flush=True)  # noqa: T201 - the supervisor shows it


def load(portal: Portal, *, stop: threading.Event, progress: Callable[[str], None] = say) -> None:
    """Load what is missing of the demo organisation.

    Raises:
        Unavailable: MLflow or the portal did not answer; the next start goes on from there.
    """
    done = portal.settings.data_dir / LOADED
    if done.exists():
        return
    people = _people(portal)
    progress(f"{len(people)} people of {organisation.NAME} can sign in")
    _until_answering(portal, stop)
    versions = train_and_log(portal.settings.mlflow_uri, progress)
    portal.mirror.crawl(by=DEMO)
    _classify(portal, people, _use_cases(portal, people))
    for release in RELEASES:
        if stop.is_set():
            return
        if release.is_open:
            # What waits for a decision is asked for on everything that is known by then.
            write_cards(portal, people)
        _release(portal, people, versions, release, stop)
        progress(f"release of {release.model} {release.version}: {release.decision}")
    _into_production(portal)
    _explain(portal, people)
    _declare(portal, people)
    say_all(portal, people, versions)
    progress("cards are written, watches kept, and access is asked for")
    _report(portal, versions, progress)
    register_consumers(portal, people)
    done.write_text("The demo organisation is complete.\n")
    progress(f"complete. {portal.settings.public_url} shows it; passwords are in {PASSWORDS}")


def _people(portal: Portal) -> dict[str, Actor]:
    kept = portal.settings.data_dir / PASSWORDS
    known = _read_passwords(portal)
    lines = []
    actors: dict[str, Actor] = {}
    for person in PEOPLE:
        found = portal.people.by_email(person.email)
        if found is None:
            found, _code = portal.people.add(person.name, person.email, by=DEMO)
        if person.email not in known:
            known[person.email] = secrets.token_urlsafe(12)
            portal.people.set_password(found.id, known[person.email], by=DEMO)
        for role in person.roles:
            scope = Scope("domain", person.domain) if person.domain else EVERYTHING
            try:
                portal.grants.give(found.id, Role(role), scope, by=DEMO)
            except Conflict:
                continue
        lines.append(f"{person.email}\t{known[person.email]}\t{person.name}, {person.title}")
        actors[person.email] = portal.people.actor(found.id)
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    return actors


def _read_passwords(portal: Portal) -> dict[str, str]:
    kept = portal.settings.data_dir / PASSWORDS
    if not kept.exists():
        return {}
    rows = [line.split("\t") for line in kept.read_text().splitlines() if line]
    return {row[0]: row[1] for row in rows}


def _until_answering(portal: Portal, stop: threading.Event) -> None:
    """Wait for MLflow to answer its first question."""
    waited = 0.0
    while not stop.is_set():
        try:
            next(portal.mlflow.model_pages(), None)
        except Unavailable:
            if waited > _PATIENCE_S:
                raise
            stop.wait(1.0)
            waited += 1.0
        else:
            return


def _use_cases(portal: Portal, people: dict[str, Actor]) -> dict[str, str]:
    """The bank's use cases by key. Returns their ids."""
    known = {name: one for one, name in portal.use_cases.open_ones(by=DEMO).items()}
    for use in USES:
        if use.name in known:
            continue
        said = Described(
            use.name,
            use.purpose,
            use.domain,
            people[use.business_owner.email].id,
            use.regulatory_class,
            use.tier,
        )
        known[use.name] = portal.use_cases.propose(said, by=DEMO).id
        if use.is_accepted:
            portal.use_cases.accept(known[use.name], by=DEMO)
    return {use.key: known[use.name] for use in USES}


def _classify(portal: Portal, people: dict[str, Actor], uses: dict[str, str]) -> None:
    server = portal.settings.server_slug
    for person in PEOPLE:
        portal.authorship.map_user(server, person.email, people[person.email].id, by=DEMO)
    places = {place.model: place for place in PLACES}
    for model in MODELS:
        found = portal.models.find(model.name, by=DEMO, server=server)
        if not found.stage:
            place = places[model.name]
            portal.models.classify(
                found.id,
                by=DEMO,
                owner_id=people[model.owner.email].id,
                domain=model.domain,
                task=model.task,
                standing=Standing(
                    place.tier, place.regulatory_class, Stage.VALIDATION, uses[place.use]
                ),
            )


def _into_production(portal: Portal) -> None:
    """What is live is said to be in production."""
    for model in MODELS:
        found = portal.models.find(model.name, by=DEMO, server=portal.settings.server_slug)
        if portal.inventory.may_move(found, Stage.PRODUCTION, by=DEMO):
            why = "Its first release is live."
            portal.inventory.move(found.id, Stage.PRODUCTION, why, by=DEMO)


def _release(
    portal: Portal,
    people: dict[str, Actor],
    versions: list[LoggedVersion],
    release: Release,
    stop: threading.Event,
) -> None:
    number = next(
        v.version for v in versions if (v.name, v.key) == (release.model, release.version)
    )
    model = portal.models.find(release.model, by=DEMO, server=portal.settings.server_slug)
    version = portal.models.version(model, number)
    same = Which(model_id=model.id, version=version.number, alias=release.alias)
    asked = portal.requests.listing(same, by=DEMO, limit=1)
    requester = portal.people.actor(people[release.requester.email].id)
    request = (
        asked[0]
        if asked
        else portal.requests.request(version.id, release.alias, release.reason, by=requester)
    )
    request = _until(portal, request, lambda one: one.state is not State.PENDING_REVIEW, stop)
    if release.is_open or request.state is not State.IN_REVIEW:
        return
    decider = portal.people.actor(people[release.decider.email].id)
    verb = Verb.APPROVE if release.decision == "approve" else Verb.REJECT
    conditions = []
    if release.condition:
        verb = Verb.APPROVE_WITH_CONDITIONS
        conditions = [Condition(release.condition, portal.clock.now().date() + _DUE_IN)]
    request = portal.decisions.decide(
        request.id, verb, release.decision_reason, conditions=conditions, by=decider
    )
    if verb in AGREEING:
        _until(portal, request, _is_promoted, stop)
        # The next request asks for its gates against the version that is live now.
        portal.mirror.refresh(model.name, by=DEMO)


def _is_promoted(request: ReleaseRequest) -> bool:
    promotion = request.promotion
    return promotion is not None and promotion.state is not PromotionState.QUEUED


def _until(
    portal: Portal,
    request: ReleaseRequest,
    is_so: Callable[[ReleaseRequest], bool],
    stop: threading.Event,
) -> ReleaseRequest:
    waited = 0.0
    while not is_so(request) and not stop.is_set():
        if waited > _PATIENCE_S:
            raise Unavailable(
                f"{request.number} did not move on within {_PATIENCE_S:.0f} seconds.",
                hint="Look into the worker's log; the next start goes on from here.",
            )
        stop.wait(0.1)
        waited += 0.1
        request = portal.requests.get(request.id, by=DEMO)
    return request


def _explain(portal: Portal, people: dict[str, Actor]) -> None:
    """Ask for the explanations of what is live or waits for a decision; they come by themselves."""
    by = people[ALICE.email]
    server = portal.settings.server_slug
    live = [
        alias.version_id
        for model in MODELS
        if model.name not in LEFT_UNEXPLAINED
        for alias in portal.models.find(model.name, by=by, server=server).aliases
    ]
    waiting = [one.version_id for one in portal.requests.listing(by=by) if one.is_open]
    for version_id in dict.fromkeys([*live, *waiting]):
        portal.explanations.request(version_id, by=by)


def _declare(portal: Portal, people: dict[str, Actor]) -> None:
    for value in DECLARED_VALUES:
        model = portal.models.find(value.model, by=DEMO, server=portal.settings.server_slug)
        outcome = NUMBER if value.output is None else value.output
        by = people[value.by.email]
        lines = portal.impact.portfolio(by=by, model_id=model.id).lines
        if not any(said.outcome == outcome for line in lines for said in line.declared):
            portal.declared_values.declare(model.id, outcome, value.eur, value.why, by=by)


def _report(portal: Portal, versions: list[LoggedVersion], progress: Callable[[str], None]) -> None:
    """Report the month through the API, each application with a token of its own."""
    grace = next(person for person in PEOPLE if Role.GOVERNANCE_ADMIN in person.roles)
    admin = portal.people.by_email(grace.email)
    if admin is None:
        return
    by = portal.people.actor(admin.id)
    known = {
        one.name: one for one in portal.people.everybody(by=by) if one.kind is Kind.APPLICATION
    }
    by_application: dict[str, list[Batch]] = defaultdict(list)
    for batch in simulated_month(versions, portal.clock.now(), SEED):
        by_application[batch.application].append(batch)
    _until_portal(portal)
    for application in APPLICATIONS:
        name = SIMULATED.format(application.name)
        registered = known.get(name) or portal.tokens.register_application(name, by=by)
        _token, secret = portal.tokens.issue_for_application(
            registered.id, "Demo traffic", by=by, days=1
        )
        batches = by_application[application.key]
        sent = report(portal.settings.local_url, secret, batches, lambda _line: None)
        progress(f"{sent:,} simulated calls reported for {name}")
        portal.tokens.revoke(_token.id, by=by)


def _until_portal(portal: Portal) -> None:
    """Wait for the portal to take calls. Raises Unavailable."""
    transport = httpx.HTTPTransport(retries=20)
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=30) as client:
            client.get(f"{portal.settings.local_url}/healthz")
    except httpx.TransportError as error:
        raise Unavailable(
            "The portal does not answer, so the demo's calls could not be reported.",
            hint="The next start of the worker goes on from here.",
        ) from error
