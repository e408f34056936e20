"""A portal's API on a real port, and servers that are none."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import create_api
from app.portal import Portal


@dataclass
class Served:
    """A port on which one portal after another can answer."""

    url: str
    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app
        await self.app(scope, receive, send)

    def answer_with(self, portal: Portal) -> None:
        """From now on this portal answers, where `app/server.py` has its API."""
        self.app = Starlette(routes=[Mount("/api/v1", create_api(portal))])


@contextmanager
def serving() -> Iterator[Served]:
    """A real server; who calls before it listens waits in the queue of its socket."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        served = Served(f"http://127.0.0.1:{door.getsockname()[1]}")
        config = uvicorn.Config(served, lifespan="off", log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([door],), daemon=True)
        thread.start()
        yield served
        server.should_exit = True
        thread.join(10)


@dataclass
class Stranger:
    """A server that is no portal: it gives one answer and keeps what it was sent."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    seen: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def a_stranger(*, encrypted_in: Path | None = None) -> Iterator[Stranger]:
    """Somebody else's server on a port of this machine; with a folder for it, one of TLS."""
    stranger = Stranger()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stranger.seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(stranger.status)
            for name, value in stranger.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(stranger.body)))
            self.end_headers()
            self.wfile.write(stranger.body)

        do_POST = do_GET  # noqa: N815 - likewise

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stranger.url = f"http://127.0.0.1:{server.server_address[1]}"
        if encrypted_in is not None:
            stranger.url = stranger.url.replace("http", "https")
            server.socket = _encrypted(encrypted_in, server.socket)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield stranger
        server.shutdown()
        thread.join(10)


def _encrypted(folder: Path, listening: socket.socket) -> ssl.SSLSocket:
    """The socket behind TLS, with a certificate that only its own file vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context.wrap_socket(listening, server_side=True)
