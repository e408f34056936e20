"""The page of an evidence pack, for a person with a browser and no portal.

It is plain HTML without a script or a picture. Every value in it is escaped, and nothing that
somebody else wrote or uploaded is opened by it: documents are only named.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final

from catalog.dossiers.contents import STANDS, Contents, Replayed
from catalog.dossiers.gaps import Gap
from catalog.releases.gates.answers import GateResult
from catalog.releases.states import Route

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border-bottom:1px solid #8886;padding:.3rem "
    ".6rem;text-align:left;vertical-align:top}code{overflow-wrap:anywhere}"
    "blockquote{margin:.5rem 0;padding-left:1rem;border-left:3px solid #8886;white-space:pre-wrap}"
)
# Nothing is loaded and nothing runs, whatever stands in it.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_CHECKS: Final = (
    (
        "manifest.json lists every file with its SHA-256; manifest.jws signs it, byte "
        "for byte (JWS with detached content, RFC 7515 appendix F, Ed25519). The guide of "
        "Countersign for auditors has a few lines of Python that check both."
    ),
    (
        "public-key.json is a convenience: whoever made another pack could have put another "
        "key into it. Compare it with the one that the operator of the portal prints with "
        "`countersign guard-key`."
    ),
    (
        "In evidence, policies and snapshots lie the bytes as they are kept: the SHA-256 of a JSON "
        "file there is its name. That of a file in audit is the digest of the record. A text in "
        "audit/texts.json opens a commitment: SHA-256 over salt, a zero byte and text. A list in "
        "files names each file of the model; its own name is SHA-256 over the canonical JSON (RFC "
        "8785) of an object that has, for each path, bytes and SHA-256 with a space between."
    ),
    (
        "The signature says that this portal held these bytes. It does not say when, nor that its "
        "operator changed nothing before."
    ),
)


class _Html(str):
    """Markup of this module; any other string is somebody's text."""

    __slots__ = ()


def page(found: Contents, gaps: tuple[Gap, ...], names: Mapping[str, str], key_id: str) -> str:
    """The page of a pack. `names` are those of people, by id."""
    request = found.request
    title = f"{request.number}: {request.model_name} v{request.version_number}"
    body = _join(
        (
            _tag("h1", title),
            *_asked(found, names),
            *_decided(found, names),
            *(piece for one in found.replayed for piece in _gates(one)),
            *_evidence(found, names),
            *_findings(found, names),
            *_said(found, names),
            *_gaps(gaps),
            *_checked(found, key_id),
        )
    )
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">'
        f"<style>{_STYLE}</style>{_tag('title', title)}</head>"
    )
    return f"{head}{_tag('body', body)}</html>\n"


def _asked(found: Contents, names: Mapping[str, str]) -> Iterable[_Html]:
    request = found.request
    away = request.route is Route.RETIREMENT
    move = (
        f"take @{request.alias} away from v{request.version_number}"
        if away
        else f"point @{request.alias} at v{request.version_number}"
    )
    was = "is" if request.is_open else "was then"
    before = f" It {was} on v{request.replaces}." if request.replaces and not away else ""
    who = f"{_name(names, request.requested_by)}, {_moment(request.requested_at)}"
    yield _tag("p", f"Asked by way of {request.route}: {move} of {request.model_name}.{before}")
    yield _quote(request.reason, who)
    promotion = request.promotion
    told = "Nothing was to be carried out."
    if promotion is not None:
        at = f" on {_moment(promotion.finished_at)}" if promotion.finished_at else ""
        told = f"{promotion.state}{at}. {promotion.message}".strip()
    yield _facts(
        (
            ("State", f"{request.state}, since {_moment(request.changed_at)}"),
            ("In MLflow", told),
            ("Server", f"{found.model['server']}, workspace {found.model['workspace']}"),
            ("Built by", ", ".join(_name(names, one) for one in request.authors) or "Nobody known"),
            *((f"Digest of {name}", _code(one)) for name, one in request.digests.items()),
        )
    )


def _decided(found: Contents, names: Mapping[str, str]) -> Iterable[_Html]:
    yield _tag("h2", "Decisions")
    if not found.decisions:
        yield _tag("p", "Nobody decided anything yet.")
    for one in found.decisions:
        panel = f" as {one.panel}" if one.panel else ""
        yield _quote(
            one.reason, f"{one.verb}{panel}: {_name(names, one.person_id)}, {_moment(one.at)}"
        )
    if found.receipt is not None:
        receipt = found.receipt
        yield _tag("h3", "Receipt")
        yield _facts(
            (
                ("Record in the audit trail", f"No. {receipt.sequence}"),
                ("Digest of the record", _code(receipt.digest)),
                ("Recorded", _moment(receipt.recorded_at)),
                *((f"Digest of {name}", _code(one)) for name, one in receipt.digests.items()),
            )
        )


