"""The law of sign-in: OpenID Connect as Authlib enforces it, for one client, the portal itself."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidRequestError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest
from joserfc.jwk import KeySet, RSAKey
from starlette.responses import JSONResponse, Response

from auth.actors import Actor
from auth.codes import Code, Codes, SignedIn
from auth.keyring import Keyring
from auth.people import People
from auth.sessions import LASTS, Sessions
from ledger.clock import Clock
from ledger.errors import Unauthenticated

CLIENT_ID: Final = "countersign-portal"
SCOPES: Final = ("openid", "profile", "email")
SIGNATURE: Final = "RS256"
# Nothing accepts our access tokens; OAuth wants one all the same.
_ACCESS_TOKEN_SECONDS: Final = 60


@dataclass(frozen=True)
class PortalClient(ClientMixin):  # type: ignore[misc] # Authlib is untyped
    """The only client there is: the portal's own sign-in."""

    redirect_uri: str
    after_sign_out: tuple[str, ...]
    secret: str = field(repr=False)

    @property
    def client_metadata(self) -> dict[str, list[str]]:
        """Where a person may be sent after signing out."""
        return {"post_logout_redirect_uris": list(self.after_sign_out)}

    def get_client_id(self) -> str:
        """The client's name."""
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        """None: whoever asks must say where to."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What of the scope is granted; nothing at all without an ID token."""
        asked = (scope or "").split()
        return " ".join(one for one in asked if one in SCOPES) if "openid" in asked else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is, letter by letter, the portal's own."""
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether the portal is asking."""
        return hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """The token endpoint wants the secret."""
        return endpoint == "token" and method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        """Codes only."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Codes only: there is nothing to refresh."""
        return grant_type == "authorization_code"


class Question(OAuth2Request):  # type: ignore[misc] # Authlib is untyped
    """A request as Authlib reads it, made from what was already received."""

    def __init__(
        self, method: str, fields: list[tuple[str, str]], headers: Mapping[str, str]
    ) -> None:
        # Authlib refuses plain HTTP by this address. Whether there is TLS was decided by PUBLIC_URL
        # when the portal was started, so nothing is read from Host or X-Forwarded-Proto here.
        super().__init__(method, "http://127.0.0.1/idp", headers=headers)
        self.payload = BasicOAuth2Payload(dict(fields))
        for name, _ in fields:
            self.payload.datalist[name] = [value for key, value in fields if key == name]

    @property
    def args(self) -> Mapping[str, str]:
        """The fields of the question."""
        return self._fields()

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of the question."""
        return self._fields()

    def _fields(self) -> Mapping[str, str]:
        fields: Mapping[str, str] = self.payload.data
        return fields


class _Pkce(CodeChallenge):  # type: ignore[misc] # Authlib is untyped
    """Proof Key for Code Exchange (RFC 7636), required, and by SHA-256 only."""

    SUPPORTED_CODE_CHALLENGE_METHOD: Final = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        """Authlib demands it of public clients only; here there is no way around it."""
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("A code_challenge with the method S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class Authorization(AuthorizationServer):  # type: ignore[misc] # Authlib is untyped
    """What Authlib asks us, answered: who the client is, what a code stands for, who signs."""

    def __init__(
        self,
        *,
        issuer: str,
        client: PortalClient,
        keyring: Keyring,
        people: People,
        sessions: Sessions,
        codes: Codes,
        clock: Clock,
    ) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.issuer = issuer
        self.client = client
        self.keyring = keyring
        self.people = people
        self.sessions = sessions
        self.codes = codes
        self.clock = clock
        self.register_token_generator("default", _token)
        self.register_grant(_CodeGrant, [_IdToken(self), _Pkce(required=True)])
        self.register_endpoint(_EndSession)

    def query_client(self, client_id: str) -> PortalClient | None:
        """The client of this name."""
        return self.client if client_id == CLIENT_ID else None

    def save_token(self, token: object, request: object) -> None:
        """Nothing to keep: the session is already on the record."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Question) -> Question:
        """It is one already."""
        return request

    def handle_response(
        self, status: int, body: object, headers: list[tuple[str, str]]
    ) -> Response:
        """An answer for the browser or the portal."""
        if isinstance(body, dict):
            return JSONResponse(body, status, headers=dict(headers))
        return Response(str(body or ""), status, headers=dict(headers))


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc] # Authlib is untyped
    server: Authorization
    request: Question

    def save_authorization_code(self, code: str, request: Question) -> None:
        signed_in: SignedIn = request.user
        asked = request.payload.data
        self.server.codes.keep(
            code,
            Code(
                person_id=signed_in.person_id,
                session_id=signed_in.session_id,
                redirect_uri=asked["redirect_uri"],
                scope=request.scope,
                nonce=asked.get("nonce", ""),
                code_challenge=asked["code_challenge"],
                code_challenge_method=asked["code_challenge_method"],
                signed_in_at=int(signed_in.at.timestamp()),
            ),
        )

    def query_authorization_code(self, code: str, _client: PortalClient) -> Code | None:
        found = self.server.codes.spend(code)
        if found is None:
            return None
        kept, is_first = found
        if not is_first:
            # Somebody else may have been first: what the code gave is taken back.
            self.server.sessions.end(kept.session_id)
        return kept if is_first else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It was marked as used when it was shown."""

    def authenticate_user(self, authorization_code: Code) -> Actor | None:
        try:
            return self.server.people.actor(
                authorization_code.person_id, session_id=authorization_code.session_id
            )
        except Unauthenticated:
            return None


class _IdToken(OpenIDCode):  # type: ignore[misc] # Authlib is untyped
    def __init__(self, server: Authorization) -> None:
        super().__init__(require_nonce=True)
        self._server = server

    def exists_nonce(self, _nonce: str, _request: Question) -> bool:
        # The portal checks its own nonce, and a code works once: there is nothing to remember.
        return False

    def resolve_client_private_key(self, _client: PortalClient) -> RSAKey:
        return self._server.keyring.signing_key

    def get_client_algorithm(self, _client: PortalClient) -> str:
        return SIGNATURE

    def get_encode_header(self, _client: PortalClient) -> dict[str, str]:
        return {"alg": SIGNATURE, "kid": self._server.keyring.kid}

    def get_client_claims(self, _client: PortalClient) -> dict[str, Any]:
        now = int(self._server.clock.now().timestamp())
        return {
            "iss": self._server.issuer,
            "aud": [CLIENT_ID],
            "iat": now,
            "exp": now + int(LASTS.total_seconds()),
        }

    def generate_user_info(self, user: Actor, _scope: str) -> dict[str, str]:
        # Streamlit reads ID tokens only and never asks a userinfo endpoint: all of it goes here.
        return {
            "sub": user.id,
            "sid": user.session_id,
            "name": user.name,
            "email": user.email,
        }


class _EndSession(EndSessionEndpoint):  # type: ignore[misc] # Authlib is untyped
    server: Authorization

    def get_server_jwks(self) -> KeySet:
        return self.server.keyring.public_keys()

    def get_algorithms(self) -> list[str]:
        return [SIGNATURE]

    def end_session(self, end_session_request: EndSessionRequest) -> None:
        # Without an ID token of ours anybody's link could sign people out: then nothing ends.
        claims = end_session_request.id_token_claims or {}
        if session_id := claims.get("sid"):
            self.server.sessions.end(str(session_id))


def _token(*, scope: str, **_about_it: object) -> dict[str, str | int]:
    return {
        "token_type": "Bearer",
        "access_token": secrets.token_urlsafe(24),
        "expires_in": _ACCESS_TOKEN_SECONDS,
        "scope": scope,
    }
