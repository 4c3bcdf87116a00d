"""What a command does not import: the answer to --version must not wait for torch."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

HEAVY = {"torch", "textual", "numpy", "transformers", "transformer_lens", "sqlite_utils", "regex"}
LIGHT = [
    "circuit_core.errors",
    "circuit_core.models.suites",
    "circuit_core.models.checkpoints",
    "circuit_core.attribution.methods",
    "circuit_core.tasks.specs",
    "circuit_sweep.planning.missing",
    "circuit_sweep.planning.analyses",
    "circuit_sweep.planning.request",
    "circuit_sweep.planning.model_sources",
    "circuit_sweep.planning.task_names",
    "circuit_core.formats.eap_ig",
    "circuit_core.formats.drawn_circuit",
    "circuit_core.tasks.user_files",
    "circuit_core.trends.emergence",
    "circuit_core.trends.figures",
    "circuit_core.trends.floors",
    "circuit_core.trends.handoffs",
    "circuit_core.trends.tasks",
    "circuit_sweep.runner.launch",
]


def imported(code: str, env: dict[str, str] | None = None) -> set[str]:
    """Modules of a fresh process after `code`."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "args", [["--version"], ["--help"], ["info"], ["run", "--help"], ["models"], ["show", "heads", "--csv"]], ids=str
)
def test_a_light_command_imports_nothing_heavy(shell, args):
    """Invariant: these commands answer from the standard library and click alone."""
    code = f"from circuit_tui.cli import main\ntry: main({args!r})\nexcept SystemExit as end: assert not end.code"
    found = imported(code, shell.env)
    assert "circuit_tui.cli" in found and not HEAVY & found


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_no_torch(module):
    """Invariant: what the explorer may import of the mathematics brings no tensor library."""
    found = imported(f"import {module}")
    assert module in found and not {"torch", "transformers", "transformer_lens", "textual"} & found


def test_the_explorer_module_imports_no_torch():
    """Invariant: opening the explorer does not load torch."""
    assert not {"torch", "transformers", "transformer_lens", "regex"} & imported("import circuit_tui.explorer.app")
