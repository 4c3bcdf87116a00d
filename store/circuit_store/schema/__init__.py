"""The tables, as named steps that each run once and in order.

    model ─< checkpoint ─< result >─ task        result >─ run ─< unit >─ checkpoint
                              └─ behaviour, head_score, circuit ─< circuit_edge, node_score, faithfulness

A `result` is one analysis of one checkpoint under one key (source, task, parameters, dtype); what it found lies in the
tables below it, or `reason` says why there is nothing. Nodes and ports are integers in the index layout of METHODS a.3.
"""

from sqlite_utils import Migrations

from circuit_store.schema import (
    circuits,
    errors_of_behaviour,
    prompts_of_heads,
    result_tables,
    run_tables,
    stages,
    trend_updates,
    updates,
    weight_files,
)

migrations = Migrations("circuit_store")
for step in (
    run_tables.models_and_checkpoints,
    run_tables.requests,
    result_tables.results,
    result_tables.more_of_circuits,
    run_tables.tasks_from_files,
    result_tables.trends,
    result_tables.algorithm_and_patching,
    run_tables.background_jobs,
    updates.reasons_of_circuits,
    updates.reasons_of_heads_and_greater_than,
    updates.results_asked_for,
    trend_updates.floors_and_handoffs,
    stages.random_sets_and_signed_effects,
    weight_files.fingerprints_of_samples,
    circuits.circuits_without_scores,
    circuits.areas_and_thresholds,
    errors_of_behaviour.plain_errors_and_pools,
    prompts_of_heads.scores_by_prompt,
    weight_files.present_sources,
):
    migrations()(step)
