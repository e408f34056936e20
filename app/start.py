"""One command starts everything: MLflow, the portal and the worker, and says how to sign in."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from app import own_mlflow, watchdog
from app.settings import (
    MLFLOW_SECRETS,
    OWN_MLFLOW,
    ROOT,
    WEBHOOK_SECRET,
    Settings,
    prepare_data_dir,
    without_password,
)
from app.supervisor import GRACE_SECONDS, Program, Supervisor, say
from ledger.errors import Misconfigured

PASSWORDS: Final = "demo-passwords.txt"
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}

# What every program needs of the machine: where things are, how words are written, the way out.
_OF_THE_MACHINE: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE"),
        *("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    }
)
_OURS: Final = frozenset(
    {
        *("DATA_DIR", "DATABASE_URL", "HOST", "PORT", "PUBLIC_URL", "DEMO"),
        *("NOTIFY_WEBHOOK_HOSTS", "NOTIFY_DIGEST_HOUR"),
        *("MLFLOW_TRACKING_URI", "MLFLOW_PORT", "MLFLOW_SERVER_SLUG", "MLFLOW_SERVERS", "GUARD"),
        *("MIRROR_SECONDS", "MIRROR_CRAWL_MINUTES", "EVIDENCE_FILE_MB"),
    }
)
# Only the worker speaks to MLflow and to the store in which MLflow keeps artifacts.
_OF_THE_WORKER: Final = frozenset(
    {
        *MLFLOW_SECRETS,
        "NOTIFY_MAIL_URL",
        *("MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_SERVER_CERT_PATH"),
        *("MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_S3_ENDPOINT_URL"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
        *("AWS_DEFAULT_REGION", "AWS_PROFILE", "AZURE_STORAGE_CONNECTION_STRING"),
        *("AZURE_STORAGE_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS"),
    }
)

# What further MLflow servers ask of whoever calls stands in variables that end in their slugs.
_OF_OTHER_SERVERS: Final = tuple(f"{name}_" for name in MLFLOW_SECRETS)


def run(settings: Settings, environment: Mapping[str, str]) -> int:
    """Start everything in the foreground and stay until it ends. Returns the exit code.

    Raises:
        Misconfigured: the data folder, a port or the database cannot be used.
    """
    prepare_data_dir(settings)
    with _only_run(settings.data_dir):
        _check_ports(settings)
        mark = secrets.token_hex(8)
        dog = watchdog.watch(mark, grace=GRACE_SECONDS) if watchdog.IS_LINUX else None
        try:
            return _run(settings, environment, mark)
        finally:
            if dog:
                dog.dismiss()


def _run(settings: Settings, environment: Mapping[str, str], mark: str) -> int:
    # Imported late: the watchdog must be there before the first thread.
    from app import durable, migrate  # noqa: PLC0415
    from ledger.store import Store  # noqa: PLC0415

    say(f"Countersign keeps its data in {settings.data_dir}.")
    store = Store(settings.database_url)
    step = migrate.to_head(store)
    durable.prepare(store)
    store.close()
    say(f"The database is in its newest shape ({step}).")
    logs = settings.data_dir / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    if not settings.starts_mlflow:
        say(f"MLflow is the server at {without_password(settings.mlflow_uri)}.")
    welcome = _Welcome(settings)
    everybody = programs(settings, environment)
    for program in everybody:
        say(f"{program.label} is starting …")
    supervisor = Supervisor(
        everybody,
        mark=mark,
        logs=logs,
        say=say,
        on_ready=welcome.ready,
        on_line=lambda _program, _line: welcome.say_once(),
    )
    code = asyncio.run(supervisor.run())
    say("Everything has ended." if code == 0 else f"Everything has ended, with code {code}.")
    return code


class _Welcome:
    """Says how to sign in, once: when the portal answers and there is somebody to sign in as."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_open = False
        self._is_said = False

    def ready(self, program: Program) -> None:
        """The portal answers: from now on it makes sense to tell its address."""
        if program.name == "portal":
            self._is_open = True
            say(f"The portal is at {self._settings.public_url}")
            self.say_once()

    def say_once(self) -> None:
        """Say it if it can be said."""
        if not self._is_open or self._is_said:
            return
        passwords = self._settings.data_dir / PASSWORDS
        if self._settings.demo and not passwords.exists():
            return
        self._is_said = True
        for line in _who_signs_in(passwords) if self._settings.demo else _set_up(self._settings):
            say(line)
        say("Ctrl-C ends everything.")


