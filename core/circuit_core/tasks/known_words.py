"""What a tokenizer can say: which words of a task it knows, and by which tokens (METHODS d, "Words").

Words are looked up as they stand in a sentence, after another word, since many tokenizers split a text's first word in
another way. A word is known if none of its tokens is the unknown token. Sentences are tried filled with known words:
an empty slot would put a space before a comma, which many tokenizers never saw.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from circuit_core.errors import TaskError
from circuit_core.models.tokenizers import Encode


@dataclass(frozen=True)
class KnownWords:
    """A task's view of a tokenizer."""

    task: str
    encode: Encode
    unknown: int | None
    prepend: int | None = None
    """Put before every prompt."""
    left_out: dict[str, None] = field(default_factory=dict, compare=False)
    """What was looked up in vain: words that are not known or are several tokens, sentences with such words, years."""

    def tokens(self, before: str, text: str) -> list[int]:
        """What `text` adds to the tokens of `before`; nothing if the two merge."""
        first, both = self.encode(before), self.encode(before + text)
        return both[len(first) :] if both[: len(first)] == first else []

    def token(self, before: str, text: str) -> int | None:
        """The one known token that `text` adds, if it is one."""
        found = self.tokens(before, text)
        return found[0] if len(found) == 1 and found[0] != self.unknown else None

    def unspaced(self, text: str) -> int | None:
        """The one known token of a text that no space precedes: behind a colon or a comma, which merge with no word."""
        before = next((stop for stop in (":", "and,") if self.unknown not in self.encode(stop)), "")
        return self.token(before, text)

    def known(self, words: Iterable[str]) -> list[str]:
        words = list(words)
        known = [w for w in words if (found := self.tokens("and", f" {w}")) and self.unknown not in found]
        self._note(words, known)
        return known

    def single(self, words: Iterable[str]) -> dict[str, int]:
        """Token of each word that is one known token."""
        found = {w: self.token("and", f" {w}") for w in words}
        single = {w: token for w, token in found.items() if token is not None}
        self._note(found, single)
        return single

    def read(self, text: str) -> list[int]:
        """Tokens of a prompt. Raises: TaskError, if one is unknown where it stands though its word is known."""
        ids = self.encode(text)
        if self.unknown in ids:
            missing = ", ".join(self._missing([text])) or "how it begins"
            raise TaskError(f"{self.task} needs the sentence {text!r}; the tokenizer does not know {missing}.")
        return ids if self.prepend is None else [self.prepend, *ids]

    def need(self, n: int, what: str, have: Iterable[str], among: Iterable[str]) -> None:
        """Raises: TaskError, if there are fewer than `n`; names what the tokenizer lacks."""
        have = list(have)
        if len(have) < n:
            missing = list(dict.fromkeys(w for w in among if w not in have))
            raise TaskError(
                f"{self.task} needs {n} {what}; the tokenizer has {len(have)} and lacks {', '.join(missing[:12])}."
            )

    def sentences(self, n: int, templates: Sequence[str], **fill: Sequence[str]) -> list[str]:
        """Templates of which every word is known.

        Args:
            n: how many there must be.
            fill: words for each slot; the first is tried.

        Raises:
            TaskError: there are fewer; names what the tokenizer lacks.
        """
        tried = {t: t.format(**{slot: words[0] for slot, words in fill.items()}) for t in templates}
        found = [t for t, sentence in tried.items() if self.unknown not in self.encode(sentence)]
        if len(found) < n:
            missing = self._missing(tried.values()) or list(tried.values())[:1]
            raise TaskError(
                f"{self.task} needs {n} of its sentences; the tokenizer knows the words of {len(found)} and lacks "
                f"{', '.join(missing[:12])}."
            )
        self._note(tried.values(), [tried[t] for t in found])
        return found

    def _note(self, asked: Iterable[str], found: Collection[str]) -> None:
        self.left_out.update(dict.fromkeys(one for one in asked if one not in found))

    def _missing(self, sentences: Iterable[str]) -> list[str]:
        """Words that are not known as they stand in sentences: with the comma behind them if it is what is lacking."""
        pieces = dict.fromkeys(piece for sentence in sentences for piece in sentence.split())
        bare = {piece: piece.rstrip(",.") for piece in pieces}
        lacking = [piece for piece in pieces if not self.known([piece])]
        return [repr(piece) if self.known([bare[piece]]) else bare[piece] for piece in lacking]
