"""What counts as chance, and which checkpoints are distinct (METHODS l.4)."""

import pytest


@pytest.mark.parametrize(
    ("role", "chance", "floor", "step"),
    [
        ("name_mover", None, 0.1, None),
        ("name_mover", -0.01, 0.1, None),
        ("name_mover", 0.06, 0.1, None),
        ("name_mover", 0.133, 0.1995, 0),
        ("name_mover", 0.6, 0.8, 0),
        ("induction", 0.05, 0.3, None),
        ("s_inhibition", 0.2, 0.3, 0),
        ("copy_suppression", 0.9, 0.1, None),
    ],
)
def test_the_floor_is_the_roles_own_or_half_as_much_again_as_chance(role, chance, floor, step):
    """At most half way from chance to 1; copy suppression, a ratio of tiny divergences at first, knows no chance."""
    from circuit_core.trends.floors import floor_of

    found = floor_of(role, chance, 0)
    assert (found.value, found.step) == (pytest.approx(floor), step)


def test_what_is_at_the_floor_reaches_it_if_it_is_above_chance():
    """Also where float32 rounds the two apart: 15 of 70 names against 1.5 times 10 of 70. Nothing is above 1."""
    import numpy as np

    from circuit_core.trends.floors import floor_of

    ten, fifteen = (float(np.float32(k) / np.float32(70)) for k in (10, 15))
    assert floor_of("name_mover", ten, 0).reached(fifteen) and not floor_of("name_mover", ten, 0).reached(0.2142)
    assert floor_of("name_mover").reached(0.1) and not floor_of("name_mover").reached(0.099)
    assert not floor_of("name_mover", 1.0, 0).reached(1.0)
    assert not floor_of("s_inhibition").reached(0.0) and floor_of("s_inhibition").reached(1e-7)


FINAL = "the weights of step 143000"


@pytest.mark.parametrize(
    ("weights", "kept", "untrained"),
    [
        ({0: "a", 1: "b", 512: "c"}, [0, 1, 512], [0, 1]),
        ({0: "a", 1: "a", 2: "a", 4: "b"}, [0, 4], [0, 1, 2]),
        ({0: FINAL, 1: "a", 2: "a", 512: "c", 143000: FINAL}, [1, 512, 143000], [1, 2]),
        ({0: FINAL, 512: "c", 143000: FINAL}, [512, 143000], []),
        ({0: "a", 4: "a", 512: "c"}, [4, 512], [0]),
        ({512: "c", 1000: "c", 2000: "d"}, [1000, 2000], []),
        ({0: None, 1: None, 512: None}, [0, 1, 512], [0, 1]),
    ],
)
def test_of_equal_checkpoints_one_is_kept(weights, kept, untrained):
    """The first of steps 0 to 2, else the last: pythia-2.8b serves the final weights at step 0, and they are final.
    Untrained are steps up to 2 without the weights of a step after 4; without a fingerprint none is known to be equal.
    """
    from circuit_core.trends import floors

    assert (floors.distinct(weights), floors.untrained(weights)) == (kept, untrained)
