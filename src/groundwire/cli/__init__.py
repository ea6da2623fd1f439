"""The `groundwire` command. A verb is one file; only the verb that was asked for is imported.

The file of a verb has two functions: `options` declares what the verb takes, and the function of the verb's name does
the work and returns the exit code.

Exit codes, for all verbs: 0 done; 1 a gate that was asked for did not hold; 2 a mistake in what was asked, or nothing
to work on; 3 done in part: something could not be read or scored; 130 interrupted; 143 terminated.
"""

import importlib
import os
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NoReturn

from groundwire.errors import GroundwireError
from groundwire.replacing import STANDARD_OUTPUT
from groundwire.terminal import inert
from groundwire.version import __version__

__all__ = ["main"]

_VERBS: dict[str, str] = {
    "demo": "See a small RAG application traced and scored; no key needed.",
    "show": "Print stored traces, the worst first.",
    "score": "Score the answers in stored traces, and write the scores back.",
    "chains": "Print question, passages and answer of every RAG call.",
    "compare": "Compare two runs: is the second worse, by more than chance?",
    "drift": "Tell whether answers changed over time, and keep their limits.",
    "report": "Write a run, or two compared, as one HTML file.",
    "dataset": "Make cases of stored answers, and look at files of cases.",
    "experiment": "Run an application over a dataset, and judge its answers.",
    "agree": "Compare an evaluator with labels that people gave.",
    "run": "Run an application traced and scored, without changing it.",
    "doctor": "Tell what is installed, traced, exported, and wrong.",
}
_FILES = {"run": "running"}
"""Verbs whose file is called otherwise: this package has a `run` of its own."""
_EXAMPLE = "groundwire score traces.jsonl -o scored.jsonl && groundwire show scored.jsonl"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit."""
    if "" not in sys.path:
        sys.path.append("")  # `-e judges:polite` means judges.py in this folder; last, it hides nothing installed
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _terminated(number: int, _: object) -> NoReturn:
    """End as on a mistake, so that nothing is left in the folder for temporary files; what is kept to go on is kept."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # once is enough: the second time at once
    sys.exit(128 + number)


def run(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Traces hold any text; a terminal's encoding may not. A question mark is better than no output.
        _reconfigure(stream, errors="replace")
    verb = next(iter(arguments), "--help")
    if verb in ("--help", "-h", "help"):
        if len(arguments) > 1 and arguments[1] in _VERBS:
            return _run_verb(arguments[1], ["--help"])
        print(_help())
        return 0 if arguments else 2
    if verb in ("--version", "-V"):
        print(f"groundwire {__version__}")
        return 0
    if verb not in _VERBS:
        return _fail("groundwire", f"no command {verb!r}; there are {', '.join(_VERBS)}", "groundwire --help")
    return _run_verb(verb, list(arguments[1:]))


def _reconfigure(stream: object, **how: str) -> None:
    if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
        reconfigure(**how)


def _help() -> str:
    width = max(map(len, _VERBS))
    commands = "\n".join(f"  {verb:<{width}}  {told}" for verb, told in _VERBS.items())
    return f"""\
Usage: groundwire COMMAND [OPTIONS]

Tells whether the answers of a RAG application are true to their sources.

Commands:
{commands}

Example:
  {_EXAMPLE}

groundwire COMMAND --help tells more; --version prints the version."""


def _run_verb(verb: str, arguments: list[str]) -> int:
    title = f"groundwire {verb}"
    try:
        code = _parse_and_call(verb, title, arguments)
        sys.stdout.flush()
        return code
    except GroundwireError as error:
        return _fail(title, str(error))
    except BrokenPipeError:
        _discard_output()  # the reader has seen enough (`| head`)
        return 141
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.filename is not None:
            return _fail(title, f"cannot read or write {error.filename} ({error.strerror or error})")
        _discard_output()
        return _fail(title, f"cannot read or write, standard output perhaps ({error.strerror or error})")
    except ModuleNotFoundError as error:
        return _fail(title, f"needs {error.name}, which is not installed", f"pip install {error.name}")
    except Exception as error:
        if os.environ.get("GROUNDWIRE_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return _fail(title, f"a mistake of ours: {what}; GROUNDWIRE_TRACEBACK=1 shows where")


def _discard_output() -> None:
    """Have nobody get what is still to be written: Python would complain when it flushes at exit."""
    with suppress(OSError):  # it may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse_and_call(verb: str, title: str, arguments: list[str]) -> int:
    module = importlib.import_module(f"groundwire.cli.{_FILES.get(verb, verb)}")
    function: Callable[..., int] = getattr(module, verb)
    layout = partial(RawDescriptionHelpFormatter, width=80, max_help_position=28)
    parser = _Parser(title, formatter_class=layout, allow_abbrev=False)
    module.options(parser)
    try:
        found, unknown = parser.parse_known_args(arguments)
        if unknown:
            option = next((u for u in unknown if u.startswith("-")), None)
            parser.error(f"No such option: {option}" if option else f"Unexpected argument: {unknown[0]}")
    except SystemExit as end:  # the help was printed, or what is wrong
        return int(end.code or 0)
    asked = vars(found)
    if asked.get("out") in STANDARD_OUTPUT:
        asked["out"] = "-"
    if asked.get("as_json") or asked.get("out") == "-":
        # As programs exchange text, whatever a terminal can show: RFC 8259, section 8.1.
        _reconfigure(sys.stdout, encoding="utf-8", errors="replace")
    return function(**asked)


class _Parser(ArgumentParser):
    """Tells a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        message = message.replace("the following arguments are required:", "Missing argument:")
        self.exit(_fail(self.prog, message, f"{self.prog} --help"))


def _fail(title: str, what: str, next_step: str = "") -> int:
    told = inert(" ".join(what.split()))  # a name, a line or a reply of others may be quoted in it
    print(f"{title}: {told}" + (f" (see {next_step})" if next_step else ""), file=sys.stderr)
    return 2
