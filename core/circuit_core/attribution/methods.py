"""The methods that score edges, by name; light enough for a command line."""

METHODS = ("eap-ig", "eap", "clean-corrupted", "eap-ig-activations", "exact")
RULES = ("paper", "code", "midpoint")
"""Where the points of `eap-ig` lie."""
THRESHOLDS = ("raw", "normalised")
"""Which faithfulness a circuit must reach."""
