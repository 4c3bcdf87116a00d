"""On the path of a runner's process, this gives it workers at a gate (see `gated`)."""

import os
import sys

if "circuit_sweep" in sys.orig_argv and "GATE" in os.environ:
    from gated import serve

    from circuit_sweep.engines import local

    local.serve = serve
