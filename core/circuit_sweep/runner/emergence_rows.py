"""Rows of the table `emergence`, from what was found (METHODS g.4 to g.6, l.4)."""

from dataclasses import replace
from typing import Any

from circuit_core.trends.emergence import Earliest, HeadEmergence, RoleEmergence
from circuit_core.trends.figures import FigureHeads
from circuit_core.trends.tasks import HALF_OF_FINAL, TaskAcquisition
from circuit_store.trends import EmergenceRecord


def acquired(task: str, found: TaskAcquisition, of: dict[str, Any]) -> list[EmergenceRecord]:
    if (half := found.half_threshold) is None:
        least = {"value": found.final, "threshold": found.least, "reason": found.reason}
        return [EmergenceRecord("task", task, **least, **of)]
    early = None if found.minimum_step is not None else f"the first checkpoint has {HALF_OF_FINAL:.0%} already"
    most, lowest = found.most_threshold, {"value": found.minimum, "reason": early}
    return [
        EmergenceRecord("task", task, step=found.half_step, value=found.final, threshold=half, **of),
        EmergenceRecord("task_most", task, step=found.most_step, value=found.final, threshold=most, **of),
        EmergenceRecord("task_minimum", task, step=found.minimum_step, **lowest, **of),
    ]


def earliest(kind: str, found: RoleEmergence, of: Earliest) -> EmergenceRecord:
    if of.head is not None:
        return row(kind, found, of.head)
    without = EmergenceRecord(kind, found.role, threshold=found.floor.value, reason=of.reason, state=of.state)
    return floored(without, found)


def shown(kind: str, role: str, found: FigureHeads) -> list[EmergenceRecord]:
    return [
        EmergenceRecord(kind, role, h.layer, h.head, h.step, value=h.maximum, threshold=found.threshold)
        for h in found.heads
    ]


def row(kind: str, found: RoleEmergence, h: HeadEmergence) -> EmergenceRecord:
    at = h.layer, h.head, h.emerged_step, h.lost_step
    late = None if h.emerged_step is not None else "nothing confirms what the last checkpoint alone shows"
    return floored(EmergenceRecord(kind, h.role, *at, h.maximum, h.threshold, reason=late, state=h.state), found)


def floored(of: EmergenceRecord, found: RoleEmergence) -> EmergenceRecord:
    """With the floor of its role, and where that is from."""
    raised_at = found.floor.step
    return replace(of, floor=found.floor.value, floor_from="role" if raised_at is None else f"step {raised_at}")
