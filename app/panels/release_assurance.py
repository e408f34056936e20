"""What a release rests on: groups and fairness, explanation, files and scan, watching, findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from app.panels.findings import table_of
from app.panels.links import link
from app.panels.release_dossier import Dossier
from app.ui import chips, page, tables, words
from app.ui.markup import Markup, join, mono, note, show, tag, text
from app.ui.tables import Column, Row
from catalog.assurance.explanations import Explanation, ExplanationState
from catalog.releases.evidence.snapshot import Piece
from catalog.releases.gates.asking import Answer
from catalog.releases.promotions.rechecks import Rechecked

_TOP_FEATURES: Final = 6
_SMALL: Final = 30  # rows: fewer say little about a group


def does(dossier: Dossier, number: int) -> None:
    """How the version does by group, how alike people are treated, and what drives it."""
    show(page.section("How it does", number=number, anchor="does"))
    _groups(dossier)
    _explained(dossier)


def _groups(dossier: Dossier) -> None:
    """How the version does for groups of people or rows, and how alike they are treated."""
    pieces = [one for one in dossier.sheet.snapshot.pieces if one.kind in {"slices", "fairness"}]
    show(tag("h3", "By group", cls="cs-group"))
    if not pieces:
        show(
            note(
                "Nobody has measured it by group. Attach evidence of the kind slices or fairness, "
                "on this page, by the API or from a pipeline."
            )
        )
    for piece in pieces:
        show(_groups_of(piece), _produced(piece, dossier.now))


def _groups_of(piece: Piece) -> Markup:
    says = piece.says
    found = sorted(says["groups"], key=lambda one: one["value"])
    is_fairness = piece.kind == "fairness"
    best = max((one["value"] for one in found), default=0.0)
    title = says["measure"] if is_fairness else says["metric"]
    columns = [
        Column(says["by"].capitalize(), lead=True),
        Column("Rows", "right"),
        Column(title[:1].upper() + title[1:], "right"),
    ]
    if is_fairness:
        columns.append(Column("Against the best", "right"))
    return tables.table(columns, list(_group_rows(found, best, ratio=is_fairness)), title)


def _group_rows(found: list[dict[str, Any]], best: float, *, ratio: bool) -> Iterator[Row]:
    for one in found:
        is_small = one["rows"] < _SMALL
        name = tables.two(one["group"], "small sample" if is_small else "")
        cells: list[object] = [name, words.thousands(one["rows"]), f"{one['value']:.3g}"]
        if ratio:
            cells.append(f"{one['value'] / best:.2f}" if best else None)
        yield Row(tuple(cells), "attention" if is_small else "")


def _produced(piece: Piece, now: datetime) -> Markup:
    """Who measured it, when, and whether Countersign did so itself."""
    at = words.age(datetime.fromisoformat(piece.produced_at), now)
    mark = chips.assured(is_verified=piece.is_verified, by=piece.producer)
    left = " It does not count any more." if piece.is_expired(now) else ""
    told = f", {at} old, {words.digest(piece.digest)}.{left}"
    return tag("p", mark, told, cls="cs-note")


def _explained(dossier: Dossier) -> None:
    """What moves the output of the version most, and what that does not say."""
    request, explanation = dossier.request, dossier.explanation
    result = explanation.result if explanation else None
    if explanation is not None and result is not None and explanation.finished_at:
        top = sorted(zip(result.importance, result.features, strict=True), reverse=True)
        scale = top[0][0] or 1.0
        rows = [
            (name, _bar(value / scale), words.figure(value)) for value, name in top[:_TOP_FEATURES]
        ]
        body = join(
            (
                tables.table(
                    (
                        Column("Feature", lead=True),
                        Column("How much it moves the output"),
                        Column(f"Mean contribution, {result.space}", "right"),
                    ),
                    rows,
                    "What drives the version most",
                ),
                note(
                    f"{result.explainer}, {words.thousands(result.rows_explained)} rows of the "
                    f"{explanation.sample}, {words.moment(explanation.finished_at)}. A "
                    "contribution says what the model used, not what causes the outcome, and "
                    "does not show that it treats people fairly."
                ),
            )
        )
    else:
        body = note(_not_explained(explanation, request.version_number))
    show(tag("h3", "What drives it", cls="cs-group"), body)
    link(
        f"Explain v{request.version_number}",
        "explain",
        model=dossier.model,
        version=request.version_number,
    )


def _bar(share: float) -> Markup:
    filled = tag("i", style=f"width:{max(share, 0.02) * 100:.0f}%")
    return tag("span", filled, cls="cs-progress", aria_hidden="true")


def _not_explained(explanation: Explanation | None, version: int) -> str:
    if explanation is None:
        return f"Nobody has asked for an explanation of v{version} yet. Ask for it on Explain."
    if explanation.state is ExplanationState.FAILED:
        return f"v{version} could not be explained: {explanation.problem}"
    return "The explanation is being computed; it is ready within a few minutes."


def files(dossier: Dossier, number: int) -> None:
    """Which files are approved, whether they are still those, and what scans found in them."""
    sheet, request = dossier.sheet, dossier.request
    snapshot = sheet.snapshot
    if not request.manifest_digest:
        show(
            page.section(
                "Files and security",
                chips.status("Missing", "Not read yet"),
                number=number,
                anchor="files",
            ),
            note("The worker reads every file of the version and records its SHA-256."),
        )
        return
    same = dossier.files_now == request.manifest_digest
    facts: list[tuple[str, object]] = [
        ("Files", f"{words.plural(snapshot.manifest_files, 'file')}, SHA-256 of each on record"),
        ("Digest over all", mono(request.manifest_digest)),
    ]
    if snapshot.manifest_at:
        read = datetime.fromisoformat(snapshot.manifest_at)
        facts.append(("Read by Countersign", words.moment(read)))
    facts.append(
        (
            "Last reading",
            chips.mark("Pass", "The same files")
            if same
            else chips.mark("Fail", f"Other files: {words.digest(dossier.files_now)}"),
        )
    )
    explained = dossier.explanation.artifacts_digest if dossier.explanation else ""
    if explained:
        facts.append(
            (
                "Explanation",
                chips.mark("Pass", "Computed on the same files")
                if explained == request.manifest_digest
                else chips.mark("Fail", "Computed on other files"),
            )
        )
    show(
        page.section(
            "Files and security",
            worst_of_files(dossier, same=same),
            number=number,
            anchor="files",
        ),
        tables.facts([*facts, *_scans(dossier)]),
        note("The files are read once more before the alias is moved; a changed byte stops it."),
    )


def worst_of_files(dossier: Dossier, *, same: bool) -> Markup:
    """The worst of what is known of the files, in one chip."""
    scans = [one for one in dossier.sheet.snapshot.pieces if one.kind == "scan"]
    found = sum(one.says["findings"] for one in scans)
    if not same:
        return chips.status("Fail", "Changed")
    if found:
        return chips.status("Fail", words.plural(found, "finding"))
    return chips.status("Verified") if scans else chips.status("Missing", "Not scanned")


def _scans(dossier: Dossier) -> list[tuple[str, object]]:
    """What scans of the files found."""
    found = [one for one in dossier.sheet.snapshot.pieces if one.kind == "scan"]
    if not found:
        return [("Scan", chips.gap("No scan of these files is on record"))]
    return [
        (
            f"Scan by {one.says['tool']}",
            chips.mark("Pass", "Nothing found")
            if not one.says["findings"]
            else chips.mark("Fail", f"{words.plural(one.says['findings'], 'finding')}"),
        )
        for one in found
    ]


def watching(dossier: Dossier, number: int) -> None:
    """How it is watched once live, and how to get back."""
    plan = dossier.sheet.snapshot.piece("monitoring-plan")
    request = dossier.request
    facts: list[tuple[str, object]] = []
    if plan is None:
        facts.append(("Watched", chips.gap("No plan is on record")))
    else:
        facts += [
            ("Signals", words.listing([str(one) for one in plan.says["signals"]])),
            ("When it goes wrong", str(plan.says["rollback"])),
        ]
    facts.append(
        (
            "The way back",
            f"v{request.replaces} can be set back with one signature, on the Model page, while its "
            "own approval stands and its files are the same."
            if request.replaces
            else f"Nothing was {request.alias} before, so there is nothing to go back to.",
        )
    )
    facts += [(f"Asked again: {one.title}", _rechecked(one)) for one in dossier.sheet.rechecks]
    show(
        page.section("Once it is live", number=number, anchor="watching"),
        tables.facts(facts),
        _produced(plan, dossier.now) if plan else "",
    )


def _rechecked(one: Rechecked) -> Markup:
    every = f"every {words.plural(one.every_days, 'day')}"
    if one.checked_at is None:
        return text(f"{every} while it is live; not yet")
    said = "Passed" if one.answer is Answer.PASS else "Did not pass"
    mark = chips.mark("Pass" if one.answer is Answer.PASS else "Fail", said)
    return join((mark, f" on {words.moment(one.checked_at)}, {every}. {one.reason}"))


def findings(dossier: Dossier, number: int) -> None:
    """What was found in deciding it, and what stood open when it was read."""
    found, today = dossier.sheet.findings, dossier.now.date()
    others = [one.number for one in dossier.sheet.snapshot.flaws]
    standing = sum(one.stands for one in found)
    show(
        page.section(
            "Findings",
            f"{standing} to be put right" if found else "Nothing found",
            number=number,
            anchor="findings",
        ),
        table_of(found, dossier.names, today) if found else "",
        note(f"Open on this version or its model when the request was read: {', '.join(others)}.")
        if others
        else note("Nothing was found on this version or its model that still stands.")
        if not found
        else "",
    )
    for one in found:
        link(f"{one.number}: {one.title[:80]}", "findings", id=one.number)
