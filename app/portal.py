"""The composition root: the only place where adapters are chosen and desks are put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app import occasions
from app.durable import DurableJobs
from app.settings import MLFLOW_SECRETS, Settings
from app.trust import witnesses
from auth.absences import Absences
from auth.access_requests import AccessRequests
from auth.audits import Audits
from auth.grants import Grants
from auth.people import People
from auth.secret_box import SecretBox
from auth.sessions import Sessions
from auth.tokens import Tokens
from catalog.applications.consumers import Consumers
from catalog.assurance.explanations import Explanations
from catalog.assurance.table_reader import read_tables
from catalog.dossiers.dossiers import Dossiers
from catalog.impact.declared_values import DeclaredValues
from catalog.impact.portfolio import Impact
from catalog.lineage.profiles import Profiles
from catalog.monitoring.callers import Callers
from catalog.monitoring.telemetry import Telemetry
from catalog.notifications.channels import Channels
from catalog.notifications.deliveries import Deliveries
from catalog.notifications.notices import Notices
from catalog.notifications.watches import Watches
from catalog.registry.artifact_readings import ArtifactReadings
from catalog.registry.authorship import Authorship
from catalog.registry.cards.cards import Cards
from catalog.registry.cards.importing import CardImport
from catalog.registry.changes import Changes
from catalog.registry.deprecations import Deprecations
from catalog.registry.discussion.discussion import Discussion
from catalog.registry.input_example import InputExamples
from catalog.registry.inventory.gaps import InventoryGaps
from catalog.registry.inventory.importing import InventoryImport
from catalog.registry.inventory.inventory import Inventory
from catalog.registry.inventory.naming import Naming
from catalog.registry.mirror.hints import MirrorHints
from catalog.registry.mirror.mirror import Mirror
from catalog.registry.mirror.seen import Mlflow
from catalog.registry.mlflow.server import MlflowServer
from catalog.registry.models import Models
from catalog.registry.named import model_resource, owned_by
from catalog.registry.restrictions import Restrictions
from catalog.registry.search.finder import Finder
from catalog.registry.search.indexer import Indexer
from catalog.registry.search.saved import SavedSearches
from catalog.registry.servers import Servers
from catalog.registry.similar import Similarity
from catalog.releases.decisions.approvals import Approvals
from catalog.releases.decisions.deciders import Deciders
from catalog.releases.decisions.decisions import Decisions
from catalog.releases.decisions.docket import Docket
from catalog.releases.evidence.attaching import Evidence
from catalog.releases.findings.findings import Findings
from catalog.releases.policies.drafts import Drafts
from catalog.releases.policies.shelf import Policies
from catalog.releases.promotions.promotions import Promotions
from catalog.releases.promotions.rechecks import Rechecks
from catalog.releases.promotions.retirements import Retirements
from catalog.releases.promotions.rollbacks import Rollbacks
from catalog.releases.promotions.tickets import TicketOffice
from catalog.releases.reconciliation.reconciliation import Reconciliation
from catalog.releases.reconciliation.remedies import Remedies
from catalog.releases.requests.drafts import ReleaseDrafts
from catalog.releases.requests.reminders import Reminders
from catalog.releases.requests.requests import Requests
from catalog.releases.requests.rereadings import EVENTS, READ_AGAIN, SENT_BACK, Rereadings, concerns
from catalog.releases.trials.preview import Previews
from catalog.releases.trials.replay import Replay
from catalog.releases.trials.trials import Trials
from catalog.use_cases.use_cases import UseCases
from ledger.acts import Ledger
from ledger.clock import Clock, SystemClock
from ledger.jobs import Jobs
from ledger.journal import Journal, Subscription
from ledger.store import Store

# Who acts on what happened: a chapter never calls upward, it writes an event.
SUBSCRIPTIONS: Final = (
    Subscription("release:requested", "collect-evidence"),
    Subscription(SENT_BACK, "collect-evidence"),
    Subscription(READ_AGAIN, "collect-evidence"),
    *(Subscription(event, "look-for-changes", concerns) for event in EVENTS),
    Subscription("explanation:requested", "compute-explanation"),
    Subscription("profile:requested", "profile-version"),
    Subscription("policy:tried", "try-policy"),
    Subscription("version:gone", "close-requests"),
    Subscription("promotion:apply", "refresh-model"),
    Subscription("promotion:fail", "refresh-model"),
    Subscription("finding:closed", "settle-approval"),
    *occasions.SUBSCRIPTIONS,
    Subscription("promotion:apply", "index-model"),
)


@dataclass(frozen=True)
class Portal:
    """Every desk of the house, ready to be asked."""

    settings: Settings
    clock: Clock
    store: Store
    ledger: Ledger
    mlflow: Mlflow
    people: People
    grants: Grants
    access_requests: AccessRequests
    absences: Absences
    tokens: Tokens
    sessions: Sessions
    audits: Audits
    use_cases: UseCases
    models: Models
    inventory: Inventory
    inventory_gaps: InventoryGaps
    inventory_import: InventoryImport
    naming: Naming
    finder: Finder
    saved_searches: SavedSearches
    indexer: Indexer
    artifact_readings: ArtifactReadings
    authorship: Authorship
    servers: Servers
    cards: Cards
    card_import: CardImport
    discussion: Discussion
    similarity: Similarity
    input_examples: InputExamples
    deprecations: Deprecations
    changes: Changes
    restrictions: Restrictions
    mirror: Mirror
    mirrors: Mapping[str, Mirror]
    mirror_hints: MirrorHints
    policies: Policies
    evidence: Evidence
    replay: Replay
    drafts: Drafts
    release_drafts: ReleaseDrafts
    previews: Previews
    trials: Trials
    requests: Requests
    decisions: Decisions
    approvals: Approvals
    findings: Findings
    rollbacks: Rollbacks
    retirements: Retirements
    reconciliation: Reconciliation
    remedies: Remedies
    reminders: Reminders
    rechecks: Rechecks
    rereadings: Rereadings
    deciders: Deciders
    docket: Docket
    dossiers: Dossiers
    promotions: Promotions
    explanations: Explanations
    profiles: Profiles
    telemetry: Telemetry
    consumers: Consumers
    callers: Callers
    impact: Impact
    declared_values: DeclaredValues
    watches: Watches
    notices: Notices
    channels: Channels
    deliveries: Deliveries
    secrets: SecretBox


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    jobs: Jobs | None = None,
    mlflow: Mlflow | None = None,
    others: Mapping[str, Mlflow] | None = None,
    at_point: Callable[[str], None] = lambda _point: None,
) -> Portal:
    """Put the portal together over the database and the MLflow servers of the settings.

    `mlflow` stands for the main server and `others` for further ones, by slug, where a test says
    so. `at_point` is told of the places at which a drill kills the portal.
    """
    clock = clock or SystemClock()
    mlflow = mlflow or _server(settings, settings.server_slug, settings.mlflow_uri)
    if others is None:
        others = {
            slug: _server(settings, slug, uri) for slug, uri in settings.other_servers.items()
        }
    servers = Servers({settings.server_slug: mlflow, **others})
    store = Store(settings.database_url)
    jobs = jobs or DurableJobs(store)
    journal = Journal(jobs, SUBSCRIPTIONS)
    ledger = Ledger(store, clock, journal)
    mirrors = {
        slug: Mirror(store, clock, journal, servers.at(slug), slug) for slug in servers.slugs
    }
    policies = Policies(ledger)
    deciders = Deciders(ledger, policies)
    rollbacks = Rollbacks(ledger, policies)
    tickets = TicketOffice(settings.data_dir / "keys", clock)
    secrets = SecretBox(settings.data_dir / "keys")
    finder = Finder(store, clock)
    people = People(ledger)
    cards = Cards(ledger)
    return Portal(
        settings=settings,
        clock=clock,
        store=store,
        ledger=ledger,
        mlflow=mlflow,
        people=people,
        grants=Grants(ledger),
        access_requests=AccessRequests(ledger, model_resource, owned_by),
        absences=Absences(ledger),
        tokens=Tokens(ledger),
        sessions=Sessions(ledger),
        audits=Audits(ledger),
        use_cases=UseCases(ledger),
        models=Models(ledger),
        inventory=Inventory(ledger),
        inventory_gaps=InventoryGaps(ledger),
        inventory_import=InventoryImport(ledger),
        naming=Naming(ledger),
        finder=finder,
        saved_searches=SavedSearches(ledger, finder, people.actor),
        indexer=Indexer(store, witnesses(clock)),
        artifact_readings=ArtifactReadings(store, clock, jobs),
        authorship=Authorship(ledger),
        cards=cards,
        card_import=CardImport(ledger, cards),
        discussion=Discussion(ledger),
        similarity=Similarity(ledger),
        input_examples=InputExamples(ledger),
        deprecations=Deprecations(ledger),
        changes=Changes(ledger),
        restrictions=Restrictions(ledger),
        servers=servers,
        mirror=mirrors[settings.server_slug],
        mirrors=mirrors,
        mirror_hints=MirrorHints(ledger, jobs, settings.webhook_secrets),
        policies=policies,
        evidence=Evidence(ledger, largest_document_bytes=settings.document_megabytes * 1024**2),
        replay=Replay(ledger, policies),
        drafts=Drafts(ledger),
        release_drafts=ReleaseDrafts(ledger),
        previews=Previews(ledger, policies),
        trials=Trials(ledger, policies),
        requests=Requests(ledger, policies),
        decisions=Decisions(ledger, policies, at_point),
        approvals=Approvals(ledger),
        findings=Findings(ledger),
        rollbacks=rollbacks,
        retirements=Retirements(ledger, policies),
        reconciliation=Reconciliation(ledger, policies),
        remedies=Remedies(ledger, policies, rollbacks),
        reminders=Reminders(ledger, policies),
        rechecks=Rechecks(ledger, policies),
        rereadings=Rereadings(ledger, policies),
        deciders=deciders,
        docket=Docket(ledger, policies, deciders),
        dossiers=Dossiers(ledger, policies, people, tickets),
        promotions=Promotions(ledger, policies, servers, tickets),
        explanations=Explanations(ledger, servers),
        profiles=Profiles(ledger, servers, read_tables),
        telemetry=Telemetry(ledger),
        consumers=Consumers(ledger, model_resource),
        callers=Callers(ledger),
        impact=Impact(ledger),
        declared_values=DeclaredValues(ledger),
        watches=Watches(ledger, model_resource),
        notices=Notices(store, clock),
        channels=Channels(ledger, settings.webhook_hosts, secrets),
        deliveries=Deliveries(store, clock, jobs, has_mail=bool(settings.mail_url)),
        secrets=secrets,
    )


def _server(settings: Settings, slug: str, uri: str) -> MlflowServer:
    """One server; where there are several, none is shown what another asks for."""
    if not settings.other_servers:
        return MlflowServer(uri)
    for name in MLFLOW_SECRETS:
        os.environ.pop(name, None)
    return MlflowServer(uri, settings.authorizations.get(slug, ""))
