"""A folder with one GGUF file and no config.json stands for what that was converted to, in the user's cache, once.

So everything else reads an ordinary checkpoint. What it is converted to (`loading.gguf_conversion`) lies below a name
made of where the file lies and when it was changed, and bears the folder's own name, which is the model's.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from circuit_core.errors import CircuitError, UnknownModel
from circuit_core.untrusted_files import there
from circuit_sweep import caller


def converted(folder: Path) -> Path:
    """The folder itself, or that of its converted GGUF file, which is made if it is not there.

    Raises:
        UnknownModel: several such files.
        CircuitError: the extra is not installed; a file that cannot be converted.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return folder
    files = [name for name in names if name.lower().endswith(".gguf") and there(folder / name)]
    if not files or "config.json" in names:
        return folder
    if len(files) > 1:
        raise UnknownModel(
            f"{folder} has {len(files)} GGUF files, {', '.join(files[:3])}: move the one to be computed into a folder "
            "of its own; parts of one model are joined by `llama-gguf-split --merge`."
        )
    file = folder / files[0]
    found = file.stat()
    mark = f"{file.absolute()}|{found.st_ino}|{found.st_size}|{found.st_mtime_ns}|{found.st_ctime_ns}"
    name = hashlib.sha256(mark.encode()).hexdigest()[:16]
    place = Path(platformdirs.user_cache_dir("circuit-tui")) / "gguf" / name / folder.name
    if not place.is_dir():
        if find_spec("gguf") is None:
            raise CircuitError(f"{file} is a GGUF file, and reading one needs: pip install 'circuit-tui[gguf]'.")
        caller.ask("convert_gguf", file=str(file), folder=str(place))
    return place
