"""What was found of a draft: of past requests and of what is live, as a picture and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from app.panels import ways
from app.session import portal
from app.ui import charts, chips, page, tables, words
from app.ui.feedback import empty, notice
from app.ui.markup import Markup, join, note, show
from app.ui.tables import Column, Row
from app.ui.verdict_chart import Verdicts, verdict_bars
from auth.actors import Actor
from catalog.releases.gates.asking import Answer
from catalog.releases.trials.found import Flip, Found, Live, Said
from catalog.releases.trials.past import MOST

MOST_SHOWN: Final = 50

ModelLink = Callable[[str, object], Markup]


def model_links(ids: Iterable[str], by: Actor) -> ModelLink:
    """What makes words lead to a model, for those the actor may see; else they stay words."""
    known = portal().models.summaries(ids, by=by)

    def made(model_id: str, said: object) -> Markup:
        one = known.get(model_id)
        if one is None:
            return join((said,))
        where = ways.named(one.server, one.workspace, one.name)
        return tables.link(said, ways.address("model", where))

    return made


def request_link(number: str, request_id: str) -> Markup:
    """The number of a request, which leads to it."""
    return tables.link(number, ways.address("release", {"id": request_id}))


def draw(found: Found, by: Actor) -> None:
    """What a draft says of the past and of the present, told apart from what others govern."""
    flipped = [one for one in found.requests if one.has_flipped]
    failing = [one for one in found.live if not one.verdict.passes]
    show(
        page.section(
            "On the past and on what is live",
            f"{words.plural(len(found.requests), 'request')}, {len(found.live)} live",
        )
    )
    if found.is_cut:
        notice(
            "Not everything was asked.",
            f"The newest {MOST:,} requests and {MOST:,} live versions are asked.",
        )
    if not found.requests and not found.live:
        empty("This policy would govern nothing so far", _aside(found) or "Nothing is there yet.")
        return
    show(tables.facts(_facts(found, flipped, failing)))
    rows = picture(found)
    charts.plot(verdict_bars(rows), _said_in_words(rows), "tried-verdicts")
    linked = model_links({one.model_id for one in flipped} | {one.model_id for one in failing}, by)
    if flipped:
        show(_flips(flipped, linked))
    if failing:
        show(_failing(failing, linked))
    if not flipped and found.requests:
        show(note("No past request it governs would have had another answer."))
    if not failing and found.live:
        show(note("All that is live and that it governs passes."))
    left_out = max(len(flipped), len(failing)) - MOST_SHOWN
    if left_out > 0:
        show(note(f"{MOST_SHOWN} rows of a table are shown; the API has all of them."))


def picture(found: Found) -> list[Verdicts]:
    """The bars: past requests then and with this, live versions today and with this."""
    said: list[tuple[str, list[Said | None]]] = []
    if found.requests:
        said.append(("Past requests, then", [one.before for one in found.requests]))
        said.append(("Past requests, with this", [one.after for one in found.requests]))
    if found.live:
        said.append(("Live now, today's policy", [one.today for one in found.live]))
        said.append(("Live now, with this", [one.verdict for one in found.live]))
    return [_counted(name, every) for name, every in said]


def _counted(name: str, every: list[Said | None]) -> Verdicts:
    # What no policy governs has no verdict, and may not be released: that is no pass.
    of = Counter(one.answer if one else Answer.FAIL for one in every)
    return Verdicts(name, of[Answer.PASS], of[Answer.MISSING], of[Answer.FAIL])


def _said_in_words(rows: list[Verdicts]) -> str:
    return "; ".join(
        f"{one.name}: {one.passes} pass, {one.missing} missing, {one.fails} fail" for one in rows
    )


def _facts(found: Found, flipped: list[Flip], failing: list[Live]) -> list[tuple[str, object]]:
    blocked = sum(one.before.passes and not one.after.passes for one in flipped)
    freed = sum(one.after.passes and not one.before.passes for one in flipped)
    newly = sum(one.today is not None and one.today.passes for one in failing)
    nobodys = sum(one.today is None and not one.governed_by for one in found.live)
    facts: list[tuple[str, object]] = []
    if found.requests:
        facts.append(
            (
                "Past requests",
                _otherwise(len(flipped), len(found.requests), blocked, freed),
            )
        )
    if found.live:
        facts.append(
            (
                "Live now",
                f"{len(failing)} of {len(found.live)} do not pass, {newly} of them pass today",
            )
        )
    if nobodys:
        facts.append(("Governed by nothing today", f"{words.plural(nobodys, 'live version')}"))
    if told := _aside(found):
        facts.append(("Left alone", told))
    return facts


def _otherwise(flipped: int, asked: int, blocked: int, freed: int) -> str:
    said = f"{flipped} of {asked} would have had another answer"
    told = [f"{blocked} blocked that passed"] * bool(blocked)
    told += [f"{freed} passed that did not"] * bool(freed)
    return f"{said}: {words.listing(told)}" if told else said


def _aside(found: Found) -> str:
    told = []
    if found.not_governed:
        told.append(
            f"{words.plural(found.not_governed, 'past request')} it would not govern, or that went "
            "back to what was live before"
        )
    if found.live_not_governed:
        told.append(
            f"{words.plural(found.live_not_governed, 'live version')} it covers, which a policy "
            "that goes first governs"
        )
    return "; ".join(told)


def _flips(flipped: list[Flip], linked: ModelLink) -> Markup:
    return tables.table(
        (Column("Request", lead=True), Column("Then"), Column("With this"), Column("Because of")),
        [
            Row(
                (
                    tables.two(
                        request_link(one.number, one.request_id),
                        join(
                            (
                                linked(one.model_id, f"{one.model} v{one.version}"),
                                f" to @{one.alias}",
                            )
                        ),
                    ),
                    answer(one.before),
                    answer(one.after),
                    words.listing(one.after.standing_in_the_way or one.before.standing_in_the_way),
                )
            )
            for one in flipped[:MOST_SHOWN]
        ],
        "Requests with another answer",
    )


def _failing(failing: list[Live], linked: ModelLink) -> Markup:
    return tables.table(
        (
            Column("Live version", lead=True),
            Column("Today"),
            Column("With this"),
            Column("What stands in the way"),
        ),
        [
            Row(
                (
                    join(
                        (
                            linked(one.model_id, f"{one.model} v{one.version}"),
                            " ",
                            chips.alias(one.alias),
                        )
                    ),
                    tables.two(answer(one.today), one.governed_by)
                    if one.today
                    else chips.gap("No policy"),
                    answer(one.verdict),
                    words.listing(one.verdict.standing_in_the_way),
                )
            )
            for one in failing[:MOST_SHOWN]
        ],
        "Live versions that would not pass",
    )


def answer(said: Said) -> Markup:
    """The answer of all gates together."""
    return chips.mark(said.answer.value.capitalize())
