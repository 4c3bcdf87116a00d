"""`python -m circuit_core.tasks`: a task's prompts as the checkpoint in a folder will see them, as JSON.

Behind them stands what of the task its tokenizer cannot express: words, sentences, years.

It reads `[FOLDER, SPEC]` from standard input, where SPEC is a task's specification. A sentence on stderr says why a
task cannot be expressed.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from circuit_core.errors import CircuitError
from circuit_core.models import tokenizers
from circuit_core.tasks.preview import shown
from circuit_core.tasks.sampling import draw
from circuit_core.tasks.specs import TaskSpec


def main(folder: str, spec: dict[str, Any]) -> None:
    tokenizer, n_vocab = tokenizers.tokenizer(Path(folder)), tokenizers.vocabulary(Path(folder))
    prompts = draw(TaskSpec(**{**spec, "named": tuple(spec["named"])}), tokenizer, n_vocab)
    json.dump([[asdict(row) for row in shown(prompts, tokenizer)], prompts.left_out], sys.stdout)


if __name__ == "__main__":
    try:
        main(*json.load(sys.stdin))
    except CircuitError as error:
        sys.exit(str(error))
