"""What the terminal, which never imports torch, asks of a process of its own that may: one call, one reply, as JSON.

`python -m circuit_sweep`, without a store, reads the call from standard input and prints the reply:

    {"call": "import_circuit", "given": {"store": ..., "name": ..., ...}}
    {"found": {"circuit": ..., "edges": ..., "file": ...}}    or    {"error": "one sentence for the user"}

Whatever goes wrong is an `error`: a process that ends without a reply has died. `caller.ask` is the other side.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from circuit_core.errors import CircuitError, first_line
from circuit_core.tasks.specs import TaskSpec
from circuit_store.errors import StoreError


def reply(text: str) -> str:
    """Do what a call says; returns the reply. What is given are the arguments of the function that does it."""
    call = json.loads(text)
    try:
        return json.dumps({"found": _found(call["call"], call["given"])})
    except OSError as error:
        said = f"{error.filename} cannot be used ({error.strerror})."
    except (CircuitError, StoreError, ValueError) as error:
        said = str(error)
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
    return json.dumps({"error": said})


def _found(call: str, given: dict[str, Any]) -> Any:
    """Raises: ValueError, if there is no such call; whatever goes wrong with it."""
    given |= {name: Path(given[name]) for name in ("store", "file", "folder") if name in given}
    match call:
        case "export_circuit":
            from circuit_sweep import circuit_files

            return circuit_files.export(**given)
        case "import_circuit":
            from circuit_sweep import circuit_files

            return circuit_files.import_file(**given)
        case "refresh_trends":
            from circuit_store.store import close_writer, open_to_write
            from circuit_sweep.runner import update_trends

            db = open_to_write(given["store"])
            for model in given["models"]:
                update_trends.refresh(db, model)
            close_writer(db)
        case "preview_prompts":
            from circuit_core.models.tokenizers import tokenizer, vocabulary
            from circuit_core.tasks.preview import shown
            from circuit_core.tasks.sampling import draw

            folder, task = given["folder"], TaskSpec(**given["task"] | {"named": tuple(given["task"]["named"])})
            words = tokenizer(folder)
            prompts = draw(task, words, vocabulary(folder))
            return {"prompts": [asdict(row) for row in shown(prompts, words)], "left_out": prompts.left_out}
        case "convert_gguf":
            from circuit_core.loading import gguf_conversion

            gguf_conversion.convert(**given)
        case _:
            raise ValueError(f"There is no call {call}.")
