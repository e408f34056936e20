"""One model as its screens show it: everything that is known of it, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.session import portal
from auth.actors import Actor
from catalog.impact.portfolio import Line
from catalog.registry.deprecations import Deprecation
from catalog.registry.measures import Measure, Reading, reading, uses_of
from catalog.registry.mirror.state import MirrorState
from catalog.registry.models import Model, Run, Version
from catalog.registry.runs import Runs
from catalog.registry.versions import Versions
from catalog.releases.decisions.briefs import Brief
from catalog.releases.decisions.docket import Wanted
from catalog.releases.findings.finding import STANDING as STANDS
from catalog.releases.findings.finding import Finding
from catalog.releases.findings.findings import Wanted as Findings
from catalog.releases.states import STANDING, Route

CHAMPION = "champion"
# More findings than a model ever has that anybody looks after.
_MOST = 200


@dataclass(frozen=True)
class Shown:
    """A model with its versions (newest first), runs, authors, releases, calls and names."""

    model: Model
    versions: Versions
    runs: Mapping[str, Run]
    measure: Measure | None
    states: tuple[MirrorState, ...]
    now: datetime
    authors: Mapping[str, list[str]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    briefs: tuple[Brief, ...] = ()
    line: Line | None = None
    deprecations: Mapping[str, Deprecation] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def champion(self) -> Version | None:
        """The version that is live, if one is."""
        alias = self.model.alias(CHAMPION)
        return self.number(alias.number) if alias else None

    @property
    def subject(self) -> Version | None:
        """The version a reader means first: the live one, or else the newest."""
        return self.champion or (self.versions[0] if self.versions else None)

    @property
    def next(self) -> Version | None:
        """The newest version, when it is newer than the live one: the next that could go live."""
        newest = self.versions[0] if self.versions else None
        return None if newest == self.champion else newest

    def number(self, number: int | None) -> Version | None:
        """The version with this number, if there is one."""
        return self.versions.called(number)

    def before(self, version: Version) -> Version | None:
        """The version before this one."""
        return self.versions.before(version.number)

    def called(self, number: int) -> str:
        """A version in a list to choose from: its aliases, and whether it is on its way out."""
        aliases = (f"@{one.name}" for one in self.model.aliases if one.number == number)
        said = " ".join((f"v{number}", *aliases))
        going = next((one for one in self.deprecations.values() if one.number == number), None)
        return f"{said}, {going.word(self.now.date()).lower()}" if going else said

    def aliases(self, version_id: str) -> list[str]:
        """The aliases that point at a version."""
        return [one.name for one in self.model.aliases if one.version_id == version_id]

    def run(self, version: Version) -> Run | None:
        """The run that made a version."""
        return self.runs.get(version.run_id)

    def key(self, version: Version) -> Reading | None:
        """The number that decides, by the policy in force."""
        return reading(self.measure, version.metrics, uses_of(self.run(version)))

    def name(self, person_id: str) -> str:
        """What somebody is called."""
        return self.names.get(person_id, "somebody")

    def builders(self, version: Version) -> list[str]:
        """The names of those known to have built a version."""
        return [self.name(one) for one in self.authors.get(version.id, [])]

    def requests(self, version: Version) -> list[Brief]:
        """What was asked for a version, newest first."""
        return [one for one in self.briefs if one.version_number == version.number]

    def open_request(self, version: Version) -> Brief | None:
        """The request for a version that somebody still has to act on."""
        return next((one for one in self.requests(version) if one.is_open), None)

    def approval(self, version: Version) -> Brief | None:
        """The approval by which a version became champion."""
        return next(
            (
                one
                for one in self.requests(version)
                if one.state in STANDING
                and one.alias == CHAMPION
                and one.route is not Route.RETIREMENT
            ),
            None,
        )


def look(model: Model, *, by: Actor) -> Shown:
    """What MLflow holds of a model: its versions, runs and data. Enough to compare and explain."""
    here = portal()
    versions = Versions(here.models, model)
    going = here.deprecations.of(model, by=by)
    return Shown(
        model=model,
        versions=versions,
        runs=Runs(here.models, model, versions.listed),
        measure=here.policies.measures().get(model.task),
        states=tuple(one for one in here.models.mirrored() if one.server == model.server),
        now=here.clock.now(),
        deprecations=going,
        names=here.people.names({one.deprecated_by for one in going.values()}),
    )


def read(model: Model, *, by: Actor) -> Shown:
    """All of it: what MLflow holds, who built it, its releases, calls and what they are worth."""
    here = portal()
    authors = here.authorship.of(model)
    briefs = here.docket.briefs(Wanted(model_id=model.id), by=by)
    lines = here.impact.portfolio(by=by, model_id=model.id).lines
    line = lines[0] if lines else None
    seen = look(model, by=by)
    ids = {model.owner_id, *(one for found in authors.values() for one in found)}
    ids |= {one.deprecated_by for one in seen.deprecations.values()}
    for brief in briefs:
        ids |= {brief.requested_by, brief.decided_by}
    if line is not None:
        ids |= {app for app, _ in line.applications} | {one.declared_by for one in line.declared}
    names = here.people.names(ids - {""})
    found = here.findings.page(
        Findings(states=STANDS, model_id=model.id), by=by, limit=_MOST
    ).findings
    return replace(seen, authors=authors, names=names, briefs=briefs, line=line, findings=found)
