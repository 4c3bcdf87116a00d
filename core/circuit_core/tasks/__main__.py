"""`python -m circuit_core.tasks FOLDER SPEC`: a task's prompts as the checkpoint in FOLDER will see them, as JSON.

SPEC is a task's specification as JSON. A sentence on stderr says why a task cannot be expressed.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from circuit_core import tokenizing
from circuit_core.errors import CircuitError
from circuit_core.tasks.drawing import draw
from circuit_core.tasks.showing import shown
from circuit_core.tasks.specs import TaskSpec


def main(folder: str, spec: str) -> None:
    tokenizer, n_vocab = tokenizing.tokenizer(Path(folder)), tokenizing.vocabulary(Path(folder))
    given = json.loads(spec)
    prompts = draw(TaskSpec(**{**given, "named": tuple(given["named"])}), tokenizer, n_vocab)
    json.dump([asdict(row) for row in shown(prompts, tokenizer)], sys.stdout)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except CircuitError as error:
        sys.exit(str(error))