def _who_signs_in(passwords: Path) -> list[str]:
    from app.demo.organisation import NAME, PEOPLE  # noqa: PLC0415 - only for a demo

    rows = [(person.name, person.title, person.email) for person in PEOPLE]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [
        "  "
        + "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [f"Sign in as somebody of {NAME}:", *table, f"Their passwords are in {passwords}"]


def _set_up(settings: Settings) -> list[str]:
    from app.portal import build  # noqa: PLC0415 - only without a demo
    from auth.actors import Actor  # noqa: PLC0415

    portal = build(settings)
    code = portal.people.set_up_code(by=Actor.system("set-up"))
    portal.store.close()
    if code is None:
        return []
    return [
        "There is no administrator yet. Become the first one, once, within three days:",
        f"  {settings.public_url}/idp/set-up?code={code}",
    ]


# -- who is started, with what ---------------------------------------------------------------------


def programs(settings: Settings, environment: Mapping[str, str]) -> tuple[Program, ...]:
    """The household: each with the environment it needs, and nothing else of ours."""
    machine = {
        name: value
        for name, value in environment.items()
        if name in _OF_THE_MACHINE or name.startswith("LC_")
    } | {"PYTHONUNBUFFERED": "1", "DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    ours = {name: value for name, value in environment.items() if name in _OURS}
    ours |= {name: value for name, value in environment.items() if name.startswith("COUNTERSIGN_")}
    ours["DATA_DIR"] = str(settings.data_dir)
    ours |= {name: value for name, value in environment.items() if name.startswith(WEBHOOK_SECRET)}
    secret = ""
    if settings.starts_mlflow:
        given = settings.webhook_secrets.get(settings.server_slug)
        secret = given[0] if given else own_mlflow.webhook_secret(settings.data_dir / "keys")
        ours[WEBHOOK_SECRET] = secret
    for_portal = dict(ours)
    if not settings.starts_mlflow:
        for_portal["MLFLOW_TRACKING_URI"] = without_password(settings.mlflow_uri)
    if settings.mail_url:
        # The screens say that there is a gateway; only the worker knows how to get in.
        for_portal["NOTIFY_MAIL_URL"] = "mailto://gateway"
    if settings.other_servers:
        for_portal["MLFLOW_SERVERS"] = " ".join(
            f"{slug}={without_password(uri)}" for slug, uri in settings.other_servers.items()
        )
    for_worker = {
        name: value
        for name, value in environment.items()
        if name in _OF_THE_WORKER or name.startswith(_OF_OTHER_SERVERS)
    }
    for_worker[OWN_MLFLOW] = "1" if settings.starts_mlflow else "0"
    portal = Program(
        name="portal",
        label="The portal",
        command=(sys.executable, "-m", "countersign", "portal"),
        environment=machine | for_portal,
        folder=ROOT,
        health=f"http://{_reachable(settings.host)}:{settings.port}/healthz",
        is_vital=True,
    )
    worker = Program(
        name="worker",
        label="The worker",
        command=(sys.executable, "-m", "countersign", "worker"),
        environment=machine | ours | for_worker | {"GIT_PYTHON_REFRESH": "quiet"},
        folder=ROOT,
        is_heard=True,
    )
    if settings.starts_mlflow:
        guard = {name: value for name, value in ours.items() if name.startswith(own_mlflow.GUARD)}
        return (portal, own_mlflow.program(settings, machine | guard, secret), worker)
    return (portal, worker)


# -- what must be free ----------------------------------------------------------------------------


class _only_run:  # noqa: N801 - reads as a phrase: with _only_run(folder)
    """Holds the data folder for one run.

    The watchdog inherits the hold, so that after a kill the folder is free only when it is quiet.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run.lock"
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        held = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.seek(0)
            holder = held.read().strip() or "unknown"
            held.close()
            raise Misconfigured(
                f"Countersign is running on {self._path.parent} already, as process {holder}.",
                hint="End that run, wait a few seconds if it is ending, or set another DATA_DIR.",
                code="already-running",
            ) from error
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        self._file = held

    def __exit__(self, *_error: object) -> None:
        if self._file:
            self._file.truncate(0)
            self._file.close()


def _check_ports(settings: Settings) -> None:
    if settings.starts_mlflow and settings.mlflow_port == settings.port:
        raise Misconfigured(
            f"PORT and MLFLOW_PORT are both {settings.port}.", hint="Give each its own."
        )
    _check_port(settings.host, settings.port, "PORT")
    if settings.starts_mlflow:
        _check_port("127.0.0.1", settings.mlflow_port, "MLFLOW_PORT")


def _check_port(host: str, port: int, name: str) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror as error:
        raise Misconfigured(
            f"HOST is {host!r}, which is no address of this machine.",
            hint="Use 127.0.0.1, or 0.0.0.0 to be reached from other machines.",
        ) from error
    except OSError as error:
        raise Misconfigured(
            f"Port {port} on {host} cannot be used: {(error.strerror or str(error)).lower()}.",
            hint=f"End the program that listens there, or choose another with {name}=….",
            code="port-in-use",
        ) from error


def _reachable(host: str) -> str:
    """An address at which a listener on `host` answers on this machine."""
    found = _WILDCARDS.get(host, host)
    return f"[{found}]" if ":" in found else found
