"""sqlite-utils, by which tables are made, without pandas.

It imports pandas wherever that is installed, for kinds of values that no store holds: 75 MB more in every process that
makes a store or merges one. Who has imported pandas already keeps it.
"""

import sys

_UNUSED = "pandas"

_known = _UNUSED in sys.modules
sys.modules.setdefault(_UNUSED, None)  # type: ignore[arg-type]  # cannot be imported
try:
    from sqlite_utils import Database
finally:
    if not _known:
        del sys.modules[_UNUSED]

__all__ = ["Database"]
