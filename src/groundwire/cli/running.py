"""`groundwire run`: an application as Python runs it, traced and scored without a line in it."""

import argparse
import os
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path

from groundwire.call import Capture
from groundwire.errors import ConfigurationError
from groundwire.settings import service_name_of
from groundwire.zero_code import Settings, environment

_ABOUT = """\
Run an application as `python` does, traced and scored, without changing it.

What follows the script or the module is the application's. It is Python's own
process: arguments, tracebacks, signals and exit code are the application's too.
Options of ours come first."""
_EXAMPLE = """\
Examples:
  groundwire run app.py --port 8000
  groundwire run --export traces.jsonl -m uvicorn shop:app"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    parser.usage = "groundwire run [OPTIONS] (SCRIPT | -m MODULE | -c CODE) [ARGUMENTS]"
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="SCRIPT", help="The script, and its arguments.")
    parser.add_argument(
        "-m", dest="module", nargs=argparse.REMAINDER, metavar="MODULE", help="Run a module instead, like `python -m`."
    )
    parser.add_argument(
        "-c", dest="code", nargs=argparse.REMAINDER, metavar="CODE", help="Run this text instead, like `python -c`."
    )
    parser.add_argument(
        "--export", action="append", default=[], metavar="TARGET",
        help="Where spans go: otlp, http://host:4318, grpc://host:4317, traces.jsonl, console; may be "
        "repeated. [default: the environment's endpoint, else the terminal]",
    )  # fmt: skip
    parser.add_argument("--service-name", metavar="NAME", help="[default: the environment's, else the script's name]")
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", action="append", metavar="NAME",
        help="Score with this evaluator; may be repeated. [default: the local ones]",
    )  # fmt: skip
    parser.add_argument("--no-scoring", action="store_true", help="Trace only.")
    parser.add_argument(
        "--sample", type=_share, default=1.0, metavar="SHARE", help="Share of traces that are scored. [default: 1]"
    )
    parser.add_argument("--capture", choices=("full", "scored", "off"), help="How content is treated.")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="LIBRARY", help="Do not trace this one; may be repeated."
    )
    parser.add_argument(
        "--no-steady-context", action="store_true", help="Leave threads and executors without their parent span."
    )


def run(
    *,
    command: Sequence[str],
    module: Sequence[str] | None,
    code: Sequence[str] | None,
    export: Sequence[str],
    service_name: str | None,
    evaluators: Sequence[str] | None,
    no_scoring: bool,
    sample: float,
    capture: Capture | None,
    exclude: Sequence[str],
    no_steady_context: bool,
) -> int:
    """Become the application; the exit code, where that takes another process."""
    rest = list(command[1:] if command[:1] == ["--"] else command)
    if module is not None:
        rest = ["-m", *module, *rest]
    elif code is not None:
        rest = ["-c", *code, *rest]
    if not rest or rest in (["-m"], ["-c"]):
        raise ConfigurationError("nothing to run: name a script, or -m and a module")
    if no_scoring and evaluators:
        raise ConfigurationError("--evaluator and --no-scoring exclude each other")
    settings = Settings(
        service_name=service_name or service_name_of(os.environ, _called(rest)),
        export=tuple(export),
        evaluators=() if no_scoring else tuple(evaluators) if evaluators else None,
        sample=sample,
        capture=capture,
        exclude=tuple(exclude),
        steady_context=not no_steady_context,
    )
    call = [sys.executable, *rest]
    sys.stdout.flush()
    sys.stderr.flush()
    if hasattr(os, "fork"):
        os.execve(sys.executable, call, environment(settings))
    return subprocess.call(call, env=environment(settings))  # Windows cannot replace a process


def _called(rest: Sequence[str]) -> str:
    """What the application is called: the script's name or the module's."""
    if rest[0] == "-m":
        return rest[1].removesuffix(".__main__")
    if rest[0] == "-c":
        return ""
    path = Path(rest[0])
    return path.stem if path.suffix else path.resolve().name


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ArgumentTypeError(f"{text!r} is no share between 0 and 1")
    return value
