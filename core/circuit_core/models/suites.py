"""Models that are known by name: where their checkpoints are, how many tokens a step is, and what is wrong with some.

The sample suite ships with the program. Published suites are on the Hugging Face hub; what is known of them is data
with its sources, `suites.toml`. Any other model is a folder or a repository, known to a store by the name it was added
under. Runs of one size that differ in nothing but the seed are replicates: family, size and variant are the same.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

SCHEDULES = ("auto", "all", "log", "sparse", "linear", "final")
_SHAPE = {"layers": "n_layers", "heads": "n_heads", "width": "d_model", "kv_heads": "kv_heads"}


@dataclass(frozen=True)
class Defect:
    """Steps whose weights on the hub are not what their name says."""

    steps: frozenset[int]
    status: str
    """`known_bad`, or `missing` where there are no weights."""
    reason: str
    source: str


@dataclass(frozen=True)
class KnownModel:
    """A model of a suite: a folder of the sample suite, or else a repository of the hub."""

    name: str
    suite: str
    tokens_per_step: int | None
    source: Path | None = None
    repository: str | None = None
    family: str | None = None
    size: str | None = None
    variant: str | None = None
    """What sets it apart from other runs of its size but for the seed: `deduped`."""
    seed: int | None = None
    shape: Mapping[str, int] = field(default_factory=dict)
    """`n_layers`, `n_heads`, `d_model` and, if keys and values are shared, `kv_heads`, as far as they are known."""
    parallel: bool | None = None
    revision: str | None = None
    """What the revision of a step is called, `step{step}`; None if the hub's names are to be read."""
    pattern: str | None = None
    """Expression for the names of revisions, with a group `step`; None for the usual ones."""
    steps: tuple[int, ...] = ()
    """All that there are; empty if only the hub knows."""
    schedules: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The suite's own schedules (METHODS g.3)."""
    defects: tuple[Defect, ...] = ()

    @property
    def folder(self) -> Path:
        """Of a model of the sample suite."""
        assert self.source is not None
        return self.source

    def defect(self, step: int) -> Defect | None:
        return next((defect for defect in self.defects if step in defect.steps), None)


def sample_folder() -> Path:
    """Where the sample suite lies: beside the source tree, or inside the installed package."""
    beside = Path(__file__).parents[3] / "sample_data"
    return beside if beside.is_dir() else Path(str(resources.files("circuit_core") / "sample_data"))


def sample_suite() -> list[KnownModel]:
    """The sample models, smallest first."""
    (tokens,) = (suite["tokens_per_step"] for suite in _data() if suite["name"] == "sample")
    folders = sorted(p for p in sample_folder().glob("sample-*") if p.is_dir())
    return [KnownModel(p.name, "sample", tokens, p, family="sample", size=p.name.split("-")[1]) for p in folders]


@cache
def published() -> dict[str, KnownModel]:
    """The models of published suites, by name: the last part of their repository."""
    found: dict[str, KnownModel] = {}
    for suite in _data():
        schedules = {name: steps_of(said) for name, said in suite.get("schedules", {}).items() if name != "source"}
        for run in suite.get("runs", ()):
            # Of each size and seed, by a template or listed.
            pairs = list(product(run["sizes"], run.get("seeds", [None])))
            named = run.get("repositories") or [run["repository"].format(size=size, seed=seed) for size, seed in pairs]
            for repository, (size, seed) in zip(named, pairs, strict=True):
                name = repository.split("/")[1]
                found[name] = KnownModel(
                    name,
                    suite["name"],
                    suite.get("tokens_per_step"),
                    repository=repository,
                    family=suite["family"],
                    size=size,
                    variant=run.get("variant"),
                    seed=seed,
                    shape={_SHAPE[what]: number for what, number in suite["sizes"][size].items()},
                    parallel=suite.get("parallel", False),
                    revision=suite.get("revision"),
                    pattern=suite.get("pattern"),
                    steps=steps_of(suite.get("steps", ())),
                    schedules=schedules,
                    defects=tuple(
                        Defect(frozenset(steps_of(d["steps"])), d["as"], d["reason"], d["source"])
                        for d in suite.get("defects", ())
                        if name in d["models"]
                    ),
                )
    return found


def known_models() -> dict[str, KnownModel]:
    """Those that ship with the program."""
    return {m.name: m for m in sample_suite()}


def find(name: str) -> KnownModel | None:
    """A known model by its name or its repository, however it is spelt in capitals."""
    wanted = name.lower()
    models = (known_models() | published()).values()
    return next((m for m in models if wanted in (m.name.lower(), (m.repository or "").lower())), None)


@cache
def _data() -> list[dict[str, Any]]:
    return tomllib.loads((resources.files("circuit_core.models") / "suites.toml").read_text())["suite"]


def steps_of(said: Iterable[str]) -> tuple[int, ...]:
    """Steps that `suites.toml` lists, ascending: `a`, `a..b by c`, `a..b doubling`."""
    found: set[int] = set()
    for part in said:
        ends, _, how = part.partition(" ")
        first, _, last = ends.partition("..")
        if how == "doubling":
            found.update(int(first) * 2**i for i in range(64) if int(first) * 2**i <= int(last))
        else:
            found.update(range(int(first), int(last or first) + 1, int(how.removeprefix("by ") or 1)))
    return tuple(sorted(found))


def choose(steps: list[int], schedule: str, own: Mapping[str, tuple[int, ...]] | None = None) -> list[int]:
    """The steps of a schedule that a model has (METHODS g.3).

    Args:
        steps: what there is, ascending.
        schedule: `auto`: `sparse` for a model of the hub, else `all`; `all`; `final`; `linear`, every fourth; `log`,
            powers of two and the ends; `sparse`, about every second of those; or steps as `0,512,final`.
        own: of a suite on the hub, its own schedules, which come before these rules.

    Raises:
        ValueError: neither a schedule nor steps of this model.
    """
    if schedule == "auto":
        schedule = "sparse" if own is not None else "all"
    if schedule == "all":
        return steps
    if schedule == "final":
        return steps[-1:]
    if own and (there := [step for step in steps if step in own.get(schedule, ())]):
        return there
    if schedule == "linear":
        return sorted({*steps[::4], steps[-1]})
    if schedule in ("log", "sparse"):
        base = 2 if schedule == "log" else 4
        powers = [base**i for i in range(64) if base**i <= steps[-1]]
        return sorted({steps[0], *(min(steps, key=lambda s: (abs(s - p), s)) for p in powers), steps[-1]})
    return _listed(steps, schedule)


def _listed(steps: list[int], text: str) -> list[int]:
    wanted = [w.strip() for w in text.split(",") if w.strip()]
    if not wanted or not all(re.fullmatch(r"\d+|final", w) for w in wanted):
        raise ValueError(f"{text!r} names no checkpoints: give {', '.join(SCHEDULES)}, or steps such as 0,512,final.")
    numbers = [steps[-1] if w == "final" else int(w) for w in wanted]
    if missing := [n for n in numbers if n not in steps]:
        some = ", ".join(map(str, steps if len(steps) <= 20 else [*steps[:8], "...", *steps[-4:]]))
        raise ValueError(f"There is no checkpoint {', '.join(map(str, missing))}: there are {some}.")
    return sorted(set(numbers))
