"""A question that takes several statements sees one state of the store, though a runner writes between them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import recorded

from circuit_store import export, queries, results, store
from circuit_store.transactions import transaction

IOI = results.TaskRecord("ioi", "hash", "logit_diff", False)
AT = {"model": "toy", "step": 10, "task": "ioi"}
SCORES: list[Any] = [(layer, head, 0.9, None, None) for layer in range(2) for head in range(2)]


def a_new_role(toy) -> None:
    toy.heads(10, 0.9, "previous_token")


def another_circuit(toy) -> None:
    """Under the same key: the earlier one's rows are gone."""
    toy.circuit(10, [(1, 14, 0.25)])


def another_task(toy) -> None:
    task = results.TaskRecord("pairs", "hash of pairs", "logit_diff", False)
    results.write(toy.db, toy.of(10, "heads", role="name_mover", task=task), recorded.head_scores(SCORES))


def other_effects(toy) -> None:
    effect = recorded.effects([(1, 1, 0.5, -1.0)], 2.0, -1.0)
    to = {"to": "logits", "senders": "all", "freeze_mlps": False}
    results.write(toy.db, toy.of(20, "patch", task=IOI, params=to), effect)


@pytest.fixture
def written_between(toy):
    """Asks a question of a reader, and lets another connection write as the second of its statements begins."""

    def ask(question: Callable[[sqlite3.Connection], Any], write: Callable[[Any], None]) -> Any:
        statements = []

        def began(statement: str) -> None:
            statements.append(statement)
            if len([s for s in statements if s.startswith(("SELECT", "WITH"))]) == 2:
                reader.set_trace_callback(None)
                write(toy)

        with closing(store.open_to_read(toy.path)) as reader:
            reader.set_trace_callback(began)
            return question(reader)

    return ask


@queries.one_state
def strong_roles(db: sqlite3.Connection) -> Any:
    return queries.strong_in(db, queries.role_tasks(db, "toy").at(10, None), least=0.1)


def shown(db: sqlite3.Connection) -> Any:
    with export.whole(db, queries.view("circuit"), AT, {}) as (header, rows):
        return header, list(rows)


@pytest.mark.parametrize(
    "question, write",
    [
        (strong_roles, a_new_role),
        (lambda db: queries.stored_circuit(db, "toy", 10, "ioi", {}), another_circuit),
        (lambda db: queries.circuit(db, "toy", 10, "ioi"), another_circuit),
        (lambda db: queries.head_grid(db, "toy", 10, "name_mover", "pairs"), another_task),
        (lambda db: queries.provenance(db, "toy", 10, "heads", "name_mover"), another_task),
        (lambda db: queries.patch(db, "toy", 20, "ioi", "logits"), other_effects),
        (lambda db: "".join(export.document(db, queries.view("circuit"), AT, {})), another_circuit),
        (shown, another_circuit),
        (lambda db: list(queries.streamed(db, queries.view("circuit"))), another_circuit),
    ],
)
def test_what_is_written_between_is_not_seen(toy, written_between, question, write):
    """Invariant: the answer is the one of before; asked again it is the one of after."""
    toy.full()
    results.write(toy.db, toy.of(10, "heads", role="name_mover", task=IOI), recorded.head_scores([(0, 0, 0.5, 0, 0)]))
    before = question(toy.db)
    assert written_between(question, write) == before != question(toy.db)
    assert not toy.db.in_transaction


def test_a_question_within_a_transaction_leaves_it_open(toy):
    """Invariant: what was not committed before is not committed by asking."""
    with transaction(toy.db):
        toy.heads(10, 0.9)
        assert queries.head_grid(toy.db, "toy", 10, "induction") and toy.db.in_transaction
