"""Circuits to and from EAP-IG's two files: JSON (`eap_ig_json`) and .pt (`eap_ig_pt`).

A file is known by its content, not by its name. Writing what was read gives the same content; the forms that EAP-IG had
before are read too, and written in the one that it has. torch is imported for .pt only, and reads tensors and plain
values only: a pickle with code in it is refused.
"""

import codecs
import io
import json
from collections.abc import Mapping
from pathlib import Path

from circuit_core import untrusted_files
from circuit_core.errors import FormatError, UnreadableFile
from circuit_core.formats import eap_ig_json, eap_ig_pt
from circuit_core.formats.circuit_file import CircuitFile
from circuit_core.formats.eap_ig_config import check, described, need, shape
from circuit_core.formats.extra_keys import plain
from circuit_core.graph import Graph
from circuit_core.models.weights import endless_pickles

PICKLED = (b"PK", b"\x80")
"""How a .pt file begins: as a zip archive, or in the older form as a pickle."""


def read(path: Path, expected: Graph | None = None, sizes: Mapping[str, int] | None = None) -> CircuitFile:
    """Read either format.

    Args:
        expected: the model's graph.
        sizes: other numbers of the model, by their names in `cfg`, such as `d_model`.

    Raises:
        FormatError: unreadable, incomplete, of another model than expected, or with what JSON cannot hold.
    """
    try:
        circuit = parse(untrusted_files.content(path, untrusted_files.BESIDE), expected, sizes)
        plain(circuit.extra)
        return circuit
    except UnreadableFile as error:
        raise FormatError(str(error)) from error
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def parse(content: bytes, expected: Graph | None = None, sizes: Mapping[str, int] | None = None) -> CircuitFile:
    """What a file of either format holds; see `read`. Raises: FormatError."""
    if pickled := content.startswith(PICKLED):
        import torch

        try:
            endless_pickles.check(io.BytesIO(content))
            document = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as error:
            raise FormatError(
                "It is a damaged .pt file, or holds more than tensors and plain values: code in a file is never run."
            ) from error
    else:
        text = "It is neither a .pt file nor whole JSON"
        try:
            document = untrusted_files.parsed(content.removeprefix(codecs.BOM_UTF8), text)
        except UnreadableFile as error:
            raise FormatError(str(error)) from error
    cfg = need(document, "cfg", "The file")
    graph, _ = shape(cfg, expected)
    if expected not in (None, graph):
        raise FormatError(f"The circuit is of {described(graph)}; the model has {described(expected)}.")
    check(cfg, sizes or {})
    return (eap_ig_pt if pickled else eap_ig_json).parse(document)


def write_json(circuit: CircuitFile, path: Path) -> None:
    """Raises: FormatError, if a further key holds what JSON cannot."""
    path.write_text(json.dumps(eap_ig_json.document(circuit), allow_nan=False))


def write_pt(circuit: CircuitFile, path: Path) -> None:
    import torch

    whole = io.BytesIO()
    torch.save(eap_ig_pt.tensors(circuit), whole)
    path.write_bytes(whole.getvalue())
