"""A folder with a GGUF file stands for what that was converted to, in the user's cache folder, once.

So everything else reads an ordinary checkpoint. What it is converted to lies below a name made of where the file lies
and when it was changed, and bears the folder's own name, which is the model's.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from circuit_core.errors import CircuitError
from circuit_core.models import gguf_files
from circuit_sweep import caller


def converted(folder: Path) -> Path:
    """The folder itself, or that of its converted GGUF file, which is made if it is not there.

    Raises:
        CircuitError: several such files; the extra is not installed; one that cannot be converted.
    """
    file = gguf_files.only_file(folder)
    if file is None:
        return folder
    found = file.stat()
    mark = f"{file.absolute()}|{found.st_ino}|{found.st_size}|{found.st_mtime_ns}|{found.st_ctime_ns}"
    name = hashlib.sha256(mark.encode()).hexdigest()[:16]
    place = Path(platformdirs.user_cache_dir("circuit-tui")) / "gguf" / name / folder.name
    if not place.is_dir():
        if find_spec("gguf") is None:
            raise CircuitError(f"{file} is a GGUF file, and reading one needs: pip install 'circuit-tui[gguf]'.")
        caller.ask("convert_gguf", file=str(file), folder=str(place))
    return place
