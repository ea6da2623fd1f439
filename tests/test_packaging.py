"""What is installed: three packages, their entry points, and an import that costs and contacts nothing."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import groundwire

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "src": "groundwire",
    "instrumentation": "groundwire_instrumentation",
    "evaluators": "groundwire_evaluators",
}
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
VENDORS = ("openai", "anthropic", "chromadb", "qdrant_client", "cohere", "google.genai", "ollama", "mistralai", "torch")
COSTLY = ("onnxruntime", "genai_prices", "rich", "typer", "httpx", "httpx2", "numpy", "pydantic", "sklearn", "grpc")


def run(program: str) -> str:
    """What the program prints in a new interpreter, in which every network call fails loudly."""
    guard = """
import socket
def _blocked(*args, **kwargs):
    import os, sys, traceback
    traceback.print_stack(); print("NETWORK", args, file=sys.stderr, flush=True); os._exit(3)
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = _blocked
socket.getaddrinfo = socket.create_connection = socket.gethostbyname = _blocked
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", guard + program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- packages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "package"), PACKAGES.items())
def test_each_folder_holds_exactly_one_package(folder: str, package: str) -> None:
    entries = {e.name for e in (ROOT / folder).iterdir() if e.name not in ("__pycache__", ".DS_Store")}
    assert entries == {package}
    assert (ROOT / folder / package / "__init__.py").is_file()


@pytest.mark.parametrize(("folder", "package"), PACKAGES.items())
def test_each_package_is_typed(folder: str, package: str) -> None:
    assert (ROOT / folder / package / "py.typed").is_file()


def test_the_wheel_holds_the_three_packages() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == [f"{folder}/{package}" for folder, package in PACKAGES.items()]


# --- plug-ins -------------------------------------------------------------------------------------------------------


def test_every_provider_file_has_its_entry_point() -> None:
    folder = ROOT / "instrumentation" / "groundwire_instrumentation"
    names = sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))
    package = "groundwire_instrumentation"
    assert PROJECT["project"]["entry-points"]["groundwire.instrumentation"] == {
        name: f"{package}.{name}:PROVIDER" for name in names
    }


def test_every_provider_is_called_by_its_file() -> None:
    for name, target in PROJECT["project"]["entry-points"]["groundwire.instrumentation"].items():
        module, _, attribute = target.partition(":")
        provider = getattr(import_module(module), attribute)
        assert isinstance(provider, groundwire.Provider)
        assert provider.name == name


def test_every_evaluator_entry_point_makes_an_evaluator_of_its_name() -> None:
    for name, target in PROJECT["project"]["entry-points"]["groundwire.evaluators"].items():
        module, _, attribute = target.partition(":")
        make = getattr(import_module(module), attribute)
        if ".adapters." in module and find_spec(name) is None:
            with pytest.raises(groundwire.MissingLibrary, match=f"pip install {name}"):
                make()
            continue
        evaluator = make()
        assert isinstance(evaluator, groundwire.Evaluator)
        assert evaluator.name == name


def test_every_provider_has_an_extra_of_its_distribution() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    for target in PROJECT["project"]["entry-points"]["groundwire.instrumentation"].values():
        provider = import_module(target.partition(":")[0]).PROVIDER
        assert any(requirement.startswith(provider.distribution) for requirement in extras[provider.name])


def test_the_core_asks_for_nothing_else() -> None:
    names = {re.split(r"[<>=\[;]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
    otel = {f"opentelemetry-{part}" for part in ("api", "sdk", "exporter-otlp")}
    assert names == {*otel, "wrapt", "numpy", "httpx", "genai-prices", "rich"}


def test_extras_are_asked_for_as_every_pip_understands_them() -> None:
    """With an underscore, pip before 23.3 installs Groundwire alone, with a warning."""
    extras = {name.replace("_", "-") for name in PROJECT["project"]["optional-dependencies"]}
    folders = [ROOT / folder for folder in ("docs", "examples", "src", "instrumentation", "evaluators")]
    pages = [file for folder in folders for file in folder.rglob("*") if file.suffix in (".md", ".py")]
    pages += [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    wanted = {
        name.strip()
        for page in pages
        for names in re.findall(r"groundwire\[([\w,\s-]+)\]", page.read_text())
        for name in names.split(",")
    }
    assert "llama-index" in wanted
    assert wanted <= extras, wanted - extras


def test_what_the_readme_speaks_of_is_in_the_source_distribution() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / "README.md").read_text())
    kept = ("/README.md", "/LICENSE", "/NOTICE", "/pyproject.toml")  # by whoever builds it
    assert links
    for link in (*links, "Makefile"):
        assert f"/{link}".startswith((*included, *kept)), link


def test_plug_ins_are_loaded_without_the_libraries_that_they_trace() -> None:
    modules = [t.partition(":")[0] for t in PROJECT["project"]["entry-points"]["groundwire.instrumentation"].values()]
    loaded = run(f"import sys\nimport {', '.join(modules)}\nprint(*sys.modules)").split()
    assert not set(loaded) & set(VENDORS)


# --- the public surface ---------------------------------------------------------------------------------------------


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert groundwire.__all__ == sorted(groundwire.__all__)
    assert len(set(groundwire.__all__)) == len(groundwire.__all__)
    for name in groundwire.__all__:
        assert getattr(groundwire, name) is not None


def test_whatever_is_public_is_in_all() -> None:
    public = {
        name
        for name, value in vars(groundwire).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("groundwire")
    }
    assert public <= set(groundwire.__all__)


# --- importing ------------------------------------------------------------------------------------------------------


def test_importing_loads_no_vendor_and_nothing_costly() -> None:
    loaded = run("import groundwire, sys; print(*sys.modules)").split()
    assert "groundwire" in loaded
    assert not set(loaded) & {*VENDORS, *COSTLY}


def test_importing_and_instrumenting_contact_nobody() -> None:
    run(
        """
import sys, time
import groundwire
groundwire.instrument(export="console")
time.sleep(0.5)
loaded = sorted(set(sys.modules) & {"openai", "chromadb", "qdrant_client"})
groundwire.shutdown()
assert not loaded, loaded
"""
    )


def test_importing_prints_nothing() -> None:
    assert run("import groundwire") == ""


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert groundwire.__version__ == version("groundwire")


def test_without_the_extra_local_a_whole_scored_run_needs_no_numpy() -> None:
    code = (
        "import sys\n"
        "sys.modules['onnxruntime'] = None\n"
        "import groundwire\n"
        "groundwire.evaluate(question='How tall?', passages=['It is 330 m tall.'], answer='It is 350 m tall.')\n"
        "assert 'numpy' not in sys.modules, 'importing numpy takes longer than a hundred answers'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
