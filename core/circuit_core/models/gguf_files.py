"""A folder with one GGUF file and no config.json is a checkpoint, too: which file that is, without reading it.

It is converted once (`loading.gguf_conversion`), and what comes of that is read as any other checkpoint.
"""

from pathlib import Path

from circuit_core.errors import UnknownModel
from circuit_core.untrusted_files import there


def only_file(folder: Path) -> Path | None:
    """The GGUF file that is the folder's checkpoint; None if it has a config.json or no such file.

    Raises:
        UnknownModel: there are several.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return None
    found = [name for name in names if name.lower().endswith(".gguf") and there(folder / name)]
    if not found or "config.json" in names:
        return None
    if len(found) > 1:
        raise UnknownModel(
            f"{folder} has {len(found)} GGUF files, {', '.join(found[:3])}: move the one to be computed into a folder "
            "of its own; parts of one model are joined by `llama-gguf-split --merge`."
        )
    return folder / found[0]
