"""What a process of its own is asked, and its reply."""

import json

import pytest

from circuit_sweep import calls


@pytest.mark.parametrize(
    "call, given, says",
    [
        ("nothing", {}, "There is no call nothing."),
        ("refresh_trends", {"store": "."}, "The store . is a folder"),
        ("preview_prompts", {"folder": "nowhere"}, "KeyError: 'task'"),
        ("import_circuit", {}, "TypeError"),
    ],
)
def test_whatever_is_wrong_with_a_call_is_one_sentence(call, given, says):
    """Invariant: the reply to a call is what was found or what is wrong, be it the user's fault or the program's."""
    (error,) = json.loads(calls.reply(json.dumps({"call": call, "given": given}))).values()
    assert error.startswith(says)
