"""Whether a pickle of PyTorch can be read to its end: one whose key is a tuple of tuples, each twice, takes for ever.

A few bytes may say `t = (t, t)` sixty times; the key's hash then walks 2^60 entries. So the opcodes are walked first,
and nothing is built: of each tuple and frozen set only the number of entries is kept that a hash would walk.
"""

import pickletools
import zipfile
from typing import Any

ENTRIES = 10**6
"""Of one tuple, those of the tuples in it included; a state dict's hold some ten."""
OPCODES = 2 * 10**6
"""Of one pickle; a tensor has some thirty."""
_IN_A_ROW = 5
"""Pickles of a file of before PyTorch 1.6."""
_MARK = -1
_HASHED = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}


class Endless(ValueError):
    """A pickle that takes for ever."""


def check(content: Any) -> None:
    """Of a file of bytes that torch.save wrote, in an archive or not; whether it is one is for its reader to find.

    Raises: Endless.
    """
    try:
        if not zipfile.is_zipfile(content):
            content.seek(0)
            for _ in range(_IN_A_ROW):
                _walk(content)
            return
        with zipfile.ZipFile(content) as archive:
            for name in archive.namelist():
                if name.endswith("data.pkl"):
                    _walk(archive.open(name))
    except Endless:
        raise
    except Exception:
        return


def _walk(content: Any) -> None:
    """One pickle, to its end. Raises: Endless, or whatever comes of what is none."""
    stack: list[int] = []
    memo: dict[object, int] = {}
    for number, (opcode, given, _) in enumerate(pickletools.genops(content)):
        if number > OPCODES:
            raise Endless("more opcodes than any state dict has")
        name = opcode.name
        if "PUT" in name or name == "MEMOIZE":
            memo[len(memo) if name == "MEMOIZE" else given] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[given])
        elif name == "DUP":
            stack.append(stack[-1])
        else:
            taken = _taken(opcode, stack)
            entries = 1 + sum(taken) if name in _HASHED else 1
            if entries > ENTRIES:
                raise Endless("tuples that hold one another many times over")
            stack += (_MARK if kept is pickletools.markobject else entries for kept in opcode.stack_after)


def _taken(opcode: pickletools.OpcodeInfo, stack: list[int]) -> list[int]:
    """What an opcode takes from the stack: down to the last mark, or as many as it says."""
    before = opcode.stack_before
    if pickletools.markobject not in before:
        taken = stack[len(stack) - len(before) :] if before else []
        del stack[len(stack) - len(taken) :]
        return taken
    place = len(stack) - 1 - stack[::-1].index(_MARK) if _MARK in stack else 0
    taken = [entries for entries in stack[place:] if entries != _MARK]
    del stack[max(0, place - before.index(pickletools.markobject)) :]
    return taken
