"""The plain pages of sign-in: the forms for a password, a first administrator, an invitation."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from auth.passwords import LONGEST, SHORTEST
from ledger.errors import CountersignError

Frame = Callable[[str, str], str]
"""Makes a whole HTML page of a title and the HTML of its content: the look is the app's affair."""

_LEAD: Final = "Find models, decide which go live, and prove how it was decided."


@dataclass(frozen=True)
class Form:
    """Where a form goes, what proves that it is ours, and what was wrong the last time."""

    action: str
    csrf: str
    problem: CountersignError | None = None
    name: str = ""
    email: str = ""
    code: str = ""


def sign_in(frame: Frame, form: Form) -> str:
    """Ask for e-mail address and password."""
    body = (
        _cover("Nothing ships on<br>one signature.", _LEAD)
        + _form(
            form,
            "Sign in",
            _email(form, autofocus=not form.email)
            + _password("Password", "password", "current-password", autofocus=bool(form.email)),
            "You stay signed in for up to 8 hours on this device. "
            "Every decision you take is recorded under your name.",
        )
        + _note("No account, or password forgotten? A governance admin gives access.")
    )
    return frame("Sign in - Countersign", body)


def set_up(frame: Frame, form: Form) -> str:
    """Ask who the first administrator is."""
    lead = "You become its first governance admin, who gives everybody else access."
    body = _cover("Set up Countersign", lead) + _form(
        form,
        "Create the administrator",
        _code(form, "Set-up code from the terminal")
        + _field("Your name", "name", "text", form.name, 'autocomplete="name" maxlength="120"')
        + _email(form)
        + _new_password(),
    )
    return frame("Set up - Countersign", body)


def invitation(frame: Frame, form: Form) -> str:
    """Ask somebody who was invited for a password."""
    lead = "A governance admin has given you an account. Choose its password."
    body = _cover("You are invited", lead) + _form(
        form, "Set the password", _code(form, "Invitation code") + _new_password()
    )
    return frame("Invitation - Countersign", body)


def done(frame: Frame, title: str, said: str) -> str:
    """Say what has happened, and where to go on."""
    link = '<p class="cs-text"><a href="/">Sign in to Countersign</a></p>'
    return frame(f"{title} - Countersign", _cover(title, said) + link)


def problem(frame: Frame, error: CountersignError) -> str:
    """Say what went wrong where no form can be shown again."""
    link = '<p class="cs-text"><a href="/">Go to Countersign</a></p>'
    said = f"{error.message} {error.hint}".strip()
    return frame("Sign in - Countersign", _cover("That did not work", html.escape(said)) + link)


def _cover(title: str, lead: str) -> str:
    return (
        '<p class="cs-logo" role="img" aria-label="Countersign"></p>'
        f'<h1 class="cs-title">{title}</h1><p class="cs-lead">{lead}</p>'
    )


def _form(form: Form, button: str, fields: str, note: str = "") -> str:
    alert = ""
    if form.problem is not None:
        alert = (
            f'<div role="alert" id="problem"><strong>{html.escape(form.problem.message)}</strong>'
            f"<br>{html.escape(form.problem.hint)}</div>"
        )
    described = ' aria-describedby="problem"' if alert else ""
    return (
        f'<form method="post" action="{html.escape(form.action)}"{described}>{alert}'
        f'<input type="hidden" name="csrf" value="{html.escape(form.csrf)}">{fields}'
        f'<button type="submit">{button}</button>{_note(note) if note else ""}</form>'
    )


def _field(label: str, name: str, kind: str, value: str, attributes: str) -> str:
    return (
        f'<label>{label}<input type="{kind}" name="{name}" value="{html.escape(value)}" '
        f"{attributes} required></label>"
    )


def _email(form: Form, *, autofocus: bool = False) -> str:
    focus = " autofocus" if autofocus else ""
    rules = f'autocomplete="username" maxlength="255" spellcheck="false"{focus}'
    return _field("E-mail address", "email", "email", form.email, rules)


def _password(
    label: str, name: str, autocomplete: str, *, rules: str = "", autofocus: bool = False
) -> str:
    focus = " autofocus" if autofocus else ""
    given = f'autocomplete="{autocomplete}" maxlength="{LONGEST}"{rules}{focus}'
    return _field(label, name, "password", "", given)


def _new_password() -> str:
    rules = f' minlength="{SHORTEST}"'
    label = f"Password, at least {SHORTEST} characters"
    return _password(label, "password", "new-password", rules=rules) + _password(
        "The same password again", "again", "new-password", rules=rules
    )


def _code(form: Form, label: str) -> str:
    rules = 'autocomplete="off" maxlength="100" spellcheck="false"'
    return _field(label, "code", "text", form.code, rules)


def _note(said: str) -> str:
    return f'<p class="cs-note">{said}</p>'
