"""Prompts in which names and their places are others: the sets of METHODS e.6."""

import torch


def test_counterfactuals_of_both_orders():
    """A B .. B and B A .. B, with A = 1, B = 2: only the names move, x and y are neither of the two."""
    from circuit_core.patching.s_inhibition import counterfactuals
    from circuit_core.tasks.metrics import LogitDifference
    from circuit_core.tasks.prompts import PromptSet

    clean = torch.tensor([[9, 1, 2, 8, 2], [9, 2, 1, 8, 2], [9, 3, 4, 8, 4]])
    places = {"IO": torch.tensor([1, 2, 1]), "S1": torch.tensor([2, 1, 2]), "S2": torch.tensor([4, 4, 4])}
    answers = LogitDifference(torch.tensor([1, 1, 3]), torch.tensor([2, 2, 4]))
    prompts = PromptSet("names", clean, clean, torch.full((3,), 4), answers, places)
    sets = counterfactuals(prompts)
    expected = {
        "token_same_position_opposite": [[9, 2, 1, 8, 2], [9, 1, 2, 8, 2]],
        "token_opposite_position_opposite": [[9, 1, 2, 8, 1], [9, 2, 1, 8, 1]],
        "token_opposite_position_same": [[9, 2, 1, 8, 1], [9, 1, 2, 8, 1]],
    }
    for name, tokens in expected.items():
        assert sets[name][:2].tolist() == tokens
    for name, same in (("token_different_position_same", "S1"), ("token_different_position_opposite", "IO")):
        first, s1, s2 = (sets[name][torch.arange(3), places[p]] for p in ("IO", "S1", "S2"))
        assert torch.equal(s2, s1 if same == "S1" else first)
        for row in range(3):
            others = {1, 2, 3, 4} - set(clean[row].tolist())
            assert {first[row].item(), s1[row].item()} == others
    assert set(counterfactuals(prompts[:2])) == set(expected)


def test_the_corrupted_prompts_of_the_task_are_one_of_the_sets(sample):
    from circuit_core.patching.s_inhibition import counterfactuals

    _, prompts = sample
    assert torch.equal(counterfactuals(prompts)["token_opposite_position_opposite"], prompts.corrupted)
