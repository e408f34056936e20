"""The files of a version: how many may be read, what each of them is, what MLmodel says of it.

None is ever opened as a program, and MLmodel is read as text that anybody may have written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import rfc8785
import yaml

from catalog.registry.mirror.seen import EXTERNAL
from ledger.errors import Invalid

LARGEST_VERSION_BYTES: Final = 20 * 1024**3
LARGEST_MLMODEL_BYTES: Final = 256 * 1024
MOST_FILES: Final = 20_000
# MLflow walks folders by calling itself, so a deep nest would end in a fault of its own.
_DEEPEST: Final = 60
_LONGEST_NUMBER: Final = 100
_LONGEST_NAME: Final = 250

_largest: ContextVar[int] = ContextVar("largest", default=LARGEST_VERSION_BYTES)


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Within this block no version with more bytes than this is downloaded."""
    before = _largest.set(size)
    try:
        yield
    finally:
        _largest.reset(before)


def insist_small(files: Iterable[tuple[str, int]]) -> None:
    """Look through files and folders (path, bytes) and stop at the first that is too much.

    Raises:
        Invalid: they are too many, nested too deeply or too large to be read.
    """
    total = 0
    for count, (path, size) in enumerate(files, 1):
        total += size
        if total > _largest.get():
            raise _too_large(f"more than {_told(_largest.get())} of files")
        if count > MOST_FILES:
            raise _too_large(f"more than {MOST_FILES:,} files")
        if path.count("/") > _DEEPEST:
            raise _too_large(f"folders more than {_DEEPEST} deep")


def on_disk(place: Path) -> Iterator[tuple[str, int]]:
    """What lies in a folder, or the one file, with its bytes on this disk."""
    for path in place.rglob("*") if place.is_dir() else (place,):
        size = 0 if path.is_dir() else path.lstat().st_size
        yield path.relative_to(place).as_posix(), size


def _too_large(what: str) -> Invalid:
    return Invalid(
        f"The version has {what}; that is more than Countersign reads.",
        hint="Register the version again without what serving it does not need.",
        code="artifact-too-large",
    )


def _told(size: int) -> str:
    return f"{size / 1024**3:.0f} GB" if size >= 1024**3 else f"{size / 1024:.0f} KB"


@dataclass(frozen=True)
class Manifest:
    """Every file of a version with its size in bytes and its SHA-256; the digest is over all."""

    files: Mapping[str, tuple[int, str]]
    digest: str

    @property
    def total_bytes(self) -> int:
        """The size of all files together."""
        return sum(size for size, _ in self.files.values())


def manifest_of(folder: Path) -> Manifest:
    """Hash every file below a folder. Raises Invalid for links, which could point anywhere."""
    files: dict[str, tuple[int, str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise Invalid(
                f"The version's artifacts hold a link, {path.name[:80]!r}.",
                hint="Register the version again with plain files.",
                code="artifact-link",
            )
        if path.is_file():
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            files[path.relative_to(folder).as_posix()] = (path.stat().st_size, digest)
    plain = {name: f"{size} {digest}" for name, (size, digest) in files.items()}
    return Manifest(files, "sha256:" + hashlib.sha256(rfc8785.dumps(dict(plain))).hexdigest())


class _SmallLoader(yaml.SafeLoader):
    """YAML without what costs more than its length: back references and endless numbers."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("back references are not read")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_small_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > _LONGEST_NUMBER:
            raise yaml.YAMLError("endless numbers are not read")
        return int(self.construct_yaml_int(node))


_SmallLoader.add_constructor("tag:yaml.org,2002:int", _SmallLoader.construct_small_int)


class Described(NamedTuple):
    """What an MLmodel file says: flavors, the signature as JSON, the name of its input example.

    Of a model whose files lie elsewhere the signature is left out: MLflow writes a made-up one.
    """

    flavors: tuple[str, ...] = ()
    signature: str = ""
    example: str = ""
    is_external: bool = False


def read_mlmodel(file: Path) -> Described:
    """What an MLmodel file says; nothing if it makes no sense."""
    try:
        if file.stat().st_size > LARGEST_MLMODEL_BYTES:
            return Described()
        # The loader only builds plain values.
        described = yaml.load(file.read_text("utf-8", "replace"), _SmallLoader)  # noqa: S506
        return _described(described)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OSError, OverflowError):
        return Described()


def _described(described: Any) -> Described:  # noqa: ANN401 - YAML
    if not isinstance(described, dict):
        return Described()
    flavors = described.get("flavors")
    signature = described.get("signature")
    saved = described.get("saved_input_example_info")
    example = saved.get("artifact_path") if isinstance(saved, dict) else ""
    names = flavors if isinstance(flavors, dict) else {}
    metadata = described.get("metadata")
    is_external = isinstance(metadata, dict) and metadata.get(EXTERNAL) is True
    return Described(
        # What cannot be printed cannot be kept by every database either.
        tuple(name for name in names if isinstance(name, str) and name.isprintable()),
        json.dumps(signature) if isinstance(signature, dict) and not is_external else "",
        example if isinstance(example, str) and len(example) <= _LONGEST_NAME else "",
        is_external,
    )
