"""`groundwire doctor`: what is installed, what will be traced, where spans go, and what is wrong."""

import os
import platform
import re
import socket
from argparse import ArgumentParser
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit

from groundwire.beside import Other, active, first_that_traces, installed
from groundwire.errors import MissingLibrary
from groundwire.plugins import evaluator, evaluator_names, is_installed, provider, provider_names
from groundwire.settings import CAPTURE_VARIABLE, read_environment
from groundwire.terminal import json_line
from groundwire.version import __version__

_TIMEOUT_S = 1.0
_DISTRIBUTIONS = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp", "wrapt", "genai-prices")
_SECRET = ("KEY", "HEADERS", "TOKEN", "SECRET", "PASSWORD")
_ABOUT = """\
Tell what is installed, what will be traced, where spans go, and what is wrong.

Connects to the OTLP endpoint that the environment names, and to nothing else.
Exit code 3 if something is wrong."""
_EXAMPLE = """\
Example:
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 groundwire doctor"""


@dataclass(frozen=True, slots=True)
class Traced:
    """A library that we can trace."""

    name: str
    library: str
    installed: str | None
    """Its version; None where it is not installed."""
    error: str | None = None
    aside_for: str | None = None
    """The instrumentor that traces it in this process: ours stands aside."""
    others: tuple[str, ...] = ()
    """Instrumentors that are installed: ours stands aside where one of them is active."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where spans go by the environment."""

    url: str
    protocol: str
    answers: bool
    error: str | None = None


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print everything as one JSON object.")


