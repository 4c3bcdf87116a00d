"""Files that an adversary made of valid ones: bytes and values exchanged, and what no writer of JSON would write."""

import copy
import json
import random
import struct
from collections.abc import Callable
from typing import Any

RAW = {
    "@deep@": "[" * 5000 + "]" * 5000,
    "@deeper@": '{"a":' * 200_000,
    "@digits@": "9" * 5000,
    "@infinite@": "1e999",
    "@control@": '"a\x01\n"',
}
"""Stands for a value -> its text, which is not to be had from `json.dumps`."""
VALUES: tuple[Any, ...] = (
    *(10**30, 2**63, 2**31, 10**9, 10**6, 1000, 1, 0, -1, -(2**63), 2.5, 1e300, float("nan"), float("inf")),
    *(None, True, False, "", "x", "3", "\0", "\ud800", "a\x1b[31m\nb", "x" * 100_000, "/dev/zero", "../x", "~nobody/x"),
    *([], {}, [[]], {"": {}}, [1, "a", None], list(range(10_000)), ["x"] * 1000, {"n_layer": 3}, [10**30], [-1, 5]),
    *RAW,
)
BYTES = (
    *(b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b'"', b"{", b"}", b"[", b"]", b","),
    *(b"9" * 400, b"[" * 3000, b"-1", b"1e999", b"NaN", b"null", b"\\ud800", b'"a":1,"a":2,', b" " * 10_000, b"PK\3\4"),
)  # fmt: skip


def of_bytes(content: bytes, chance: random.Random) -> bytes:
    """One to four changes: bytes exchanged, cut out, repeated or put in, or the end cut off."""
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(content) + 1)
        to = min(len(content), at + chance.choice((1, 2, 8, 64, 1000)))
        change = chance.randrange(5)
        if change == 0:
            content = content[:at] + bytes(byte ^ 1 << chance.randrange(8) for byte in content[at:to]) + content[to:]
        elif change == 1:
            content = content[:at] + content[to:]
        elif change == 2:
            content = content[:to] + content[at:]
        elif change == 3:
            content = content[:at] + chance.choice(BYTES) + content[to if chance.random() < 0.5 else at :]
        elif chance.random() < 0.3:
            content = content[:at]
    return content


def of_json(document: Any, chance: random.Random) -> str:
    """One to three values exchanged, removed or given twice under another name."""
    document = copy.deepcopy(document)
    for _ in range(chance.randrange(1, 4)):
        places = list(_places(document))
        if not places:
            break
        within, key = chance.choice(places)
        change = chance.randrange(6)
        if change == 0:
            del within[key]
        elif change == 1 and isinstance(within, dict):
            within[chance.choice(("x", "", "config", f"{key} ", "\ud800", "a" * 10_000))] = within[key]
        else:
            within[key] = copy.deepcopy(chance.choice(VALUES))
    text = json.dumps(document)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text


def _places(document: Any) -> Any:
    """Every list or object with each of its keys."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        if isinstance(document[key], dict | list):
            yield from _places(document[key])


def of_safetensors(content: bytes, chance: random.Random) -> bytes:
    """A header with other values or bytes, its length right or not, the tensors as they were."""
    n = struct.unpack("<Q", content[:8])[0]
    header, rest = content[8 : 8 + n], content[8 + n :]
    if chance.random() < 0.6:
        header = of_json(json.loads(header), chance).encode(errors="surrogatepass")
    else:
        header = of_bytes(header, chance)
    length = len(header) if chance.random() < 0.8 else chance.choice((0, 1, n, 2**31, 2**63, 2**64 - 1, 10**8 + 1))
    return struct.pack("<Q", length) + header + (rest if chance.random() < 0.9 else rest[: chance.randrange(len(rest))])


def chosen(valid: list[bytes], chance: random.Random, *ways: Callable[[bytes, random.Random], bytes]) -> bytes:
    """One of some valid files, changed in one of some ways."""
    return chance.choice(ways)(chance.choice(valid), chance)
