"""The verbs of Countersign for a terminal: `countersign run`, `countersign token` and the like."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from app.ci import commands as ci
from ledger.errors import CountersignError, NotFound

if TYPE_CHECKING:
    from app.settings import Settings

# What a shell reads: 0 done, 1 a bug, 2 cannot be done as asked. `app.ci.commands` has its own.
DONE: Final = 0
REFUSED: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", line_buffering=True)
    asked = _parser().parse_args(arguments)
    try:
        verb: Callable[[argparse.Namespace], int] = asked.verb
        return verb(asked)
    except CountersignError as error:
        print(error.message, file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign",
        description="Find, understand, release and prove machine-learning models.",
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, verb: Callable[[argparse.Namespace], int], words: str) -> _Parser:
        command = verbs.add_parser(name, help=words, description=words)
        command.set_defaults(verb=verb)
        return command

    add("run", _run, "Start MLflow, the portal and the worker, until Ctrl-C.")
    add("portal", _portal, "Start the portal alone: screens, API and sign-in.")
    add("worker", _worker, "Start a worker alone: the mirror of MLflow and all durable jobs.")
    migrate = add("migrate", _migrate, "Bring the database to the shape this version needs.")
    migrate.add_argument("--new", metavar="WORDS", help="write the next step instead (developers)")
    token = add("token", _token, "Make a bearer token for a person and print it once.")
    token.add_argument("--person", metavar="EMAIL", required=True, help="whom the token acts as")
    token.add_argument("--label", required=True, help="what the token is for")
    token.add_argument("--days", type=int, default=90, help="how long it lasts (default: 90)")
    add("guard-key", _guard_key, "Print the public key with which a guarded MLflow checks tickets.")
    add("version", _version, "Print the version.")
    ci.add_to(add)
    return parser


_Parser = argparse.ArgumentParser


def _settings() -> Settings:
    # Not above: what a pipeline asks needs neither a database nor the libraries for one.
    from app import settings  # noqa: PLC0415

    found = settings.from_environment()
    settings.prepare_data_dir(found)
    return found


def _run(_asked: argparse.Namespace) -> int:
    from app import settings  # noqa: PLC0415 - each command imports what it needs, no more
    from app.start import run  # noqa: PLC0415

    return run(settings.from_environment(), os.environ)


def _portal(_asked: argparse.Namespace) -> int:
    from app.server import serve  # noqa: PLC0415

    serve(_settings())
    return DONE


def _worker(_asked: argparse.Namespace) -> int:
    from app.worker import main as work  # noqa: PLC0415

    return work(_settings())


def _migrate(asked: argparse.Namespace) -> int:
    from app import migrate  # noqa: PLC0415
    from ledger.store import Store  # noqa: PLC0415

    if asked.new:
        print(migrate.write_step(asked.new))
        return DONE
    store = Store(_settings().database_url)
    print(f"The database is in its newest shape ({migrate.to_head(store)}).")
    store.close()
    return DONE


def _token(asked: argparse.Namespace) -> int:
    from app.portal import build  # noqa: PLC0415

    portal = build(_settings())
    person = portal.people.by_email(asked.person)
    if person is None:
        raise NotFound(
            f"Nobody here has the e-mail address {asked.person}.",
            hint="The Access page lists everybody.",
        )
    token, secret = portal.tokens.issue(
        asked.label, by=portal.people.actor(person.id), days=asked.days
    )
    print(secret)
    print(
        f"It acts as {person.name} until {token.expires_at:%d %b %Y, %H:%M} UTC and is not shown "
        "again.",
        file=sys.stderr,
    )
    return DONE


def _guard_key(_asked: argparse.Namespace) -> int:
    from catalog.releases.promotions.tickets import TicketOffice  # noqa: PLC0415
    from ledger.clock import SystemClock  # noqa: PLC0415

    print(TicketOffice(_settings().data_dir / "keys", SystemClock()).public_key())
    return DONE


def _version(_asked: argparse.Namespace) -> int:
    try:
        print(version("countersign"))
    except PackageNotFoundError:
        print("not installed")
    return DONE
