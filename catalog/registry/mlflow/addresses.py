"""Where the files of a version may lie, so that the worker is sent there with its credentials."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from ledger.errors import Invalid

# Whoever registers a version chooses the address of its files. The worker must not be sent to its
# own disk, nor to web addresses only it can reach.
_ARTIFACT_STORES: Final = frozenset(
    {"mlflow-artifacts", "s3", "gs", "wasbs", "abfss", "hdfs", "viewfs", "oss", "b2", "r2"}
)
# To an Azure folder the driver sends a token, at whatever host the address names.
_AZURE_FOLDER: Final = re.compile(
    r"[\w$.-]+@\w+(\.privatelink)?\.dfs\.core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)",
    re.ASCII,
)


def checked_address(folder: str, tracking_uri: str) -> str:
    """The address of files, if the worker may be sent there with its credentials.

    Raises:
        Invalid: whoever registered the version would choose who sees them.
    """
    kind = folder.partition(":")[0]
    if kind not in _ARTIFACT_STORES:
        raise _foreign(f"an address of the kind {kind[:20]!r}")
    try:
        address, ours = urlsplit(folder), urlsplit(tracking_uri)
    except ValueError as error:
        raise _foreign("an address that cannot be read") from error
    if kind == "abfss" and not _AZURE_FOLDER.fullmatch(address.netloc):
        raise _foreign(f"the foreign address {address.netloc[:80]!r}")
    if kind != "mlflow-artifacts":
        return folder
    if address.netloc not in {"", ours.netloc, ours.netloc.rpartition("@")[2]}:
        raise _foreign(f"the foreign address {address.netloc[:80]!r}")
    if ".." in re.split(r"[/\\]", unquote(address.path)):
        raise _foreign("an address that leads out of MLflow's files")
    # Without a host it can only be the tracking server.
    return f"mlflow-artifacts:{address.path}"


def _foreign(what: str) -> Invalid:
    return Invalid(
        f"The version's files lie at {what}.",
        hint="Countersign reads files through its MLflow or from an object store. Start MLflow "
        "with --serve-artifacts and register the version again.",
        code="artifact-store",
    )
