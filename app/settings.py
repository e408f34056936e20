"""What the operator decides: the environment, read once, checked once, frozen."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from catalog.notifications.addresses import Allowed
from ledger.errors import Misconfigured
from ledger.store import sqlite_url

ROOT: Final = Path(__file__).resolve().parent.parent
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# Set by a run for its worker: the MLflow server is the one that this run has started.
OWN_MLFLOW: Final = "COUNTERSIGN_OWN_MLFLOW"
WEBHOOK_SECRET: Final = "MLFLOW_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
_SHORTEST_SECRET: Final = 16
MLFLOW_SECRETS: Final = (
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)


@dataclass(frozen=True)
class Settings:
    """Every choice an operator has.

    Attributes:
        data_dir: DATA_DIR, the folder everything is kept in. Default `data` beside the program.
        database_url: DATABASE_URL, SQLite in the data folder unless a PostgreSQL is named.
        host: HOST, the address the portal listens on. Loopback unless widened.
        port: PORT of the portal. Default 8501.
        mlflow_uri: MLFLOW_TRACKING_URI, a server to use; none means: start our own.
        other_servers: MLFLOW_SERVERS, further MLflow servers as `slug=address`, apart by commas or
            spaces. What they ask of whoever calls stands in MLFLOW_TRACKING_USERNAME_<SLUG>,
            _PASSWORD_<SLUG> or _TOKEN_<SLUG>, where only the worker sees it.
        mlflow_port: MLFLOW_PORT of the server we start ourselves. Default PORT + 1.
        guard: GUARD, whether the MLflow that we start ourselves lets Countersign alone move what is
            approved. Default 1; with 0 anybody moves it, as in any MLflow.
        server_slug: MLFLOW_SERVER_SLUG, the stable name of the MLflow server in the catalog.
        demo: DEMO, whether the demo organisation is loaded; by default only into a server of our
            own; a worker that is started by itself loads it with an explicit DEMO=1 alone.
        public_url: PUBLIC_URL, the portal's address as browsers see it.
        mail_url: NOTIFY_MAIL_URL, the mail gateway as Apprise writes it, for letters to people:
            mailtos://user:password@host:587?from=countersign@example.com. None means: no letters.
        webhook_hosts: NOTIFY_WEBHOOK_HOSTS that notices may be sent to, apart by commas. None at
            all unless named: hooks.slack.com, *.example.com, or with scheme and port for one of
            one's own network, http://10.0.0.7:8065.
        digest_hour: NOTIFY_DIGEST_HOUR, from which hour in UTC the daily letters go out. Default 7.
        mirror_seconds: MIRROR_SECONDS between two looks at MLflow. Default 30.
        mirror_crawl_minutes: MIRROR_CRAWL_MINUTES between two readings of everything, where there
            are more than 2,000 models; fewer are read as a whole at each look. Default 15.
        document_megabytes: EVIDENCE_FILE_MB, the largest document that is taken as evidence, in
            1,048,576 bytes. Default 10, at most 50.
        authorizations: what each server asks of the worker, made of MLFLOW_TRACKING_USERNAME,
            _PASSWORD and _TOKEN.
        webhook_secrets: MLFLOW_WEBHOOK_SECRET of the main server, MLFLOW_WEBHOOK_SECRET_<SLUG> of
            another one: what MLflow signs its webhooks with. Two apart by a space while one takes
            the other's place.
    """

    data_dir: Path
    database_url: str
    host: str
    port: int
    mlflow_uri: str
    mlflow_port: int
    starts_mlflow: bool
    server_slug: str
    demo: bool
    public_url: str
    mirror_seconds: int
    mail_url: str = field(default="", repr=False)
    webhook_hosts: Allowed = field(default_factory=Allowed)
    digest_hour: int = 7
    mirror_crawl_minutes: int = 15
    other_servers: Mapping[str, str] = field(default_factory=dict)
    guard: bool = True
    document_megabytes: int = 10
    webhook_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    authorizations: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def local_url(self) -> str:
        """The portal's address for the other processes of this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", "localhost"} else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment.

    Raises:
        Misconfigured: names the variable, what is wrong with it, and what to write instead.
    """
    env = os.environ if environment is None else environment
    data_dir = Path(env.get("DATA_DIR", "") or ROOT / "data").expanduser().resolve()
    port = _port(env, "PORT", 8501)
    mlflow_port = _port(env, "MLFLOW_PORT", port + 1)
    mlflow_uri = env.get("MLFLOW_TRACKING_URI", "").strip()
    if mlflow_uri:
        _check_address("MLFLOW_TRACKING_URI", mlflow_uri)
    public_url = (env.get("PUBLIC_URL", "").strip() or f"http://127.0.0.1:{port}").rstrip("/")
    _check_address("PUBLIC_URL", public_url)
    slug = env.get("MLFLOW_SERVER_SLUG", "main")
    if not _SLUG.fullmatch(slug):
        raise Misconfigured(
            f"MLFLOW_SERVER_SLUG is {slug!r}.",
            hint="Use up to 32 small letters, digits and hyphens; keep it for ever.",
        )
    others = _other_servers(env, slug)
    return Settings(
        data_dir=data_dir,
        database_url=env.get("DATABASE_URL", "").strip() or sqlite_url(data_dir / "countersign.db"),
        host=env.get("HOST", "").strip() or "127.0.0.1",
        port=port,
        mlflow_uri=mlflow_uri or f"http://127.0.0.1:{mlflow_port}",
        mlflow_port=mlflow_port,
        starts_mlflow=not mlflow_uri,
        server_slug=slug,
        demo=_flag(env, "DEMO", default=not mlflow_uri),
        public_url=public_url,
        mirror_seconds=_number(env, "MIRROR_SECONDS", 30, lowest=1, highest=3600),
        mail_url=_mail(env),
        webhook_hosts=Allowed.parse(env.get("NOTIFY_WEBHOOK_HOSTS", "")),
        digest_hour=_number(env, "NOTIFY_DIGEST_HOUR", 7, lowest=0, highest=23),
        mirror_crawl_minutes=_number(env, "MIRROR_CRAWL_MINUTES", 15, lowest=1, highest=1440),
        other_servers=others,
        guard=_flag(env, "GUARD", default=True),
        document_megabytes=_number(env, "EVIDENCE_FILE_MB", 10, lowest=1, highest=50),
        webhook_secrets=_webhook_secrets(env, slug, others),
        authorizations={
            slug: _authorization(env, ""),
            **{other: _authorization(env, other) for other in others},
        },
    )


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, for its owner only. Raises Misconfigured when it cannot be written."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        settings.data_dir.chmod(0o700)
        probe = settings.data_dir / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise Misconfigured(
            f"The data folder {settings.data_dir} cannot be written: {error.strerror}.",
            hint="Give this account write access to it, or set DATA_DIR to another folder.",
        ) from error


def of_server(name: str, slug: str) -> str:
    """The variable that says for one further server what `name` says for the main one."""
    return f"{name}_{slug.upper().replace('-', '_')}"


def without_password(address: str) -> str:
    """A web address without the name and password that may stand in it."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _other_servers(env: Mapping[str, str], main: str) -> dict[str, str]:
    servers: dict[str, str] = {}
    for one in env.get("MLFLOW_SERVERS", "").replace(",", " ").split():
        slug, is_named, address = one.partition("=")
        if not is_named or not _SLUG.fullmatch(slug):
            raise Misconfigured(
                f"MLFLOW_SERVERS names a server {slug[:40]!r}.",
                hint="Write slug=address, the slug in up to 32 small letters, digits and hyphens.",
            )
        if slug == main or slug in servers:
            raise Misconfigured(
                f"Two MLflow servers are called {slug!r}.",
                hint="Give each its own slug in MLFLOW_SERVERS and MLFLOW_SERVER_SLUG.",
            )
        _check_address("MLFLOW_SERVERS", address)
        servers[slug] = address
    return servers


