"""One run of a model taken apart: its residual stream, positions, attention, readout; batches that fit in memory."""
