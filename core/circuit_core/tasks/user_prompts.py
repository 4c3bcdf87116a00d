"""A user's own task file becomes prompts: text by the checkpoint's tokenizer, token ids as they are.

An answer as text is the one token by which it continues the prompt, as written. If an answer of a line is no such
token, those of the line that were written without a space before them are all taken with one.
"""

from dataclasses import dataclass
from typing import Any

from circuit_core.errors import BrokenTask, TaskError, brief
from circuit_core.models import tokenizers
from circuit_core.tasks import user_files, user_rows
from circuit_core.tasks.greater_than import two_digit_tokens
from circuit_core.tasks.known_words import KnownWords
from circuit_core.tasks.prompts import PromptPair, PromptSet, prompt_set
from circuit_core.tasks.specs import TaskSpec
from circuit_core.tasks.user_rows import Row


def prompts(spec: TaskSpec, tokenizer: Any | None, n_vocab: int, prepend: int | None = None) -> PromptSet:
    """All prompts of a file, in its order; a token put first moves the named positions along.

    Raises:
        TaskError: the file holds text, and there is no tokenizer; or it lacks two-digit tokens that labels need.
        BrokenTask: an error in the file, by its line.
    """
    file = f"{spec.name}.{spec.format}"
    found = user_files.examples(spec.content or "", spec.format, file)
    if isinstance(found[0].clean, str):
        reader = _Reader.of(spec.name, found, tokenizer)
        pairs = [reader.pair(row) for row in found]
    else:
        pairs = []
        for row in found:
            given = (row.clean, row.corrupted, row.correct, row.wrong)
            clean, corrupted, correct, wrong = ([int(token) for token in tokens] for tokens in given)
            _known([*clean, *corrupted, *correct, *wrong], n_vocab, row.where)
            text = " ".join(map(str, clean)) if tokenizer is None else tokenizer.decode(clean)
            pairs.append(PromptPair(clean, corrupted, correct, wrong, text, row.positions))
    for row, pair in zip(found, pairs, strict=True):
        user_rows.matching(pair.clean, pair.corrupted, pair.positions, row.where)
        user_rows.apart(pair.correct, pair.wrong, row.where)
        _known([*pair.clean, *pair.corrupted, *pair.correct, *pair.wrong], n_vocab, row.where)
    return prompt_set(spec.name, spec.metric, [pair if prepend is None else pair.after(prepend) for pair in pairs])


@dataclass(frozen=True)
class _Reader:
    """Rows of text to tokens."""

    lexicon: KnownWords
    unknown: str | None
    digits: list[int]

    @staticmethod
    def of(task: str, found: list[Row], tokenizer: Any | None) -> "_Reader":
        """Raises: TaskError, if there is no tokenizer, or it lacks two-digit tokens that labels need."""
        if tokenizer is None:
            raise TaskError(f"{task} is given as text, and the checkpoint brings no tokenizer: give token ids.")
        lexicon = KnownWords(task, tokenizers.encoder(tokenizer), tokenizer.unk_token_id)
        digits = two_digit_tokens(lexicon) if any(row.label is not None for row in found) else []
        return _Reader(lexicon, tokenizer.unk_token, digits)

    def pair(self, row: Row) -> PromptPair:
        clean, corrupted = (self._prompt(str(text), row.where) for text in (row.clean, row.corrupted))
        if row.label is not None:
            correct, wrong = self.digits[row.label + 1 :], self.digits[: row.label + 1]
        else:
            correct, wrong = self._answers(row)
        return PromptPair(clean, corrupted, correct, wrong, str(row.clean), row.positions)

    def _prompt(self, text: str, where: str) -> list[int]:
        """Raises: BrokenTask, if a token is unknown that the text does not itself spell out."""
        ids = self.lexicon.encode(text)
        if self.unknown and sum(token == self.lexicon.unknown for token in ids) > text.count(self.unknown):
            words = text.split()
            known = self.lexicon.known(words)
            lacking = [w for w in words if w not in known] or [text]
            named = ", ".join(word[:40] for word in lacking[:12])
            raise BrokenTask(f"{where}: the tokenizer does not know {named}: choose other words.")
        return ids

    def _answers(self, row: Row) -> tuple[list[int], list[int]]:
        answers = [*row.correct, *row.wrong]
        tokens: list[int | None] = []
        for space in ("", " "):
            tokens = [self._answer(str(row.clean), answer, space) for answer in answers]
            found = [token for token in tokens if token is not None]
            if len(found) == len(answers):
                n = len(row.correct)
                return list(dict.fromkeys(found[:n])), list(dict.fromkeys(found[n:]))
        amiss = answers[tokens.index(None)]
        raise BrokenTask(
            f"{row.where}: the answer {brief(amiss)} is not one token that the tokenizer knows: choose another."
        )

    def _answer(self, prompt: str, answer: str | int, space: str) -> int | None:
        """Token of an answer; one that would merge with the prompt's last token is looked up on its own."""
        if isinstance(answer, int):
            return answer
        text = answer if answer[0].isspace() else space + answer
        continues = self.lexicon.tokens(prompt, text)
        return self.lexicon.token(prompt, text) if continues else self.lexicon.unspaced(text)


def _known(tokens: list[Any], n_vocab: int, where: str) -> None:
    """Raises: BrokenTask, if one is none of the model's."""
    if (largest := max(tokens)) >= n_vocab:
        raise BrokenTask(f"{where}: there is no token {brief(largest)}, the model's are 0 to {n_vocab - 1}.")