def _authorization(env: Mapping[str, str], slug: str) -> str:
    """The header that an MLflow server asks of whoever calls it; empty when it asks for none."""
    user, password, token = (
        env.get(of_server(name, slug) if slug else name, "").strip() for name in MLFLOW_SECRETS
    )
    if user and password:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return f"Bearer {token}" if token else ""


def _webhook_secrets(
    env: Mapping[str, str], main: str, others: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    names = {main: WEBHOOK_SECRET} | {slug: of_server(WEBHOOK_SECRET, slug) for slug in others}
    secrets: dict[str, tuple[str, ...]] = {}
    for slug, name in names.items():
        given = tuple(env.get(name, "").split())
        if any(len(secret) < _SHORTEST_SECRET for secret in given):
            raise Misconfigured(
                f"{name} is shorter than {_SHORTEST_SECRET} characters.",
                hint="Use a long random one: `openssl rand -hex 32` prints it.",
            )
        if given:
            secrets[slug] = given
    return secrets


def _check_address(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured(
            f"{name} is no web address.",
            hint="Write it like http://mlflow.example.com:5000, with http or https in front.",
        )


def _mail(env: Mapping[str, str]) -> str:
    url = env.get("NOTIFY_MAIL_URL", "").strip()
    if url and not re.match(r"mailtos?://[^\s/]", url):
        raise Misconfigured(
            "NOTIFY_MAIL_URL is no address of a mail gateway.",
            hint="Use mailtos://user:password@host:587?from=countersign@example.com.",
        )
    return url


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    return _number(env, name, default, lowest=1, highest=65535)


def _number(env: Mapping[str, str], name: str, default: int, *, lowest: int, highest: int) -> int:
    value = env.get(name, "").strip() or str(default)
    if not value.isdecimal() or not lowest <= int(value) <= highest:
        raise Misconfigured(
            f"{name} is {value!r}.", hint=f"Use a whole number from {lowest} to {highest}."
        )
    return int(value)


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name, "").strip().lower()
    if value in {"", "0", "1", "true", "false", "yes", "no"}:
        return default if value == "" else value in {"1", "true", "yes"}
    raise Misconfigured(f"{name} is {value!r}.", hint="Use 1 or 0.")
