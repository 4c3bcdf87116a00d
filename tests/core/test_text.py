"""Text for copy suppression: rows of tokens, which of them are function words, and the suite's own text."""

import pytest
import torch


def test_a_text_becomes_rows():
    from circuit_core.heads import text_rows

    scored, reference = text_rows.rows(lambda words: list(map(int, words.split())), " ".join(map(str, range(7080))))
    assert scored.shape == (17, 60) and reference.shape == (100, 60)
    assert torch.cat([scored, reference]).flatten().tolist() == list(range(7020))
    with_bos, _ = text_rows.rows(lambda words: [5] * 7020, "", bos=1)
    assert with_bos.shape == (17, 61) and (with_bos[:, 0] == 1).all()


def test_a_short_text_is_a_reason():
    from circuit_core.errors import TaskError
    from circuit_core.heads import text_rows

    with pytest.raises(
        TaskError, match=r"needs --text FILE \(60 tokens x 117 sequences\).*has 150 tokens, enough for 2"
    ):
        text_rows.rows(lambda words: [1] * 150, "")


def test_function_words_are_tokens_of_the_model(sample):
    from circuit_core.heads.text_rows import function_words

    tokenizer = sample[0].tokenizer
    found = set(tokenizer.convert_ids_to_tokens(function_words(tokenizer).tolist()))
    assert {"the", "The", ",", ".", "to", "she", "<|endoftext|>", "<|unk|>"} <= found
    assert not found & {"Mary", "store", "gave", "Monday", "07"}


def test_the_suites_text_is_made_from_its_corpus_and_suffices(sample):
    from circuit_core.heads import text_rows as rows_of
    from circuit_core.models import tokenizers
    from text import FILE, text

    tokenizer = sample[0].tokenizer
    assert FILE.read_text() == text()
    scored, reference = rows_of.rows(tokenizers.encoder(tokenizer), text())
    assert not (torch.cat([scored, reference]) == tokenizer.unk_token_id).any()
    assert len(scored) == 17 and len(reference) == 100
