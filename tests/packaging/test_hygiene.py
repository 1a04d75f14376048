"""What must hold for the files of the project themselves."""

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+")
CONSTRAINTS = ("constraints.txt", "benchmarks/constraints.txt")


def tracked_files() -> list[Path]:
    """Files of the working tree that git tracks or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout")
    paths = {ROOT / name for name in found.stdout.decode().split("\0") if name}
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_are_pins_and_nothing_else(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert lines
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert len(names) == len(set(names))


def test_every_requirement_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {canonicalize_name(key): version for name in CONSTRAINTS for key, version in pins(name).items()}
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["bench"]]
    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} has no pin"
        assert version in requirement.specifier, f"{requirement} and its pin {version} disagree"


def test_installed_versions_are_the_pinned_ones() -> None:
    for name, version in pins("constraints.txt").items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # of another platform or Python
        assert installed == version, f"{name} {installed} is installed, {version} is pinned"


def test_no_file_names_a_package_index_or_a_path_of_a_machine() -> None:
    # Joined here so that this file does not find itself.
    words = ["pypi" + ".org", "python" + "hosted", "index" + "-url", "find" + "-links", "trusted" + "-host"]
    pattern = re.compile("|".join(map(re.escape, words)) + r"|(?<![\w.])/(?:root|work|home/[a-z]+)/")
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


def test_version_is_written_once_and_told_the_same_everywhere() -> None:
    import admf

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert admf.__version__ == project["version"]
    assert f"## {admf.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
