"""Figures for a paper, drawn with matplotlib (extra `figures`) from the views of a store: nothing is computed here.

Each module draws one kind: `drawn(db)` gives its figures, none where the store has nothing for it.
"""

from circuit_tui.figures import behaviour, circuit, circuit_trends, emergence, faithfulness, top_heads

KINDS = (behaviour, emergence, top_heads, circuit, circuit_trends, faithfulness)
"""In the order in which they are drawn."""
