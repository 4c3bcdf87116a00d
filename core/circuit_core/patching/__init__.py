"""Path patching, and what rests on it: S-inhibition, the IOI algorithm, the check of the greater-than circuit."""
