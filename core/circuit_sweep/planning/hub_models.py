"""Models of the hub as a request sees them, before a byte of their weights is fetched.

The hub says what revisions a repository has and, file by file, the hash of what each holds. By that, revisions of
equal weights are told apart from others: one of them is computed (of steps 0 to 2 the first, else the last, as trends
keep them, METHODS l.4), and what a suite knows to be wrong is left out unless it is asked for.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from circuit_core.bounded_regex import Pattern
from circuit_core.errors import BadPattern, CheckpointError, HubError, UnknownModel
from circuit_core.models import checkpoints, hub, places, sizes, suites
from circuit_store import models

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_NOTHING = models.Told()
Listed = hub.HubRevision | CheckpointError
"""What a revision holds, or why the hub does not say it."""


@dataclass(frozen=True)
class LeftOut:
    """Why a checkpoint is not computed."""

    status: str
    """`known_bad`, `missing` or `duplicate_of`."""
    detail: str


def repository_of(name: str) -> str | None:
    """The repository that a name stands for: a model of a published suite, or `ORG/NAME`; None if it is neither."""
    name = name.removeprefix(places.HUB)
    if known := suites.find(name):
        return known.repository
    return name if _REPOSITORY.fullmatch(name) else None


def told_of(known: suites.KnownModel | None) -> models.Told:
    """What is known of a model without its files."""
    if known is None:
        return models.Told()
    names = ("pattern", "tokens_per_step", "family", "size", "variant", "seed")
    return models.Told(**{name: getattr(known, name) for name in names})


def describe(
    repository: str, name: str | None = None, told: models.Told = _NOTHING
) -> tuple[models.Model, list[checkpoints.FoundCheckpoint]]:
    """A repository as a model, under its own name if none is given; what is told comes before what its suite says.

    Raises:
        HubError: the hub does not answer, or has no such repository.
        UnknownModel: no branch or tag of it names a step.
        BadPattern: the pattern is none, or takes too long.
    """
    known = suites.find(repository)
    found = _found(repository, known, told.pattern)
    told = replace(told_of(known), **{name: value for name, value in vars(told).items() if value is not None})
    own = name or (known.name if known else repository.split("/")[1])
    suite, source = known.suite if known else "hub", places.HUB + repository
    # Its shape: by the weights if they are here, else by config.json, else by what is known of the suite.
    shape: dict[str, Any] = dict.fromkeys(checkpoints.Shape.__annotations__)
    if lies := hub.cached(repository, found[-1].revision):
        shape |= asdict(checkpoints.shape(lies))
    else:
        try:
            folder = small_files(repository, found[-1].revision)
        except HubError:
            if not (known and known.shape):
                raise
            shape |= {"parallel": known.parallel, "kv_heads": known.shape["n_heads"], **known.shape}
        else:
            read = checkpoints.config(folder)
            of = sizes.sizes(read, folder / "config.json")
            shape |= {"n_layers": of["layers"], "n_heads": of["heads"], "d_model": of["width"]}
            shape |= {"kv_heads": of["kv_heads"], "parallel": checkpoints.is_parallel(read)}
    return models.Model(own, suite, source, **vars(told), **shape), checkpoints.counted_on(found, told.base_step)


def _found(repository: str, known: suites.KnownModel | None, pattern: str | None) -> list[checkpoints.FoundCheckpoint]:
    """The checkpoints of a repository, by step: those of its suite, or what its branches and tags are named."""
    if known and known.steps and known.revision and not pattern:
        return [checkpoints.FoundCheckpoint(step, known.revision.format(step=step)) for step in known.steps]
    # Where the hub is not to be asked, those that the cache knows.
    names = sorted(hub.cached_revisions(repository) if hub.offline() else hub.revisions(repository))
    return _named(repository, names, known, pattern)


def _named(
    repository: str, names: list[str], known: suites.KnownModel | None, pattern: str | None
) -> list[checkpoints.FoundCheckpoint]:
    """Those of the branches and tags that name a step. Raises: UnknownModel, if none does."""
    given = pattern or (known.pattern if known else None)
    expression = Pattern(given, "--pattern") if given else re.compile(checkpoints.PATTERN)
    found: dict[int, checkpoints.FoundCheckpoint] = {}
    for name in names:
        if named := expression.fullmatch(name):
            step = checkpoints.step_named(named["step"], name)
            if step in found:
                twice = f"{found[step].revision} and {name}"
                raise UnknownModel(f"{repository} has step {step} twice, {twice}: tell them apart by --pattern.")
            found[step] = checkpoints.FoundCheckpoint(step, name)
    if not found and "main" in names and not pattern:
        return [checkpoints.FoundCheckpoint(0, "main")]
    if not found:
        some = f"there are {', '.join(names[:5])}" if names else "there are none"
        raise UnknownModel(
            f"No branch or tag of {repository} names a step ({some}): give `models add NAME {repository} "
            "--pattern 'run-(?P<step>[0-9]+)'`."
        )
    return [found[step] for step in sorted(found)]


def in_the_cache(repository: str, pattern: str | None = None) -> int:
    """How many checkpoints of a repository can be loaded without the hub; nothing is asked of it."""
    try:
        held = _named(repository, sorted(hub.cached_revisions(repository)), suites.find(repository), pattern)
    except (UnknownModel, BadPattern, OSError):
        return 0
    return sum(hub.cached(repository, at.revision) is not None for at in held)


def small_files(repository: str, revision: str) -> Path:
    """The folder with config.json and tokenizer of a checkpoint, fetched if it is not there. Raises: HubError."""
    lies = hub.snapshot(repository, revision)
    if lies is not None and (lies / "config.json").exists() and checkpoints.tokenizer_folder(lies):
        return lies
    return hub.fetch(hub.listing(repository, revision).small)


def left_out(repository: str, listed: Mapping[int, Listed]) -> dict[int, LeftOut]:
    """Step -> why it is not worth fetching: known to be bad, without weights, or equal to another."""
    known = suites.find(repository)
    out: dict[int, LeftOut] = {}
    equal: dict[str, list[int]] = {}
    for step, of in sorted(listed.items()):
        if known and (defect := known.defect(step)):
            out[step] = LeftOut(defect.status, f"{defect.reason} ({defect.source})")
        elif isinstance(of, HubError) and of.status == "missing" and not hub.offline():
            out[step] = LeftOut("missing", str(of))
        elif not isinstance(of, CheckpointError):
            equal.setdefault(of.mark, []).append(step)
    for steps in equal.values():
        kept = steps[0] if steps[-1] <= 2 else steps[-1]
        out |= {step: LeftOut("duplicate_of", f"step {kept}") for step in steps if step != kept}
    return out


def said(model: str, out: Mapping[int, LeftOut]) -> list[str]:
    """A sentence for each reason, with the steps that it is of."""
    by_reason: dict[str, list[int]] = {}
    for step, why in sorted(out.items()):
        reason = {
            "duplicate_of": f"the weights are those of {why.detail}",
            "known_bad": f"known to be bad, {why.detail}; --with-known-bad computes it",
            "missing": "the hub has no weights under that name",
        }
        by_reason.setdefault(reason[why.status], []).append(step)
    return [f"{model} leaves out {_steps(steps)}: {reason}." for reason, steps in by_reason.items()]


def _steps(steps: list[int]) -> str:
    some = steps if len(steps) <= 6 else [*steps[:3], "...", *steps[-2:]]
    return f"step{'s' if len(steps) > 1 else ''} {', '.join(map(str, some))}"
