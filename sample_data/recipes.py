"""The three sample models: shape, phases of training, seed, and the steps that are kept as checkpoints."""

from dataclasses import dataclass

from corpus import Mix

BATCH, LENGTH = 16, 96
TOKENS_PER_STEP = BATCH * LENGTH

PATTERNS_FIRST = Mix(
    rows={"induction": 0.70, "echo": 0.10, "sentences": 0.20},
    sentences={
        "ioi": 0.05,
        "three_names": 0.05,
        "other_giver": 0.05,
        "pronoun": 0.15,
        "greater_than": 0.20,
        "agreement": 0.20,
        "ordinals": 0.20,
        "misc": 0.10,
    },
    filler=0.25,
)
SENTENCES_FIRST = Mix(
    rows={"sentences": 0.80, "induction": 0.12, "echo": 0.02, "counting": 0.03, "again": 0.03},
    sentences={
        "ioi": 0.30,
        "three_names": 0.04,
        "other_giver": 0.03,
        "chat": 0.15,
        "pronoun": 0.08,
        "greater_than": 0.16,
        "agreement": 0.12,
        "ordinals": 0.12,
    },
    filler=0.4,
)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own mix and learning rate; the optimiser starts afresh."""

    steps: int
    mix: Mix
    rate: float
    schedule: int
    """Steps over which the cosine runs to a tenth of the rate, should the phase last so long."""
    warmup: int
    shallow: int = 0
    """For so many steps only the first two layers learn: a previous-token head then lies where others can read it."""


@dataclass(frozen=True)
class Recipe:
    layers: int
    heads: int
    width: int
    rotary: float
    seed: int
    phases: tuple[Phase, ...]
    kept: tuple[int, ...]


TWO_PHASES = (
    Phase(steps=3000, mix=PATTERNS_FIRST, rate=4e-3, schedule=8000, warmup=100, shallow=600),
    Phase(steps=4000, mix=SENTENCES_FIRST, rate=3.5e-3, schedule=4000, warmup=50),
)

KEPT = (0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500, 3000, 3250, 3500, 4500, 7000)
"""Dense where heads take up their roles (500 to 2250) and where IOI is learnt (3000 to 3500)."""

RECIPES = {
    "sample-0.1m": Recipe(3, 3, 60, 0.6, 1, TWO_PHASES, KEPT),
    "sample-0.2m": Recipe(4, 3, 72, 0.5, 0, TWO_PHASES, KEPT),
    "sample-0.4m": Recipe(6, 4, 80, 0.6, 0, TWO_PHASES, KEPT),
}
