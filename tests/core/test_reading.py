"""Files that others wrote: what is no file, too large or no JSON is one sentence that names it."""

import json
import os
import socket
from pathlib import Path

import pytest
from odd_files import ODD

from circuit_core import untrusted_files
from circuit_core.errors import MissingFile, UnreadableFile


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_there_and_is_not_opened(kind, tmp_path):
    path = tmp_path / "odd"
    ODD[kind](path)
    assert untrusted_files.there(path)
    with pytest.raises(UnreadableFile, match=f"odd is {kind}, where a file is needed"):
        untrusted_files.opened(path)


def test_a_link_is_followed_and_a_folder_or_a_socket_is_none(tmp_path):
    (tmp_path / "file").write_bytes(b"held")
    (tmp_path / "link").symlink_to("file")
    assert untrusted_files.content(tmp_path / "link", 4) == b"held"
    with pytest.raises(UnreadableFile, match="is a folder"):
        untrusted_files.opened(tmp_path)
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(os.path.relpath(tmp_path / "s"))
        with pytest.raises(UnreadableFile, match="is a socket"):
            untrusted_files.opened(tmp_path / "s")


def test_what_leads_nowhere_is_not_there(tmp_path):
    (tmp_path / "link").symlink_to("nothing")
    for name in ("link", "nothing", "x" * 300, "a\0b"):
        assert not untrusted_files.there(tmp_path / name)
        with pytest.raises(UnreadableFile) as caught:
            untrusted_files.opened(tmp_path / name)
        assert isinstance(caught.value, MissingFile) == (name in ("link", "nothing"))


def test_no_more_is_read_than_a_file_of_its_kind_holds(tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UnreadableFile, match="big is larger than 2 MB, the most that is read of such a file"):
        untrusted_files.content(path, 2**21)
    assert untrusted_files.content(Path("/proc/self/mountinfo"), 2**24)  # says that it has 0 bytes


JSON = [
    (b"[" * 100_000, "this JSON is nested more than 100 levels deep"),
    (b"[" * 102 + b"]" * 102, "this JSON is nested more than 100 levels deep"),
    (b'{"a": 1, "a": 2}', "'a' is there twice in one object"),
    (b'{"a": "\x01"}', r"this is not JSON \(Invalid control character at column 8\)"),
    (b'{\n"a": x}', r"this is not JSON \(Expecting value at line 2, column 6\)"),
    (b'"\xff"', r"this is not UTF-8 text \(byte 1\)"),
    (b"9" * 5000, "a number of more than 4,300 digits"),
]


@pytest.mark.parametrize(("text", "says"), JSON, ids=[case[1] for case in JSON])
def test_a_fault_of_json_names_file_and_place(text, says):
    with pytest.raises(UnreadableFile, match=f"^config.json: .*{says}") as caught:
        untrusted_files.parsed(text, "config.json")
    assert "\n" not in str(caught.value)


def test_json_that_is_whole_is_read():
    held = {"a": [1, 2.5, None, "é"], "b": {"a": [[]]}}
    assert untrusted_files.parsed(json.dumps(held, ensure_ascii=False).encode(), "x") == held
    assert untrusted_files.parsed("[" * 100 + "]" * 100, "x")
