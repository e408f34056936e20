"""Words from elsewhere, made fit for a terminal, a log and a report.

Names and reasons are written by people and by other programs. In the log of a pipeline some
characters are commands: escape sequences to a terminal, `::set-output` to GitHub Actions,
`##vso[...]` to Azure Pipelines. What is shown is never one of them.
"""

from __future__ import annotations

import re
from typing import Final

_COMMAND: Final = re.compile(r"#(?=#\w*\[)")
_AT_THE_START: Final = re.compile(r"^(\s*):(?=:)")
# XML 1.0, section 2.2: what a document may not hold, not even as a reference, and what it should
# not: the controls from U+007F on.
_NOT_IN_XML: Final = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def shown(text: str) -> str:
    """The text on one line of a log: nothing invisible in it, and no command to whoever reads."""
    line = "".join(one if one.isprintable() else _unseen(one) for one in text)
    return _AT_THE_START.sub(r"\1: ", _COMMAND.sub("# ", line))


def _unseen(one: str) -> str:
    return " " if one.isspace() else "\N{REPLACEMENT CHARACTER}"


def minute(at: str) -> str:
    """A moment of the API, to the minute: `2026-11-20 09:12 UTC`."""
    return f"{at[:16].replace('T', ' ')} UTC"


def for_xml(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def unspoken(document: str, hash_sign: str) -> str:
    """A JSON or XML document that says the same and holds no command to whoever logs it.

    `hash_sign` is how the document writes a `#` in other letters.
    """
    return _COMMAND.sub(lambda _found: hash_sign, document)
