"""The lists of dependencies say the same, and the core needs no Jupyter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"}
MACOS = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"}
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def project() -> dict[str, Any]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(table, dict)
    return table


def declared() -> dict[str, Requirement]:
    """All requirements of pyproject.toml, extras included, by canonical name."""
    table = project()
    lines = list(table["dependencies"])
    for extra in table["optional-dependencies"].values():
        lines += extra
    found: dict[str, Requirement] = {canonicalize_name(r.name): r for r in map(Requirement, lines)}
    found.pop(canonicalize_name(table["name"]))  # `dev` takes in the other extras
    return found


def locked() -> list[Requirement]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def wanted(requirement: Requirement, system: dict[str, str], python: str) -> bool:
    environment = {**system, "python_version": python, "python_full_version": f"{python}.9"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def installed_on(system: dict[str, str], python: str) -> dict[str, str]:
    """Name to version of what the lock file installs on one kind of machine."""
    pins: dict[str, str] = {}
    for requirement in locked():
        if wanted(requirement, system, python):
            name = canonicalize_name(requirement.name)
            assert name not in pins, f"{name} is pinned twice for {python} on {system}"
            pins[name] = str(requirement.specifier).removeprefix("==")
    return pins


def test_conda_environment_lists_what_pyproject_lists() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == project()["name"]
    conda = [d for d in environment["dependencies"] if isinstance(d, str)]
    assert f"python{project()['requires-python']}" in conda
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert pip[-1] == "-e ."
    listed = {canonicalize_name(r.name): r for r in map(Requirement, pip[:-1])}
    assert {n: str(r) for n, r in listed.items()} == {n: str(r) for n, r in declared().items()}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", [LINUX, MACOS, WINDOWS], ids=["linux", "macos", "windows"])
def test_lock_satisfies_every_declared_dependency(system: dict[str, str], python: str) -> None:
    pins = installed_on(system, python)
    for name, requirement in declared().items():
        if not wanted(requirement, system, python):
            continue
        assert name in pins, f"{name} is missing from requirements.lock"
        assert requirement.specifier.contains(pins[name]), f"{name}=={pins[name]}"


def test_lock_pins_cuda_libraries_on_linux_only() -> None:
    cuda = re.compile(r"^(nvidia-|cuda-|triton$)")
    assert any(cuda.match(name) for name in installed_on(LINUX, "3.11"))
    for system in (MACOS, WINDOWS):
        assert [name for name in installed_on(system, "3.11") if cuda.match(name)] == []


def test_lock_names_packages_and_nothing_of_a_machine() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"://|file:|^\s*-|^/| @ ", text, flags=re.MULTILINE) == []
    assert all(str(r.specifier).startswith("==") for r in locked())


def test_decoder_is_installed_once() -> None:
    names = {canonicalize_name(r.name) for r in locked()}
    assert "decord2" in names
    assert "decord" not in names, "decord and decord2 overwrite each other's module"


@pytest.mark.parametrize("module", ["sdc_lib", "sdc_lib.commands.app", "sdc_lib.commands.doctor"])
def test_core_needs_neither_matplotlib_nor_jupyter(module: str) -> None:
    heavy = ("matplotlib", "ipywidgets", "IPython", "jupyterlab", "jupyter_core", "papermill")
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_ci_runs_one_script_on_every_supported_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert tuple(job["strategy"]["matrix"]["python"]) == PYTHONS
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_command_is_declared() -> None:
    assert project()["scripts"] == {"sdc": "sdc_lib.commands.app:main"}
