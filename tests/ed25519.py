"""Checking an Ed25519 signature with the standard library alone (RFC 8032, section 5.1.7)."""

from __future__ import annotations

import hashlib
from typing import Final

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT: Final = pow(2, (_P - 1) // 4, _P)
_Y: Final = 4 * pow(5, -1, _P) % _P

Point = tuple[int, int]


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature over a message is that of a key."""
    at, key = _point(signature[:32]), _point(public)
    s = int.from_bytes(signature[32:], "little")
    if at is None or key is None or len(signature) != 64 or s >= _L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % _L
    base = (_x(_Y, 0) or 0, _Y)
    return _times(s, base) == _plus(at, _times(k, key))


def _x(y: int, odd: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P:
        return None
    return x if x % 2 == odd else _P - x


def _point(packed: bytes) -> Point | None:
    y = int.from_bytes(packed, "little")
    x = _x(y % 2**255, y >> 255)
    return None if x is None else (x, y % 2**255)


def _plus(one: Point, other: Point) -> Point:
    (a, b), (c, d) = one, other
    both = _D * a * b * c * d % _P
    x = (a * d + b * c) * pow(1 + both, -1, _P)
    y = (b * d + a * c) * pow(1 - both, -1, _P)
    return x % _P, y % _P


def _times(n: int, point: Point) -> Point:
    result = (0, 1)
    while n:
        if n % 2:
            result = _plus(result, point)
        point, n = _plus(point, point), n // 2
    return result
