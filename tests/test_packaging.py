"""What a release is made of: one version, types for those who import the packages, ways to cite it."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from circuit_core import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_written_once():
    """In circuit_core; the package takes it from there, and the newest entry of the changelog is about it."""
    assert "version" not in PROJECT["project"] and "version" in PROJECT["project"]["dynamic"]
    assert (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text().count(f'"{__version__}"') == 1
    newest = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert newest.startswith(f"## [{__version__}]") or newest == "## [Unreleased]"


@pytest.mark.parametrize("folder", PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
def test_every_package_says_that_it_is_typed(folder):
    assert (files(Path(folder).name) / "py.typed").is_file()


def test_the_citation_names_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    (paper,) = citation["references"]
    assert citation["license"] == PROJECT["project"]["license"]
    assert paper["title"] == "LLM Circuit Analyses Are Consistent Across Training and Scale"
    assert [author["family-names"] for author in paper["authors"]] == ["Tigges", "Hanna", "Yu", "Biderman"]


def test_the_workflow_checks_the_oldest_python_that_is_supported():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())
    versions = workflow["jobs"]["check"]["strategy"]["matrix"]["python"]
    assert PROJECT["project"]["requires-python"] == f">={versions[0]}"
    assert any(step.get("run", "").startswith("make check") for step in workflow["jobs"]["check"]["steps"])
