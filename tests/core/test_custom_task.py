"""A task from the user's own file: what it may hold, what it becomes, and that each error names its line."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from circuit_core.errors import BrokenTask, TaskError
from circuit_core.tasks import user_files

TEXT = {
    "clean": "When Mary and John went to the store, John gave a drink to",
    "corrupted": "When Mary and John went to the store, Mary gave a drink to",
    "correct": " Mary",
    "wrong": "John",
}
IDS = {"clean_ids": [5, 6, 7], "corrupted_ids": [5, 8, 7], "correct_ids": 6, "wrong_ids": [8]}


def lines(*given: dict | str) -> str:
    return "\n".join(g if isinstance(g, str) else json.dumps(g) for g in given) + "\n"


@pytest.fixture
def made(tmp_path):
    """The specification of a file with this text."""

    def make(content: str | bytes, name: str = "mine.jsonl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return user_files.read(path)

    return make


@pytest.fixture(scope="module")
def tokenizer(sample) -> Any:
    return sample[0].tokenizer


@pytest.fixture(scope="module")
def drawn(tokenizer):
    from circuit_core.tasks.sampling import draw

    return lambda spec, **changed: draw(replace(spec, **changed), tokenizer, len(tokenizer))


def test_text_becomes_the_tokens_of_the_tokenizer(made, drawn, tokenizer):
    """One pair is a task; an answer is the same with and without a space where the tokenizer splits at spaces."""
    from circuit_core.tasks.preview import shown

    spec = made(lines(TEXT | {"positions": {"IO": 1, "S2": 9}}))
    assert (spec.name, spec.metric, spec.n, spec.format) == ("mine", "logit_diff", 1, "jsonl")
    prompts = drawn(spec)
    assert prompts.texts == (TEXT["clean"],) and prompts.metric.name == "logit_diff"
    (row,) = shown(prompts, tokenizer)
    assert row.clean == tuple(TEXT["clean"].replace(",", " ,").split()) and row.differs == (9,) and row.end == 13
    assert (row.correct, row.wrong, row.positions) == (("Mary",), ("John",), {"IO": 1, "S2": 9})


def test_token_ids_need_no_tokenizer(made):
    """Lengths may differ between pairs; two correct answers on one line make the whole file a prob_diff."""
    from circuit_core.tasks.preview import shown
    from circuit_core.tasks.sampling import draw

    more = {"clean_ids": [1, 2], "corrupted_ids": [3, 2], "correct_ids": [4, 9, 4], "wrong_ids": 3}
    spec = made(lines(IDS, more))
    prompts: Any = draw(spec, None, 10)
    assert spec.metric == prompts.metric.name == "prob_diff"
    assert prompts.clean.tolist() == [[5, 6, 7], [1, 2, 0]] and prompts.end.tolist() == [2, 1]
    assert prompts.metric.signs.tolist() == [[1, -1, 0], [1, 1, -1]]
    first, second = shown(prompts, None)
    assert (first.clean, first.correct, first.wrong) == (("5", "6", "7"), ("6",), ("8",))
    assert (second.clean, second.correct, second.wrong, second.end) == (("1", "2"), ("4", "9"), ("3",), 1)


def test_a_bos_token_moves_positions_along(made, drawn):
    spec = made(lines(IDS | {"positions": {"verb": 2}}))
    prompts = drawn(spec, prepend_bos=True)
    assert prompts.clean.tolist() == [[0, 5, 6, 7]] and prompts.positions["verb"].tolist() == [3]
    assert prompts.end.tolist() == [3]


def test_csv_with_answer_ids(made, drawn):
    """Columns in any order; commas in quotes; spaces around a number."""
    spec = made('correct_idx,incorrect_idx,clean,corrupted\n12, 13 ,"So John , and","So Mary , and"\n', "pairs.CSV")
    prompts = drawn(spec)
    assert spec.format == "csv" and prompts.clean.shape == (1, 4)
    assert (prompts.metric.correct.tolist(), prompts.metric.wrong.tolist()) == ([12], [13])


def test_csv_columns_that_are_not_needed_are_passed_over(made, drawn):
    """EAP-IG's own file of IOI, as pandas wrote it: a column without a name, and harder prompts; the answers' tokens
    stand before a label."""
    columns = ",clean,corrupted,corrupted_hard,correct_idx,incorrect_idx"
    cells = "0,So Mary and John met,So John and Mary met,So Anna and Paul met,12,13"
    spec = made(f"{columns}\n{cells}\n", "ioi_llama.csv")
    plain = made(
        "clean,corrupted,correct_idx,incorrect_idx\n" + ",".join(cells.split(",")[i] for i in (1, 2, 4, 5)), "p.csv"
    )
    assert torch.equal(drawn(spec).clean, drawn(plain).clean)
    assert torch.equal(drawn(spec).corrupted, drawn(plain).corrupted)
    labelled = drawn(made(f"{columns},label\n{cells},IOI\n", "labelled.csv"))
    for found in (drawn(spec), labelled):
        assert (found.metric.correct.tolist(), found.metric.wrong.tolist()) == ([12], [13])


def test_csv_with_labels_is_greater_than(made, drawn, tokenizer):
    """Invariant: a file with labels is what the built-in task computes from the same prompts."""
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    known = draw(TASKS["greater_than"], tokenizer, 310, 30)
    years = [(text, text.split()[6]) for text in known.texts]
    content = "".join(f"{text},{text.replace(y, y[:2] + '01')},{y[2:]}\n" for text, y in years)
    logits = torch.randn(30, 310, generator=torch.Generator().manual_seed(0))
    for name in ("label", "correct_idx"):  # as EAP-IG's first files have it, and those of its follow-up
        spec = made(f"clean,corrupted,{name}\n" + content, "years.csv")
        prompts = drawn(spec)
        assert (spec.metric, spec.version) == ("prob_diff", 1) and torch.equal(prompts.corrupted, known.corrupted)
        assert torch.equal(prompts.metric(logits), known.metric(logits))


@pytest.mark.parametrize("columns", ["clean_answer_idx,corrupted_answer_idx", "country_idx,corrupted_country_idx"])
@pytest.mark.parametrize("label", ["1", "32", "female"])
def test_token_ids_by_any_name_stand_before_a_label(made, drawn, sample, columns, label):
    """Invariant: a file of the gendered pronoun, with genders as labels, has the metric of the built-in task.

    Read as years it had a difference of probabilities near 0 and accuracy 1.
    """
    from circuit_core.behaviour import behaviour
    from circuit_core.tasks.sampling import draw
    from circuit_core.tasks.specs import TASKS

    known: Any = draw(TASKS["gendered_pronoun"], sample[0].tokenizer, sample[0].n_vocab, 20)
    decode, answers = sample[0].tokenizer.decode, known.metric
    cells = zip(known.texts, known.corrupted, answers.correct.tolist(), answers.wrong.tolist(), strict=True)
    lines = [f'"{clean}","{decode(other[: end + 1])}",{label},{right},{wrong}' for (clean, other, right, wrong), end in
             zip(cells, known.end.tolist(), strict=True)]  # fmt: skip
    spec = made("\n".join([f"clean,corrupted,label,{columns}", *lines]), "gender.csv")
    found = drawn(spec)
    assert (spec.metric, spec.version) == ("logit_diff", 2)
    assert torch.equal(found.clean, known.clean) and torch.equal(found.corrupted, known.corrupted)
    by_ids, built_in = (behaviour(sample[0], prompts).value for prompts in (found, known))
    assert by_ids is not None and by_ids == pytest.approx(built_in) and by_ids > 4


def test_lists_of_token_ids_are_summed(made, drawn):
    """The file of hypernymy lists several answers in a cell."""
    cells = '"So Mary and","So John and","[12, 13]",[14]'
    spec = made(f"clean,corrupted,answers_idx,corrupted_answers_idx\n{cells}\n", "hypernymy.csv")
    assert spec.metric == "prob_diff" and drawn(spec).metric.signs.tolist() == [[1, 1, -1]]


def test_bom_crlf_and_blank_lines_change_nothing(made):
    """Invariant: the hash is that of what is said: not of the name, the marks and line ends that an editor adds."""
    plain = made(lines(TEXT))
    assert made(b"\xef\xbb\xbf" + lines(TEXT).replace("\n", "\r\n").encode(), "other.jsonl").hash == plain.hash
    assert made("\n\n" + lines(TEXT)).n == 1
    assert len({plain.hash, replace(plain, prepend_bos=True).hash, made(lines(TEXT | {"wrong": "Paul"})).hash}) == 3
    assert replace(plain, name="mine~2", seed=1).hash == plain.hash


LONG = TEXT | {"corrupted": TEXT["corrupted"] + " to"}
HEAD = "clean,corrupted,correct_idx,incorrect_idx\n"
BROKEN = [
    ("", r"mine.jsonl holds no prompts"),
    (" \n\n", "holds no prompts"),
    (lines(TEXT, "", "{clean"), r"mine.jsonl, line 3: this is not JSON \(Expecting"),
    (lines("[" * 100_000), "line 1: this JSON is nested more than 100 levels deep"),
    (lines("[1]"), "line 1: this is not a JSON object"),
    (lines(TEXT, {"clean": "a"}), "line 2: corrupted is missing: give clean, corrupted, correct, wrong"),
    (lines(TEXT | {"colour": 1}), "line 1: 'colour' is not asked for"),
    (lines(TEXT | {"clean": 5}), "clean must be text"),
    (lines(TEXT | {"clean": "  "}), "clean must be text, and not empty"),
    (lines(TEXT | {"clean": "\ud800"}), "clean must be text"),
    (lines(TEXT | {"correct": []}), "correct must be text"),
    (lines(TEXT | {"wrong": ["John", 5]}), "wrong must be text"),
    (lines(TEXT | {"correct": ["Paul", "John"]}), "line 1: 'John' is both a correct and a wrong answer"),
    (lines(TEXT | {"positions": [1]}), "positions must be names with token indices"),
    (lines(TEXT | {"positions": {"IO": -1}}), "positions, IO must be a whole number from 0, it is -1"),
    (lines(TEXT | {"positions": {"IO": 1}}, TEXT), r"line 2: positions are not those of the first prompt \(IO\)"),
    (lines(IDS, TEXT), "line 2: text and token ids are mixed"),
    (lines(IDS | TEXT), "line 1: text and token ids are mixed"),
    (lines(IDS | {"clean_ids": []}), "clean_ids must be a list of token ids"),
    (lines(IDS | {"clean_ids": [5, True, 7]}), "clean_ids must be a whole number from 0, it is True"),
    (lines(IDS | {"wrong_ids": 8.0}), "wrong_ids must be a whole number from 0, it is 8.0"),
    (lines(IDS | {"clean_ids": [5, 6]}), "line 1: the clean prompt has 2 tokens and the corrupted one 3"),
    (lines(IDS | {"wrong_ids": [8, 6]}), "6 is both a correct and a wrong answer"),
    (lines(IDS | {"positions": {"end": 3}}), "position end is 3, the prompt's tokens are 0 to 2"),
    (b"{}\n\xff\xfe", "line 2: this is not UTF-8 text"),
    (b" " * (user_files.LARGEST_FILE + 1), "is larger than 8 MB"),
]
BROKEN_CSV = [
    ("", "holds no prompts"),
    (HEAD, "holds no prompts"),
    ("clean,corrupted\n", "line 1: correct_idx is missing"),
    ("clean,corrupted,label,clean\n", "line 1: clean is there 2 times: keep one column"),
    ("number,clean,corrupted,wrong_idx\n", "line 1: correct_idx is missing: give clean, corrupted, correct_idx"),
    (HEAD + "a,b,1,2\n\na,b,1\n", "line 4: this has 3 cells and the header 4"),
    (HEAD + '"a\nb",b,1,2\nc,d,x,2\n', "line 4: correct_idx must be a whole number from 0, it is 'x'"),
    (HEAD + '"a"b,b,1,2\n', "line 2: this is not CSV"),
    (HEAD + "a,b,7,7\n", "line 2: 7 is both"),
    ("clean,corrupted,label\na,b,19\n", "line 2: label is '19', not the last two digits of a year"),
    ("clean,corrupted,label\nIn 1719 not 18,b,19\n", "label is '19', not the last two digits of a year"),
    (
        "clean,corrupted,label\nFrom 1732 to 17,From 1701 to 17,1\n",
        "label is '1', not .*: give clean, corrupted, correct_idx",
    ),
    ("clean,corrupted,label\nFrom 1732 to 17,From 1701 to 17,male\n", "label is 'male', not the last two digits"),
    ("clean,corrupted,label\nFrom 17321 to 17,b,32\n", "label is '32', not the last two digits"),
    ("clean,corrupted,label\nFrom 1799 to 17,b,99\n", "line 2: label is 99, and no year of the century is later"),
    ("clean,corrupted,plural\na,b,1\n", "line 1: correct_idx is missing"),
    (
        "clean,corrupted,clean_answer_idx,label\n",
        "corrupted_answer_idx is missing: give clean, corrupted, clean_answer_",
    ),
    ("clean,corrupted,correct_idx,label\n", "line 1: incorrect_idx is missing"),
    ("clean,corrupted,incorrect_idx,label\n", "line 1: correct_idx is missing"),
    ("clean,corrupted,correct_idx\na,b,5\n", "line 2: correct_idx is '5', not the last two digits of a year"),
    (HEAD[:-1] + ",country_idx,corrupted_country_idx\n", "correct_idx/incorrect_idx and country_idx/.* both say"),
    ("clean,corrupted,answers_idx,corrupted_answers_idx\na,b,[5],[]\n", "corrupted_answers_idx must be a whole number"),
    (
        "clean,corrupted,answers_idx,corrupted_answers_idx\na,b,[5],6]\n",
        "corrupted_answers_idx must be a whole number from 0, it is '6]'",
    ),
]


@pytest.mark.parametrize(
    ("content", "message", "name"),
    [*((*case, "mine.jsonl") for case in BROKEN), *((*case, "mine.csv") for case in BROKEN_CSV)],
    ids=[case[1] for case in BROKEN + BROKEN_CSV],
)
def test_an_error_is_named_with_its_line(made, content, message, name):
    """Invariant: what needs no tokenizer is found on reading; the message names the file."""
    with pytest.raises(BrokenTask, match=message) as error:
        made(content.encode(errors="surrogatepass") if isinstance(content, str) else content, name)
    assert name in str(error.value)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(BrokenTask, match=r"gone.csv cannot be read \(No such file"):
        user_files.read(tmp_path / "gone.csv")
    with pytest.raises(BrokenTask, match="let it end in .jsonl or .csv"):
        user_files.read(tmp_path / "task.txt")


UNFIT = [
    (lines("", LONG), "line 2: the clean prompt has 14 tokens and the corrupted one 15"),
    (lines(TEXT | {"clean": "When Zork met Mary"}), "line 1: the tokenizer does not know Zork"),
    (lines(TEXT | {"wrong": "Zork"}), "line 1: the answer 'Zork' is not one token"),
    (lines(TEXT | {"wrong": "John gave"}), "line 1: the answer 'John gave' is not one token"),
    (lines(TEXT | {"wrong": "John,"}), "line 1: the answer 'John,' is not one token"),
    (lines(TEXT | {"wrong": ["John", "Mary"]}), "is both a correct and a wrong answer"),
    (lines(TEXT | {"positions": {"IO": 14}}), "position IO is 14, the prompt's tokens are 0 to 13"),
    (lines(IDS, IDS | {"clean_ids": [5, 6, 310]}), "line 2: there is no token 310, the model's are 0 to 309"),
    (lines(IDS | {"correct_ids": 10**30}), "line 1: there is no token 10{30}"),
    (lines(IDS | {"clean_ids": [5, 6, 10**30]}), "line 1: there is no token 10{30}, the model's are 0 to 309"),
]


@pytest.mark.parametrize(("content", "message"), UNFIT, ids=[case[1] for case in UNFIT])
def test_what_does_not_fit_tokenizer_or_model_is_named_with_its_line(made, drawn, content, message):
    with pytest.raises(BrokenTask, match=rf"^mine\.jsonl, line .*{message.removeprefix('line ')}"):
        drawn(made(content))


def test_a_file_draws_no_other_prompts_and_text_needs_a_tokenizer(made):
    from circuit_core.tasks.sampling import draw

    spec = made(lines(TEXT))
    with pytest.raises(TaskError, match="mine is a file of 1 pairs and draws no others"):
        draw(spec, None, 310, seed=7)
    with pytest.raises(TaskError, match="mine is given as text, and the checkpoint brings no tokenizer"):
        draw(spec, None, 310)


def test_the_unknown_token_may_be_written_out(made, drawn):
    """Invariant: only tokens that the text does not spell out count as unknown."""
    assert drawn(made(lines(TEXT | {"clean": "<|unk|> Mary", "corrupted": "<|unk|> John"}))).clean[0, 0] == 1


@pytest.mark.processes
def test_reading_a_file_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, circuit_core.tasks.user_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
