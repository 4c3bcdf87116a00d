"""A shell completes commands, options and their values."""

import os
import shutil
import subprocess
import sys

import pytest
from console import answer

pytestmark = pytest.mark.processes

ASKED = {"COMP_WORDS": "circuit-tui picture st", "COMP_CWORD": "2", "_CIRCUIT_TUI_COMPLETE": "bash_complete"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_of_its_own(tmp_path, shell):
    said = answer(tmp_path, {}, "completion", shell)
    assert said.exit_code == 0 and f"_CIRCUIT_TUI_COMPLETE={shell}_complete" in said.output


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_takes_the_script(tmp_path):
    script = answer(tmp_path, {}, "completion", "bash").output
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""


def test_what_is_completed_is_what_can_be_typed(tmp_path):
    environ = {**os.environ, **ASKED, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", "from circuit_tui.cli import main; main(prog_name='circuit-tui')"]
    said = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.split() == ["plain,study"], said
