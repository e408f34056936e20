"""How numbers, dates and money read on every screen: with a unit, in one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MONTH_DAYS, _YEAR_DAYS = 30.44, 365.25
_SHORT_DIGEST = 10

Number = int | float | Decimal


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def day(at: date | datetime) -> str:
    """`20 Nov 2026`; a time counts by its UTC day."""
    at = _utc(at) if isinstance(at, datetime) else at
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def moment(at: datetime) -> str:
    """`20 Nov 2026, 09:12 UTC`; a time without a zone is taken as UTC."""
    at = _utc(at)
    return f"{day(at)}, {at:%H:%M} UTC"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 model`, `41,200 models`; `many` where adding an s is wrong."""
    return f"{thousands(count)} {one if count == 1 else many or one + 's'}"


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit, in words: `4 days`."""
    seconds = abs(seconds)
    for limit, size, unit in (
        (_MINUTE, 1, "second"),
        (_HOUR, _MINUTE, "minute"),
        (_DAY, _HOUR, "hour"),
        (60 * _DAY, _DAY, "day"),
        (730 * _DAY, _MONTH_DAYS * _DAY, "month"),
    ):
        if seconds < limit:
            return plural(int(seconds // size), unit)
    return plural(int(seconds // (_YEAR_DAYS * _DAY)), "year")


def _distance(then: datetime, now: datetime) -> float:
    return (_utc(now) - _utc(then)).total_seconds()


def ago(then: datetime, now: datetime) -> str:
    """`2 minutes ago`, `just now`, or `in 4 days` for a time still to come."""
    seconds = _distance(then, now)
    if abs(seconds) < _MINUTE:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(seconds)}"


def age(then: datetime, now: datetime) -> str:
    """How old something is, short for a column: `40 min`, `5 h`, `3 d`."""
    seconds = max(_distance(then, now), 0)
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{thousands(int(seconds // _DAY))} d"


def days_left(due: date, today: date) -> int:
    """Whole days until a due date; negative once it has passed."""
    return (due - today) // timedelta(days=1)


def due(due_on: date, today: date) -> str:
    """`Due in 4 days`, `Due today`, `Overdue 2 days`."""
    left = days_left(due_on, today)
    if left < 0:
        return f"Overdue {plural(-left, 'day')}"
    return f"Due in {plural(left, 'day')}" if left else "Due today"


def thousands(value: Number, decimals: int = 0) -> str:
    """`41,200`; a true minus sign, rounded half away from zero."""
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{abs(rounded):,}" if rounded >= 0 else f"\N{MINUS SIGN}{abs(rounded):,}"


def figure(value: Number | None, decimals: int = 3) -> str:
    """A metric's value, `0.812`; an en dash where there is none."""
    return "\N{EN DASH}" if value is None else thousands(value, decimals)


def percent(share: Number, decimals: int = 1) -> str:
    """A share between 0 and 1 as `62.9 %`."""
    return f"{thousands(Decimal(str(share)) * 100, decimals)} %"


def compact(value: Number) -> tuple[str, str]:
    """A large count as value and unit for a tile: 2,460,000 is `("2.46", "million")`."""
    amount = Decimal(str(value))
    for size, unit in ((Decimal(10) ** 9, "billion"), (Decimal(10) ** 6, "million")):
        if abs(amount) >= size:
            scaled = amount / size
            return thousands(scaled, 2 if abs(scaled) < 10 else 1), unit  # noqa: PLR2004
    return thousands(amount), ""


def money(amount: Number) -> tuple[str, str]:
    """An amount of euro as value and unit for a tile: `("8.1", "m EUR")`, `("48,000", "EUR")`."""
    value = Decimal(str(amount))
    for size, unit in ((Decimal(10) ** 9, "bn EUR"), (Decimal(10) ** 6, "m EUR")):
        # From half a step below, so that no amount is written as 1,000.0 m.
        if abs(value) >= size * Decimal("0.99995"):
            return thousands(value / size, 1), unit
    return thousands(value), "EUR"


def eur(amount: Number) -> str:
    """`8.1 m EUR`, `48,000 EUR`."""
    return " ".join(money(amount))


def size(count: int) -> str:
    """The size of a file, in decimal units: 640 bytes, 4 kB, 1.2 MB."""
    if count < 1_000:  # noqa: PLR2004 - a kB
        return plural(count, "byte")
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"  # noqa: PLR2004


_METRICS = {
    **dict.fromkeys(("auc", "roc_auc"), "AUC"),
    **dict.fromkeys(("brier", "brier_score", "brier_score_loss"), "Brier score"),
    **dict.fromkeys(("mae", "mean_absolute_error"), "Mean absolute error"),
    "mse": "MSE",
    "rmse": "RMSE",
    "r2": "R2",
    "ks": "KS",
}


def metric(name: str) -> str:
    """The name of a metric as a label: `AUC`, `Brier score`, `Log loss`."""
    plain = name.replace("_", " ").strip()
    return _METRICS.get(name.lower()) or plain[:1].upper() + plain[1:]


def metrics(names: Iterable[str]) -> dict[str, str]:
    """The names of metrics as labels; where two would read alike, the names as they were given."""
    labels = {name: metric(name) for name in names}
    said = Counter(labels.values())
    return {name: label if said[label] == 1 else name for name, label in labels.items()}


def digest(value: str) -> str:
    """A content digest short enough to compare by eye, `9f2c…07de`; its algorithm is left out."""
    plain = value.rpartition(":")[2]
    return plain if len(plain) <= _SHORT_DIGEST else f"{plain[:4]}…{plain[-4:]}"


def listing(names: list[str] | tuple[str, ...]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
