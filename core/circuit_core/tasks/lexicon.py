"""What a tokenizer can say: which words of a task it knows, and by which tokens (METHODS d, "Decision (words)").

Words are looked up as they stand in a sentence, after another word, since many tokenizers split a text's first word in
another way. A word is known if none of its tokens is the unknown token.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from circuit_core.errors import TaskError
from circuit_core.tokenizing import Encode


@dataclass(frozen=True)
class Lexicon:
    """A task's view of a tokenizer."""

    task: str
    encode: Encode
    unknown: int | None

    def tokens(self, before: str, text: str) -> list[int]:
        """What `text` adds to the tokens of `before`; nothing if the two merge."""
        first, both = self.encode(before), self.encode(before + text)
        return both[len(first) :] if both[: len(first)] == first else []

    def token(self, before: str, text: str) -> int | None:
        """The one known token that `text` adds, if it is one."""
        found = self.tokens(before, text)
        return found[0] if len(found) == 1 and found[0] != self.unknown else None

    def unspaced(self, text: str) -> int | None:
        """The one known token of a text that no space precedes: behind a colon, which merges with no word."""
        return self.token(":" if self.readable([":"]) else "", text)

    def known(self, words: Iterable[str]) -> list[str]:
        return [w for w in words if (found := self.tokens("and", f" {w}")) and self.unknown not in found]

    def single(self, words: Iterable[str]) -> dict[str, int]:
        """Token of each word that is one known token."""
        found = {w: self.token("and", f" {w}") for w in words}
        return {w: token for w, token in found.items() if token is not None}

    def readable(self, templates: Iterable[str]) -> list[str]:
        """Templates of which all words outside the braces are known."""
        return [t for t in templates if self.unknown not in self.encode(_plain(t))]

    def need(self, n: int, what: str, have: Iterable[str], among: Iterable[str]) -> None:
        """Raises: TaskError, if there are fewer than `n`; names what the tokenizer lacks."""
        have = list(have)
        if len(have) < n:
            missing = list(dict.fromkeys(w for w in among if w not in have))
            raise TaskError(
                f"{self.task} needs {n} {what}; the tokenizer has {len(have)} and lacks {', '.join(missing[:12])}."
            )

    def need_sentences(self, n: int, have: list[str], among: Iterable[str]) -> None:
        """Raises: TaskError, if fewer than `n` templates can be read; names the words that the tokenizer lacks."""
        if len(have) < n:
            words = dict.fromkeys(w for t in among for w in _plain(t).replace(",", "").replace(".", "").split())
            missing = [w for w in words if w not in self.known(words)]
            raise TaskError(
                f"{self.task} needs {n} of its sentences; the tokenizer knows the words of {len(have)} and lacks "
                f"{', '.join(missing[:12])}."
            )


def _plain(template: str) -> str:
    """The template with its braces emptied."""
    return "".join(part.rpartition("}")[2] for part in template.split("{"))
