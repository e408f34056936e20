"""The other ends: a web server and a mail gateway on loopback that keep what they are given."""

from __future__ import annotations

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebSink:
    """A web server that answers what it is told to, 200 if nothing."""

    url: str = ""
    calls: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    location: str = ""
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def ids(self) -> list[str]:
        """The ids of the deliveries, in the order they came in."""
        return [headers["idempotency-key"] for _path, headers, _body in list(self.calls)]

    def take(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> int:
        """Keep a call; returns how to answer."""
        with self._news:
            self.calls.append((path, headers, body))
            self._news.notify_all()
            return self.answers.pop(0) if self.answers else 200


@contextmanager
def web_sink() -> Iterator[WebSink]:
    """A web server for as long as the block lasts."""
    sink = WebSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = sink.take(self.path, headers, json.loads(body or b"{}"))
            self.send_response(answer)
            if sink.location:
                self.send_header("location", sink.location)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the library's name

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    with _served(server):
        yield sink


@dataclass
class MailSink:
    """A mail gateway (SMTP) that keeps letters; it can be told to refuse some first."""

    port: int = 0
    letters: list[tuple[str, Message]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    """A mail gateway for as long as the block lasts."""
    sink = MailSink()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 sink")
            to = ""
            while line := self.rfile.readline():
                verb = line.decode().strip()
                if verb.upper().startswith("RCPT"):
                    to = verb.partition("<")[2].partition(">")[0]
                if verb.upper() == "DATA":
                    self._data(to)
                elif verb.upper() == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 sink")

        def _data(self, to: str) -> None:
            self._say("354 go on")
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line)
            if sink.refusals:
                self._say(sink.refusals.pop(0))
                return
            sink.letters.append((to, email.message_from_bytes(b"".join(lines))))
            self._say("250 kept")

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    sink.port = server.server_address[1]
    with _served(server):
        yield sink


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
