"""Deliveries: each notice once through each channel, to a real gateway and a real web server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from app import drills
from app.portal import build
from app.post import POINTS, deliver
from app.settings import from_environment
from app.worker import NOTIFIER, handlers
from auth.actors import Actor, Scope
from auth.permissions import Role
from auth.secret_box import SecretBox
from catalog.notifications.channels import EVERYWHERE, Channel, Way
from catalog.notifications.deliveries import GIVEN_UP_AFTER, State
from catalog.notifications.kinds import DEFAULTS, How, Kind
from catalog.notifications.outbound import AppriseOutbound, Letter
from catalog.notifications.tables import ChannelRow, DeliveryRow
from catalog.notifications.watches import On
from ledger.errors import (
    Conflict,
    CountersignError,
    Invalid,
    Misconfigured,
    NotFound,
    Refused,
    Unavailable,
)
from tests.cast import LENDING, House
from tests.sinks import MailSink, WebSink, mail_sink, web_sink


class _KilledError(BaseException):
    """What a drill does to a worker in a test that has only one process."""


@pytest.fixture
def web() -> Iterator[WebSink]:
    with web_sink() as sink:
        yield sink


@pytest.fixture
def post() -> Iterator[MailSink]:
    with mail_sink() as sink:
        yield sink


def connected(house: House, web: WebSink, post: MailSink) -> House:
    """The house with a mail gateway and one allowed host."""
    here = house.portal.settings
    settings = from_environment(
        {
            "DATA_DIR": str(here.data_dir),
            "DATABASE_URL": here.database_url,
            "DEMO": "0",
            "NOTIFY_MAIL_URL": f"mailto://127.0.0.1:{post.port}?from=desk@countersign.example",
            "NOTIFY_WEBHOOK_HOSTS": web.url,
        }
    )
    house.portal.store.close()
    portal = build(settings, clock=house.clock, jobs=house.jobs, mlflow=house.mlflow)
    return replace(house, portal=portal)


@pytest.fixture
def desk(small_house: House, web: WebSink, post: MailSink) -> Iterator[House]:
    opened = connected(small_house, web, post)
    opened.credit()
    opened.work()
    opened.portal.watches.start(On.ALIAS, "champion", by=opened.carol)
    opened.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=opened.carol)
    yield opened
    opened.portal.store.close()


def hook(house: House, url: str, who: Actor, team: str = "") -> Channel:
    return house.portal.channels.add(Way.WEBHOOK, "Risk", url, by=who, team_domain=team)


def move(house: House, number: int) -> None:
    house.clock.advance(timedelta(minutes=1))
    house.mlflow.point("credit-pd", "champion", number)
    house.mirror()
    house.work()


def later(house: House, wait: timedelta = timedelta(minutes=11)) -> None:
    """The time of the next try comes."""
    house.clock.advance(wait)
    house.portal.deliveries.ask_again(by=NOTIFIER)
    house.work()


def states(house: House, who: Actor) -> list[tuple[State, str]]:
    return [(one.state, one.reason) for one in house.portal.deliveries.of(by=who)]


# -- at once ---------------------------------------------------------------------------------------


def test_a_notice_at_once_is_a_letter_and_a_call_in_plain_words(
    house: House, web: WebSink, post: MailSink
) -> None:
    house = connected(house, web, post)
    house.credit()
    house.work()
    carol = house.carol
    house.portal.watches.start(On.ALIAS, "champion", by=carol)
    house.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=carol)
    hook(house, f"{web.url}/hook?token=s3cret", carol)
    move(house, 2)
    ((to, letter),) = post.letters
    assert to == "carol@norrland.example"
    assert letter["Subject"] == "credit-pd: v2 is champion now, it was v1."
    said = letter.get_payload(decode=True)
    assert isinstance(said, bytes)
    assert b"Moved outside Countersign" in said
    assert b"/model?name=credit-pd" in said
    ((path, headers, body),) = web.calls
    assert path == "/hook?token=s3cret"
    assert body["title"] == "credit-pd: v2 is champion now, it was v1."
    assert headers["idempotency-key"] == body["delivery"]
    assert states(house, carol) == [(State.SENT, "")] * 2
    house.portal.store.close()


@pytest.mark.parametrize(("kind", "how"), list(product([Kind.ALIAS, Kind.VERSION], How)))
def test_each_kind_is_told_as_its_person_prefers(
    desk: House, post: MailSink, kind: Kind, how: How
) -> None:
    carol = desk.carol
    desk.portal.watches.start(On.MODEL, desk.model().id, by=carol)
    other = Kind.VERSION if kind is Kind.ALIAS else Kind.ALIAS
    desk.portal.channels.prefer(kind, how, by=carol)
    desk.portal.channels.prefer(other, How.PORTAL, by=carol)
    move(desk, 2)
    desk.mlflow.log("credit-pd")
    desk.mirror()
    desk.work()
    kinds = [one.kind for one in desk.portal.notices.page(by=carol).notices]
    assert sorted(kinds) == sorted([other] if how is How.OFF else [kind, other])
    assert len(post.letters) == (1 if how is How.AT_ONCE else 0)


def test_who_chose_nothing_is_told_as_the_table_says(desk: House) -> None:
    assert desk.portal.channels.preferences(by=desk.erik) == DEFAULTS


def test_a_job_that_runs_again_sends_nothing_again(
    desk: House, web: WebSink, post: MailSink
) -> None:
    hook(desk, f"{web.url}/hook", desk.carol)
    move(desk, 2)
    doing = handlers(desk.portal)
    for one in list(desk.jobs.asked.values()):
        if one.job in {"tell", "deliver"}:
            doing[one.job](one.payload)
    assert (len(web.calls), len(post.letters)) == (1, 1)


def test_what_is_preferred_later_changes_nothing_of_what_was_told(
    desk: House, post: MailSink
) -> None:
    desk.portal.channels.prefer(Kind.ALIAS, How.PORTAL, by=desk.carol)
    move(desk, 2)
    desk.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=desk.carol)
    desk.work()
    assert post.letters == []


def test_who_may_not_see_the_model_any_more_is_sent_nothing(desk: House, post: MailSink) -> None:
    ines = desk.join("ines", Role.VIEWER, LENDING)
    desk.portal.watches.start(On.ALIAS, "champion", by=ines)
    desk.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=ines)
    desk.portal.channels.prefer(Kind.ALIAS, How.OFF, by=desk.carol)
    post.refusals = ["451 later"]
    move(desk, 2)
    assert states(desk, ines) == [(State.QUEUED, "no-answer")]
    (held,) = [
        one for one in desk.portal.grants.everywhere(by=desk.grace) if one.principal_id == ines.id
    ]
    desk.portal.grants.take(held.id, by=desk.grace)
    later(desk)
    assert post.letters == []
    assert states(desk, ines) == [(State.SKIPPED, "nothing-to-say")]


# -- when it does not go through -------------------------------------------------------------------


def test_what_does_not_arrive_is_tried_again_and_only_that(
    desk: House, web: WebSink, post: MailSink
) -> None:
    hook(desk, f"{web.url}/hook", desk.carol)
    web.answers = [503, 429]
    move(desk, 2)
    assert len(post.letters) == 1
    assert (State.QUEUED, "answered-503") in states(desk, desk.carol)
    later(desk, timedelta(seconds=1))
    assert len(web.ids) == 1
    later(desk)
    assert (State.QUEUED, "answered-429") in states(desk, desk.carol)
    later(desk)
    later(desk)
    assert len(set(web.ids)) == 1
    assert len(web.ids) == 3
    assert len(post.letters) == 1
    assert [state for state, _ in states(desk, desk.carol)] == [State.SENT] * 2


@pytest.mark.parametrize("answer", [301, 302, 307, 400, 401, 403, 404, 410])
def test_a_channel_that_says_no_is_not_asked_again_and_sends_nobody_elsewhere(
    desk: House, web: WebSink, answer: int
) -> None:
    with web_sink() as elsewhere:
        hook(desk, f"{web.url}/hook", desk.carol)
        web.answers, web.location = [answer], f"{elsewhere.url}/inside"
        move(desk, 2)
        later(desk)
        assert elsewhere.calls == []
    assert len(web.calls) == 1
    assert (State.FAILED, f"answered-{answer}") in states(desk, desk.carol)


def test_a_gateway_that_is_away_holds_up_no_job_and_no_other_channel(
    desk: House, web: WebSink, post: MailSink
) -> None:
    hook(desk, f"{web.url}/hook", desk.carol)
    post.refusals = ["451 later"] * 10
    for number in (2, 1, 2, 1, 2):
        move(desk, number)
    assert len(web.calls) == 5
    assert desk.jobs.waiting() == []
    post.refusals.clear()
    later(desk)
    assert len(post.letters) == 5


def test_after_a_day_it_is_given_up_with_the_last_reason(desk: House, post: MailSink) -> None:
    post.refusals = ["451 later"]
    move(desk, 2)
    later(desk, GIVEN_UP_AFTER + timedelta(minutes=1))
    assert post.letters == []
    assert states(desk, desk.carol) == [(State.FAILED, "no-answer")]


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_while_sending_lets_the_other_end_drop_the_repeat(
    desk: House, web: WebSink, post: MailSink, point: str
) -> None:
    hook(desk, f"{web.url}/hook", desk.carol)
    desk.portal.watches.stop(On.ALIAS, "champion", by=desk.carol)
    desk.portal.watches.start(On.DOMAIN, "Lending", by=desk.carol)
    desk.clock.advance(timedelta(minutes=1))
    desk.mlflow.point("credit-pd", "champion", 2)
    desk.mirror()
    doing = handlers(desk.portal)
    (tell,) = desk.jobs.waiting("tell")
    doing["tell"](tell.payload)
    (bag,) = desk.jobs.waiting("deliver")
    out = AppriseOutbound(desk.portal.settings.mail_url, desk.portal.settings.webhook_hosts)
    event, first, last = (bag.payload[key] for key in ("event", "first", "last"))

    def die(reached: str) -> None:
        if reached == point:
            raise _KilledError

    for _ in range(2):
        with pytest.raises(_KilledError):
            deliver(desk.portal, out, event, first, last, die)
    deliver(desk.portal, out, event, first, last)
    message_ids = {letter["Message-ID"] for _to, letter in post.letters}
    assert (len(set(web.ids)), len(message_ids)) == (1, 1)
    assert [state for state, _ in states(desk, desk.carol)] == [State.SENT] * 2


@pytest.mark.parametrize("way", [Way.SLACK, Way.TEAMS])
def test_a_chat_that_cannot_drop_a_repeat_gets_none_and_the_person_is_told(
    desk: House, web: WebSink, way: Way
) -> None:
    channel = hook(desk, f"{web.url}/hook", desk.carol)
    move(desk, 2)
    with desk.portal.store.write() as session:
        row = session.get_one(ChannelRow, channel.id)
        row.kind = way
        delivery = session.get_one(DeliveryRow, (_event(desk), desk.carol.id, channel.id))
        delivery.state = State.SENDING
        session.add_all([row, delivery])
    assert desk.portal.deliveries.claim(_event(desk), desk.carol.id, channel.id) is None
    assert (State.FAILED, "interrupted") in states(desk, desk.carol)


def _event(house: House) -> str:
    return house.portal.notices.page(by=house.carol).notices[0].event_id


def test_a_worker_that_slept_too_long_does_not_overwrite_what_another_found(desk: House) -> None:
    desk.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=desk.carol)
    desk.clock.advance(timedelta(minutes=1))
    desk.mlflow.point("credit-pd", "champion", 2)
    desk.mirror()
    (tell,) = desk.jobs.waiting("tell")
    handlers(desk.portal)["tell"](tell.payload)
    key = (_event(desk), desk.carol.id, "mail")
    slept = desk.portal.deliveries.claim(*key)
    again = desk.portal.deliveries.claim(*key)
    assert slept
    assert again
    desk.portal.deliveries.sent(again)
    desk.portal.deliveries.fail(slept, "answered-404")
    assert states(desk, desk.carol) == [(State.SENT, "")]


# -- channels --------------------------------------------------------------------------------------


def test_an_address_is_never_told_not_even_by_the_database_or_a_log(
    desk: House, web: WebSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "t0p-s3cret-path"
    channel = hook(desk, f"{web.url}/{secret}", desk.carol)
    web.answers = [500, 404]
    move(desk, 2)
    later(desk)
    kept = Path(desk.portal.settings.data_dir / "countersign.db")
    files = [kept, kept.with_name("countersign.db-wal")]
    assert not any(secret.encode() in file.read_bytes() for file in files if file.exists())
    assert secret not in repr(channel)
    assert secret not in caplog.text
    assert secret not in repr(desk.records())
    assert web.calls[0][0] == f"/{secret}"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://evil.example/x", Refused),
        ("http://169.254.169.254/latest", Refused),
        ("http://localhost:1/x", Refused),
        ("file:///etc/passwd", Invalid),
        ("", Invalid),
    ],
)
def test_a_channel_to_anywhere_else_is_refused_on_the_record(
    desk: House, url: str, problem: type[CountersignError]
) -> None:
    with pytest.raises(problem):
        hook(desk, url, desk.carol)
    assert desk.portal.channels.of(by=desk.carol) == []
    assert len(desk.records("channel:add", outcome="refused")) == 1


def test_a_host_that_is_not_allowed_any_more_is_not_called(desk: House, web: WebSink) -> None:
    hook(desk, f"{web.url}/hook", desk.carol)
    out = AppriseOutbound("", replace(desk.portal.settings.webhook_hosts, entries=()))
    with pytest.raises(Refused):
        out.call(Way.WEBHOOK, f"{web.url}/hook", Letter("id", "t", "b"))
    assert web.calls == []


def test_nobody_removes_or_sees_the_channel_of_somebody_else(desk: House, web: WebSink) -> None:
    channel = hook(desk, f"{web.url}/hook", desk.carol)
    for other in (desk.bob, desk.grace, desk.dave):
        assert desk.portal.channels.of(by=other) == []
        with pytest.raises(NotFound):
            desk.portal.channels.remove(channel.id, by=other)
    desk.portal.channels.remove(channel.id, by=desk.carol)
    move(desk, 2)
    assert web.calls == []


def test_only_a_governance_admin_sets_up_the_channel_of_a_team(desk: House, web: WebSink) -> None:
    with pytest.raises(Refused):
        hook(desk, f"{web.url}/team", desk.carol, EVERYWHERE)
    lending = hook(desk, f"{web.url}/lending", desk.grace, "Lending")
    hook(desk, f"{web.url}/cards", desk.grace, "Cards")
    hook(desk, f"{web.url}/all", desk.grace, EVERYWHERE)
    desk.portal.watches.stop(On.ALIAS, "champion", by=desk.carol)
    desk.portal.watches.silence(desk.model().id, by=desk.alice)
    move(desk, 2)
    assert sorted(path for path, _headers, _body in web.calls) == ["/all", "/lending"]
    assert desk.portal.notices.page(by=desk.grace).total == 0
    desk.portal.channels.remove(lending.id, by=desk.grace)


def test_an_application_and_a_stranger_have_no_channel_and_no_preference(
    desk: House, web: WebSink
) -> None:
    for nobody in (desk.dave,):
        with pytest.raises(Refused):
            hook(desk, f"{web.url}/hook", nobody)
        with pytest.raises(Refused):
            desk.portal.channels.prefer(Kind.ALIAS, How.OFF, by=nobody)
    with pytest.raises(Refused):
        hook(desk, f"{web.url}/hook", desk.robot)


def test_nobody_has_more_channels_than_a_screen_can_hold(
    desk: House, web: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.notifications.channels.MOST_CHANNELS", 1)
    hook(desk, f"{web.url}/one", desk.carol)
    with pytest.raises(Conflict):
        hook(desk, f"{web.url}/two", desk.carol)


def test_a_secret_sealed_with_another_key_is_not_opened(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path / "one").seal("https://hooks.example/x")
    assert "hooks" not in sealed
    assert SecretBox(tmp_path / "one").open(sealed) == "https://hooks.example/x"
    assert (tmp_path / "one" / "secrets-key").stat().st_mode & 0o077 == 0
    with pytest.raises(Misconfigured):
        SecretBox(tmp_path / "two").open(sealed)


def test_a_name_that_a_chat_would_read_as_a_call_to_everybody_calls_nobody(
    web: WebSink, desk: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = AppriseOutbound("", desk.portal.settings.webhook_hosts)
    monkeypatch.setattr(out, "_webhook", lambda _way, url, letter: _plain(out, url, letter))
    out.call(Way.SLACK, f"{web.url}/x", Letter("id", "<!channel> @here", "[a](http://b)"))
    (_path, _headers, body) = web.calls[0]
    assert body["title"] == "(!channel) (at)here"
    assert body["message"] == "(a)(http://b)"


def _plain(out: AppriseOutbound, url: str, letter: Letter) -> object:
    return AppriseOutbound._webhook(out, Way.WEBHOOK, url, letter)


@pytest.mark.parametrize(
    ("way", "url"),
    [
        (
            Way.SLACK,
            "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        ),
        (
            Way.TEAMS,
            "https://a.logic.azure.com:443/workflows/643e69f8/triggers/manual/paths/invoke?sig=KOD",
        ),
        (
            Way.TEAMS,
            (
                "https://a.environment.api.powerplatform.com:443/powerautomate/automations/direct/"
                "cu/19/workflows/643e69f8/triggers/manual/paths/invoke?api-version=1&tenantId=t"
                "&environmentName=e&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KOD"
            ),
        ),
    ],
)
def test_the_addresses_of_slack_and_teams_are_understood(desk: House, way: Way, url: str) -> None:
    out = AppriseOutbound("", desk.portal.settings.webhook_hosts)
    made = out._webhook(way, url, Letter("id", "t", "b"))
    assert made.redirects is False
    with pytest.raises(Invalid):
        out._webhook(way, "https://hooks.example.com/x", Letter("id", "t", "b"))


TEAMS = "https://a.logic.azure.com/workflows/643e69f8/triggers/manual/paths/invoke"
HOOK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize(
    ("way", "url"),
    [
        (Way.TEAMS, f"{TEAMS}?sig=KOD&template=/etc/passwd"),
        (Way.TEAMS, f"{TEAMS}?sig=KOD;template=/etc/passwd"),
        (Way.TEAMS, f"{TEAMS}?sig=KOD&%54emplate=http://169.254.169.254/latest"),
        (Way.TEAMS, f"{TEAMS}?sig=KOD&verify=no"),
        (Way.TEAMS, f"{TEAMS}?sig=KOD&cto=9999"),
        (Way.TEAMS, f"{TEAMS}?sig=KOD&:app_id=x"),
        (Way.SLACK, f"{HOOK}?template=file:///etc/passwd"),
        (Way.SLACK, f"{HOOK}?mode=bot"),
        (Way.SLACK, f"{HOOK}?verify=no"),
    ],
)
def test_the_address_of_a_chat_gives_no_orders_to_the_library_that_calls_it(
    desk: House, way: Way, url: str
) -> None:
    out = AppriseOutbound("", desk.portal.settings.webhook_hosts)
    with pytest.raises(Invalid) as refused:
        out._webhook(way, url, Letter("id", "t", "b"))
    assert refused.value.code == "no-address"


def test_an_address_that_the_library_cannot_use_is_told_without_its_secret(
    desk: House, web: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable(*_given: object) -> object:
        raise TypeError("an invalid signature (secret) was specified")

    out = AppriseOutbound("", desk.portal.settings.webhook_hosts)
    monkeypatch.setattr(out, "_webhook", unusable)
    with pytest.raises(Invalid) as refused:
        out.call(Way.TEAMS, f"{web.url}/x", Letter("id", "t", "b"))
    assert refused.value.code == "no-address"
    assert refused.value.__suppress_context__
    assert "secret" not in str(refused.value)


# -- once a day ------------------------------------------------------------------------------------


def digest(house: House) -> None:
    house.portal.deliveries.queue_digests(house.clock.now().date().isoformat(), by=NOTIFIER)
    house.work()


def test_a_digest_lists_what_is_unread_once_a_day_and_is_never_empty(
    house: House, web: WebSink, post: MailSink
) -> None:
    house = connected(house, web, post)
    house.credit()
    house.work()
    carol = house.carol
    house.portal.watches.start(On.ALIAS, "champion", by=carol)
    house.portal.channels.prefer(Kind.ALIAS, How.DIGEST, by=carol)
    digest(house)
    assert post.letters == []
    house.clock.advance(timedelta(days=1))
    move(house, 2)
    move(house, 1)
    assert post.letters == []
    for _ in range(3):
        digest(house)
    ((to, letter),) = post.letters
    assert to == "carol@norrland.example"
    assert letter["Subject"] == "2 notices you have not read"
    said = letter.get_payload(decode=True)
    assert isinstance(said, bytes)
    assert said.count(b"is champion now") == 2
    house.clock.advance(timedelta(days=1))
    digest(house)
    assert len(post.letters) == 2
    house.portal.notices.read_all(by=carol)
    house.clock.advance(timedelta(days=1))
    digest(house)
    assert len(post.letters) == 2
    house.portal.store.close()


def test_a_digest_counts_no_notice_of_a_model_that_one_may_not_see_any_more(
    desk: House, post: MailSink
) -> None:
    desk.portal.channels.prefer(Kind.ALIAS, How.DIGEST, by=desk.carol)
    move(desk, 2)
    shown = desk.model().id
    desk.mlflow.register("churn")
    desk.mlflow.log("churn")
    desk.mirror()
    desk.mlflow.point("churn", "champion", 1)
    desk.clock.advance(timedelta(minutes=1))
    desk.mirror()
    desk.work()
    assert desk.portal.notices.page(by=desk.carol).unread == 2
    for grant in desk.portal.grants.everywhere(by=desk.grace):
        if grant.principal_id == desk.carol.id:
            desk.portal.grants.take(grant.id, by=desk.grace)
    desk.portal.grants.give(desk.carol.id, Role.VIEWER, Scope("model", shown), by=desk.grace)
    digest(desk)
    ((_, letter),) = post.letters
    assert letter["Subject"] == "1 notice you have not read"
    said = letter.get_payload(decode=True)
    assert isinstance(said, bytes)
    assert b"churn" not in said
    assert b"more in Countersign" not in said


def test_a_digest_that_was_read_in_the_meantime_is_not_sent(desk: House, post: MailSink) -> None:
    desk.portal.channels.prefer(Kind.ALIAS, How.DIGEST, by=desk.carol)
    move(desk, 2)
    desk.portal.deliveries.queue_digests("2026-11-20", by=NOTIFIER)
    desk.portal.notices.read_all(by=desk.carol)
    desk.work()
    assert post.letters == []
    assert states(desk, desk.carol) == [(State.SKIPPED, "nothing-to-say")]


def test_without_a_gateway_no_letter_is_queued(small_house: House) -> None:
    small_house.credit()
    small_house.work()
    small_house.portal.channels.prefer(Kind.ALIAS, How.AT_ONCE, by=small_house.alice)
    move(small_house, 2)
    small_house.portal.deliveries.queue_digests("2026-11-20", by=NOTIFIER)
    assert small_house.jobs.waiting("deliver") == []


def test_only_the_worker_queues(small_house: House) -> None:
    for who in (small_house.grace, small_house.robot):
        with pytest.raises(Refused):
            small_house.portal.deliveries.queue_digests("2026-11-20", by=who)


def test_a_gateway_that_is_away_is_asked_again(desk: House) -> None:
    away = "mailto://127.0.0.1:9?from=a@b.example"
    out = AppriseOutbound(away, desk.portal.settings.webhook_hosts)
    with pytest.raises(Unavailable):
        out.mail("carol@norrland.example", Letter("id", "t", "b"))


def test_a_drill_kills_at_the_time_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr("os.kill", lambda *_who: killed.append(1))
    monkeypatch.setenv(drills.KILL_AT, "told*3")
    at_point = drills.drill()
    for point in ("told", "claimed", "told"):
        at_point(point)
    assert killed == []
    at_point("told")
    at_point("told")
    assert killed == [1]
