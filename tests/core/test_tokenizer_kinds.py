"""All tasks on tokenizers of four kinds, and on Pythia's own where it is at hand beside the repository."""

import re
from functools import cache
from typing import Any

import pytest
import tokenizer_kinds
import torch
from places import ROOT
from tokenizer_kinds import KINDS, OF_DIGITS, OF_PAIRS

from circuit_core.errors import TaskError
from circuit_core.tasks.specs import TASKS

PYTHIA = ROOT.parent / "shared" / "tokenizers" / "pythia"
OF_KIND = [(kind, task) for kind in KINDS for task in (OF_PAIRS if kind in ("pythia", "gpt2") else OF_DIGITS)]
YEAR = re.compile(r"from the year (\d\d)(\d)(\d) to the year \1$")
needs_pythia = pytest.mark.skipif(not PYTHIA.is_dir(), reason=f"Pythia's tokenizer is not in {PYTHIA}")


@cache
def of_kind(kind: str) -> Any:
    """A tokenizer, and a tiny random model of its vocabulary."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(PYTHIA) if kind == "real pythia" else tokenizer_kinds.made(kind)
    size: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), initializer_range=0.3, **size)).eval()
    return tokenizer, model


@cache
def drawn(kind: str, task: str) -> Any:
    from circuit_core.tasks.preview import shown
    from circuit_core.tasks.sampling import draw

    tokenizer, _ = of_kind(kind)
    prompts = draw(TASKS[task], tokenizer, len(tokenizer))
    return prompts, shown(prompts, tokenizer)


def check_prompts(kind: str, task: str) -> None:
    """As many as asked, all different, no unknown token; the named token differs, and for digits the units may."""
    (prompts, rows), tokenizer = drawn(kind, task), of_kind(kind)[0]
    assert len(set(prompts.read)) == len(prompts) == TASKS[task].n
    answers = set(prompts.metric.tokens.tolist())
    assert tokenizer.unk_token_id not in {token for ids in prompts.read for token in ids} | answers
    for text, ids, row in zip(prompts.texts, prompts.read, rows, strict=True):
        assert tokenizer.decode(ids).strip() == text
        (named,) = TASKS[task].named[-1:]
        units = () if task != "greater_than_digit" or row.clean[row.positions["tens"] + 1] == "1" else (1,)
        assert row.differs == (row.positions[named], *(row.positions[named] + at for at in units))
        assert row.correct and row.wrong and not set(row.correct) & set(row.wrong)


def check_answers(kind: str, task: str) -> None:
    """Invariant: each answer is the one token that the word or digit adds behind the prompt.

    A two-digit year is that behind a colon: behind its century some tokenizers make one token of both.
    """
    (prompts, rows), tokenizer = drawn(kind, task), of_kind(kind)[0]
    for text, ids, row in zip(prompts.texts[:8], prompts.read, rows, strict=False):
        for answer in (*row.correct[:3], *row.wrong[:3]):
            text, ids = (":", tuple(tokenizer(":")["input_ids"])) if task == "greater_than" else (text, ids)
            behind = answer.strip() if task.startswith("greater_than") else f" {answer.strip()}"
            longer = tokenizer(text + behind, add_special_tokens=False)["input_ids"]
            assert len(longer) == len(ids) + 1 and tuple(longer[:-1]) == ids
            assert tokenizer.decode(longer[-1]).strip() == answer.strip()


def check_behaviour(kind: str, task: str) -> None:
    """Second road: each prompt alone through plain Hugging Face, and the metric written out."""
    from copy import deepcopy

    from circuit_core.behaviour import metrics
    from circuit_core.loading import wrap

    (prompts, rows), (_, model) = drawn(kind, task), of_kind(kind)
    with torch.no_grad():
        logits = [model(torch.tensor([ids])).logits[0, -1].double() for ids in prompts.read]
    wanted = []
    for at, (of, row) in enumerate(zip(logits, rows, strict=True)):
        if TASKS[task].metric == "logit_diff":
            correct, wrong = (int(ids[at]) for ids in (prompts.metric.correct, prompts.metric.wrong))
            wanted.append(of[correct] - of[wrong])
        else:
            right = prompts.metric.answers[at][prompts.metric.signs[at] > 0]
            others = prompts.metric.answers[at][prompts.metric.signs[at] < 0]
            assert len(right) == len(row.correct) and len(others) == len(row.wrong)
            wanted.append(of.softmax(0)[right].sum() - of.softmax(0)[others].sum())
    found = metrics(wrap(deepcopy(model)), prompts)
    assert found.tolist() == pytest.approx(torch.stack(wanted).tolist(), abs=1e-5) and found.std() > 1e-4


@pytest.mark.parametrize("kind, task", OF_KIND)
def test_prompts_of_every_kind(kind, task):
    check_prompts(kind, task)
    check_answers(kind, task)


@pytest.mark.long
@pytest.mark.parametrize("kind, task", OF_KIND)
def test_behaviour_is_plain_hugging_faces(kind, task):
    check_behaviour(kind, task)


@pytest.mark.long
@needs_pythia
@pytest.mark.parametrize("task", OF_PAIRS)
def test_pythias_own_tokenizer(task):
    check_prompts("real pythia", task)
    check_answers("real pythia", task)
    check_behaviour("real pythia", task)


@pytest.mark.parametrize("kind", ["smollm", "llama2"])
def test_digits_above_the_tens_are_correct_and_those_below_wrong(kind):
    """Tens 1 to 8, YY 10 to 89 equally often; the digit itself counts for neither; the corrupted year ends in 01."""
    prompts, rows = drawn(kind, "greater_than_digit")
    years = []
    for text, row in zip(prompts.texts, rows, strict=True):
        found = YEAR.search(text)
        assert found
        tens, units, at = int(found[2]), int(found[3]), row.positions["tens"]
        assert [int(d) for d in row.correct] == list(range(tens + 1, 10))
        assert [int(d) for d in row.wrong] == list(range(tens))
        assert row.clean[at : at + 2] == (found[2], found[3]) and row.corrupted[at : at + 2] == ("0", "1")
        years.append(10 * tens + units)
    assert {years.count(y) for y in range(10, 90)} == {2, 3} and len(years) == 200


def test_uniform_digits_give_the_difference_of_their_numbers():
    """All probability spread over 0 to 9: for tens 3, six digits above and three below, .3."""
    prompts, rows = drawn("smollm", "greater_than_digit")
    logits = torch.full((200, len(of_kind("smollm")[0])), -1e9)
    logits[:, sorted(set(prompts.metric.tokens.tolist()))] = 0.0
    three = torch.tensor([row.clean[row.positions["tens"]] == "3" for row in rows])
    assert prompts.metric(logits)[three].tolist() == pytest.approx([0.3] * int(three.sum()), abs=1e-6)


@pytest.mark.parametrize("kind", ["smollm", "llama2"])
def test_single_digits_name_the_task_for_them(kind):
    with pytest.raises(TaskError, match="^greater_than needs 00 to 99 .*: ask for greater_than_digit"):
        drawn(kind, "greater_than")


@pytest.mark.parametrize("kind", ["pythia", "gpt2"])
def test_pairs_of_digits_name_the_task_for_them(kind):
    with pytest.raises(TaskError, match="^greater_than_digit needs years of which each digit .*: see greater_than"):
        drawn(kind, "greater_than_digit")


def test_what_a_tokenizer_cannot_express_is_said():
    """Words of several tokens as they are, and how many years of a century; nothing where all is known."""
    assert drawn("gpt2", "ioi")[0].left_out == ("Sam", "Karen")
    assert set(drawn("pythia", "subject_verb")[0].left_out) >= {"cabinet", "cabinets", "were"}
    years = ["97 of 97 years of 15xx", "1 of 97 years of 16xx", "2 of 97 years of 17xx"]
    assert list(drawn("pythia", "greater_than")[0].left_out)[-3:] == years
    assert drawn("smollm", "greater_than_digit")[0].left_out == ()


@needs_pythia
def test_the_page_says_which_years_pythias_tokenizer_leaves():
    """docs/tasks.md, by century: usable years, and how many of the 200 prompts."""
    prompts, _ = drawn("real pythia", "greater_than")
    page = (ROOT / "docs" / "tasks.md").read_text()
    usable = re.search(r"\| usable years \|(.*)\|", page)
    used = re.search(r"\| of the 200 prompts \|(.*)\|", page)
    assert usable and used
    missing = {c: 0 for c in range(11, 18)} | {
        int(found[2]): int(found[1])
        for said in prompts.left_out
        if (found := re.fullmatch(r"(\d+) of 97 years of (\d\d)xx", said))
    }
    assert [int(re.findall(r"\d+", cell)[0]) for cell in usable[1].split("|")] == [97 - missing[c] for c in missing]
    centuries = [int(text.split("to the year ")[1]) for text in prompts.texts]
    assert [int(cell) for cell in used[1].split("|")] == [centuries.count(c) for c in missing]
