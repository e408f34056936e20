"""A throw-away PostgreSQL of the test run: started once, a fresh database for each test."""

from __future__ import annotations

import getpass
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

_START_SECONDS = 60
_NUMBERS = itertools.count(1)


def binaries() -> Path | None:
    """The folder of PostgreSQL's server programs, newest version first."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[4]) if path.parts[4].isdecimal() else 0,
        reverse=True,
    )
    on_path = shutil.which("initdb")
    candidates = [*found, *([Path(on_path).resolve()] if on_path else [])]
    return next((path.parent for path in candidates if (path.parent / "postgres").exists()), None)


@dataclass(frozen=True)
class Server:
    """A running server, and how its superuser gets in."""

    port: int
    password: str = field(repr=False)

    def url(self, database: str) -> str:
        """The address of one of its databases, as DATABASE_URL takes it."""
        return f"postgresql://countersign:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """The address of a fresh database."""
        name = f"test_{next(_NUMBERS)}"
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
                    sql.Identifier(url.rpartition("/")[2])
                )
            )

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url("postgres"), autocommit=True)


@contextmanager
def running() -> Iterator[Server]:
    """Start a server on a free loopback port, and leave nothing of it behind.

    PostgreSQL refuses to run as root, so root hands it to an ordinary account.
    """
    programs = binaries()
    assert programs, "PostgreSQL's server programs are missing: apt-get install postgresql"
    # Not pytest's own folder: that one is closed to the account the server runs under.
    folder = Path(tempfile.mkdtemp(prefix="countersign-pg-"))
    account = _account()
    password = secrets.token_hex(16)
    (folder / "password").write_text(password)
    for path in (folder, folder / "password"):
        shutil.chown(path, account)
    (folder / "password").chmod(0o600)
    try:
        subprocess.run(
            [
                *_as(account),
                *(programs / "initdb", "-D", folder / "data", "-U", "countersign"),
                *("-A", "md5", "--pwfile", folder / "password"),  # quick, and nothing is kept
                *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        process, port = _start(programs, folder, account)
        try:
            yield Server(port, password)
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            process.wait(_START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(programs: Path, folder: Path, account: str) -> tuple[subprocess.Popen[str], int]:
    said: list[str] = []
    for _ in range(3):  # Somebody may take the free port between the question and its use.
        port = _free_port()
        options = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "autovacuum": "off",
            "max_connections": 200,
        }
        process = subprocess.Popen(
            [
                *_as(account),
                *(programs / "postgres", "-D", folder / "data"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        answered = threading.Event()
        is_ready = threading.Event()
        threading.Thread(
            target=_listen, args=(process, said, answered, is_ready), daemon=True
        ).start()
        answered.wait(_START_SECONDS)
        if is_ready.is_set():
            return process, port
        process.kill()
        process.wait()
    raise AssertionError("PostgreSQL does not start:\n" + "".join(said[-20:]))


def _listen(
    process: subprocess.Popen[str],
    said: list[str],
    answered: threading.Event,
    is_ready: threading.Event,
) -> None:
    assert process.stderr
    for line in process.stderr:
        said.append(line)
        if "ready to accept connections" in line:
            is_ready.set()
            answered.set()
    answered.set()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account() -> str:
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def _as(account: str) -> list[str]:
    """The server ends with the tests, also when these are killed (Linux)."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0:
        assert setpriv, "setpriv is missing: apt-get install util-linux"
        who = [f"--reuid={account}", f"--regid={account}", "--clear-groups"]
        return [setpriv, *who, "--pdeathsig", "QUIT", "--"]
    return [setpriv, "--pdeathsig", "QUIT", "--"] if setpriv else []
