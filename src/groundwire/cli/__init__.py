"""The `groundwire` command. A verb is one file; only the verb that was asked for is imported.

Exit codes, for all verbs: 0 done; 1 a gate that was asked for did not hold; 2 a mistake in what was asked, or nothing
to work on; 3 done in part: something could not be read or scored; 130 interrupted.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from groundwire.errors import GroundwireError
from groundwire.version import __version__

__all__ = ["main"]

_VERBS: dict[str, tuple[str, str]] = {
    "demo": ("groundwire.cli.demo:demo", "See a small RAG application traced and scored; no key needed."),
    "show": ("groundwire.cli.show:show", "Print stored traces, the worst first."),
    "score": ("groundwire.cli.score:score", "Score the answers in stored traces, and write the scores back."),
    "chains": ("groundwire.cli.chains:chains", "Print question, passages and answer of every RAG call."),
    "agree": ("groundwire.cli.agree:agree", "Compare an evaluator with labels that people gave."),
    "doctor": ("groundwire.cli.doctor:doctor", "Tell what is installed, traced, exported, and wrong."),
}
_EXAMPLE = "groundwire score traces.jsonl -o scored.jsonl && groundwire show scored.jsonl"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Traces hold any text; a terminal's encoding may not. A question mark is better than no output.
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
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


def _help() -> str:
    width = max(map(len, _VERBS))
    commands = "\n".join(f"  {verb:<{width}}  {told}" for verb, (_, told) in _VERBS.items())
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
        code = command(verb).main(args=arguments, prog_name=title, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except GroundwireError as error:
        return _fail(title, str(error))
    except BrokenPipeError:
        # The reader has seen enough (`| head`). Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        return _fail(title, f"needs {error.name}, which is not installed", f"pip install {error.name}")
    except Exception as error:
        if (told := getattr(error, "format_message", None)) is not None:  # click's, or typer's own copy of it
            return _fail(title, " ".join(str(told()).split()), f"{title} --help")
        if type(error).__name__ == "Abort":
            return 130
        if os.environ.get("GROUNDWIRE_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return _fail(title, f"a mistake of ours: {what}; GROUNDWIRE_TRACEBACK=1 shows where")


def command(verb: str) -> Any:
    """The click command of a verb."""
    import typer

    module, _, name = _VERBS[verb][0].partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    application = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    application.command(context_settings={"help_option_names": ["-h", "--help"]})(function)
    return typer.main.get_command(application)


def _fail(title: str, what: str, next_step: str = "") -> int:
    print(f"{title}: {' '.join(what.split())}" + (f" (see {next_step})" if next_step else ""), file=sys.stderr)
    return 2