def _gates(one: Replayed) -> Iterable[_Html]:
    on = "as it stands" if one.on == STANDS else f"at “{one.on}”"
    yield _tag("h2", f"Gates {on}, {_moment(one.at)}")
    if one.problem:
        yield _tag("p", one.problem)
        return
    same = {
        True: "Asked again, they say the same as then.",
        False: "Asked again, they do NOT say the same as then.",
        None: "There is no verdict of then to compare with.",
    }
    yield _tag("p", same[one.agrees])
    yield _table(
        ("Gate", "Verdict", "Required", "Observed", "Why", "Produced by"),
        (_gate(result) for result in one.results),
    )


def _gate(one: GateResult) -> tuple[object, ...]:
    assured = "verified" if one.is_verified else "self-reported"
    by = f"{one.produced_by}, {assured}" if one.produced_by else ""
    return (one.title, one.answer, one.required, one.observed, one.reason, by)


def _evidence(found: Contents, names: Mapping[str, str]) -> Iterable[_Html]:
    yield _tag("h2", "Evidence that was bound")
    yield _table(
        ("Kind", "Name", "Produced by", "Attached by", "When", "Counts until", "Digest"),
        (
            (
                one.piece.kind,
                one.piece.name,
                one.piece.producer,
                _name(names, one.attached_by),
                one.piece.produced_at,
                one.piece.expires_at or "no end",
                _code(one.piece.digest),
            )
            for one in found.items
        ),
    )
    there = [one for one in found.items if one.document in found.documents]
    if there:
        yield _tag(
            "p",
            "Documents are what people uploaded. Countersign knows that they are still the same, "
            "not that what they say is true: open them as you would an attachment of a stranger.",
        )
        yield _table(
            ("Document", "File"),
            ((one.piece.name, _code(f"documents/{one.document_file}")) for one in there),
        )


def _findings(found: Contents, names: Mapping[str, str]) -> Iterable[_Html]:
    yield _tag("h2", "Conditions and findings")
    yield _table(
        ("Number", "Kind", "What", "State", "Owner", "Due", "What was done"),
        (
            (
                one.number,
                one.kind,
                one.title,
                one.state,
                _name(names, one.owner_id),
                _day(one.due_on),
                " ".join(filter(None, (one.remedy, one.closed_why))),
            )
            for one in found.findings
        ),
    )


def _said(found: Contents, names: Mapping[str, str]) -> Iterable[_Html]:
    yield _tag("h2", "Discussion")
    if not found.threads:
        yield _tag("p", "Nobody wrote anything.")
    for thread in found.threads:
        for one in thread.comments:
            said = "(removed)" if one.is_removed else one.text
            yield _quote(said, f"{_name(names, one.author)}, {_moment(one.at)}")


def _gaps(gaps: tuple[Gap, ...]) -> Iterable[_Html]:
    yield _tag("h2", "Gaps")
    yield _tag("p", "What a reader would expect and is not here.")
    yield _table(("About", "What is missing"), ((one.about, one.says) for one in gaps))


def _checked(found: Contents, key_id: str) -> Iterable[_Html]:
    yield _tag("h2", "How to check it")
    for said in _CHECKS:
        yield _tag("p", said)
    last = max((one.sequence for one in found.records), default=0)
    yield _facts((("Key", _code(key_id)), ("Newest record in it", f"No. {last}")))


def _name(names: Mapping[str, str], person_id: str) -> str:
    return names.get(person_id, person_id) or "nobody"


def _moment(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M:%S} UTC"


def _day(on: date) -> str:
    return f"{on:%d %b %Y}"


def _tag(name: str, *content: object) -> _Html:
    return _Html(f"<{name}>{_join(content)}</{name}>")


def _join(pieces: Iterable[object]) -> _Html:
    return _Html(
        "".join(one if isinstance(one, _Html) else html.escape(str(one)) for one in pieces)
    )


def _code(said: str) -> _Html:
    return _tag("code", said)


def _quote(said: str, who: str) -> _Html:
    return _join((_tag("p", who), _tag("blockquote", said)))


def _facts(pairs: Iterable[tuple[str, object]]) -> _Html:
    return _tag("table", *(_tag("tr", _tag("th", name), _tag("td", said)) for name, said in pairs))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> _Html:
    drawn = [_tag("tr", *(_tag("td", cell) for cell in row)) for row in rows]
    if not drawn:
        return _tag("p", "None.")
    return _tag("table", _tag("tr", *(_tag("th", head) for head in heads)), *drawn)