def doctor(*, as_json: bool) -> int:
    """Tell what is installed, traced, exported, and wrong; the exit code."""
    problems: list[str] = []
    versions = {"groundwire": __version__, "python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        found = _version(name)
        if found is None:
            problems.append(f"{name} is not installed: pip install {name}")
        versions[name] = found or "missing"
    now, there = active(), installed()
    libraries = [_traced(name, now, there) for name in provider_names()]
    problems += [f"provider {t.name} cannot be loaded: {t.error}" for t in libraries if t.error]
    if not any(t.installed for t in libraries):
        wanted = ", ".join(t.library for t in libraries)
        problems.append(f"no library that we trace is installed ({wanted}): spans come from your own code alone")
    judges = {name: _evaluator_state(name) for name in evaluator_names()}
    problems += [f"evaluator {name} {state}" for name, state in judges.items() if state.startswith("cannot")]
    if not judges:
        problems.append("no evaluator is installed: pip install --force-reinstall groundwire")
    endpoint = _endpoint()
    if endpoint is not None and not endpoint.answers:
        problems.append(
            f"nothing answers at {endpoint.url} ({endpoint.error}): start a collector or Jaeger there, "
            "or change OTEL_EXPORTER_OTLP_ENDPOINT"
        )
    problems += _environment_problems()
    variables = {name: _masked(name) for name in sorted(os.environ) if name.startswith(("OTEL_", "GROUNDWIRE_"))}
    if as_json:
        found_all = {
            "versions": versions,
            "libraries": [asdict(t) for t in libraries],
            "evaluators": judges,
            "endpoint": None if endpoint is None else asdict(endpoint),
            "environment": variables,
            "problems": problems,
        }
        print(json_line(found_all))
    else:
        print("\n".join(_lines(versions, libraries, judges, endpoint, variables, problems)))
    return 3 if problems else 0


def _lines(
    versions: dict[str, str],
    libraries: list[Traced],
    judges: dict[str, str],
    endpoint: Endpoint | None,
    variables: dict[str, str],
    problems: list[str],
) -> list[str]:
    lines = ["installed", *(f"  {name:<28} {found}" for name, found in versions.items()), "", "traced"]
    for t in libraries:
        state = f"broken: {t.error}" if t.error else t.installed or f"not installed (pip install {t.library})"
        lines.append(f"  {t.name:<28} {state}{_beside(t)}")
    lines += ["", "evaluators", *(f"  {name:<28} {state}" for name, state in judges.items()), "", "spans go"]
    if endpoint is None:
        lines.append("  to the terminal: the environment names no OTLP endpoint, unless your code says export=...")
    else:
        state = "answers" if endpoint.answers else f"does not answer: {endpoint.error}"
        lines.append(f"  {endpoint.url} ({endpoint.protocol})  {state}")
    if variables:
        lines += ["", "environment", *(f"  {name}={value}" for name, value in variables.items())]
    lines += ["", "problems", *(f"  - {problem}" for problem in problems)] if problems else ["", "no problems found"]
    return lines


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _beside(t: Traced) -> str:
    if t.aside_for is not None:
        return f"  not by us: {t.aside_for} traces it, and its answers are scored"
    if t.installed and t.others:
        return f"  by {' or '.join(t.others)} where that is active, else by us"
    return ""


def _traced(name: str, now: list[Other], there: list[Other]) -> Traced:
    try:
        found = provider(name)
        library = None
        if is_installed(found):
            library = _version(found.distribution) or "version unknown"
        other = first_that_traces(found, now)
        aside_for = None if other is None else f"{other.name} of {other.module}"
        others = tuple(o.name for o in there if o.traces(found))
        return Traced(name, found.distribution, library, aside_for=aside_for, others=others)
    except Exception as error:  # somebody else's plug-in
        return Traced(name, name, None, f"{type(error).__name__}: {error}")


def _evaluator_state(name: str) -> str:
    try:
        return f"v{evaluator(name).version}"
    except MissingLibrary as error:  # an adapter for those who have the library: no mistake if one does not
        return f"not installed (pip install {error.distribution})"
    except Exception as error:
        return f"cannot be loaded: {type(error).__name__}: {error}"


def _endpoint() -> Endpoint | None:
    environment = read_environment()
    url = environment.otlp_endpoint
    if url is None:
        return None
    parts = urlsplit(url if "://" in url else f"//{url}")
    shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if _has_port(url) else "") if parts.scheme else url
    default = 4317 if environment.otlp_protocol == "grpc" else {"http": 80, "https": 443}.get(parts.scheme, 4318)
    try:
        port = parts.port or default
        socket.create_connection((parts.hostname or "", port), timeout=_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        return Endpoint(shown, environment.otlp_protocol, False, getattr(error, "strerror", None) or str(error))
    return Endpoint(shown, environment.otlp_protocol, True)


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url if "://" in url else f"//{url}").port is not None
    except ValueError:
        return False


def _environment_problems() -> list[str]:
    problems: list[str] = []
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        problems.append("OTEL_SDK_DISABLED=true: nothing is recorded; unset it")
    exporters = read_environment().traces_exporters
    if exporters == ("none",):
        problems.append("OTEL_TRACES_EXPORTER=none: nothing is exported, unless your code says export=...")
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")
    url = _without_password(read_environment().otlp_endpoint or "")
    if protocol != "grpc" and url.rstrip("/").endswith(":4317"):
        problems.append(
            f"{url} is usually the gRPC port, and the protocol is http/protobuf: use port 4318, "
            "or OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
        )
    if protocol == "grpc" and url.rstrip("/").endswith(":4318"):
        problems.append(
            f"{url} is usually the HTTP port, and the protocol is grpc: use port 4317, "
            "or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        )
    capture = os.environ.get(CAPTURE_VARIABLE, "").strip()
    if capture.upper() in ("NO_CONTENT", "EVENT_ONLY", "FALSE", "0"):
        problems.append(
            f"{CAPTURE_VARIABLE}={capture}: answers are scored, but texts are not exported, "
            "so stored traces cannot be scored again"
        )
    return problems


def _masked(name: str) -> str:
    return "(set)" if any(word in name for word in _SECRET) else _without_password(os.environ[name])


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//(user)@", url)
