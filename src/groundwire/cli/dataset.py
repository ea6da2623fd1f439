"""`groundwire dataset`: cases out of stored traces, and a look at files of cases."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from typing import Any

from groundwire.cli.dataset_text import LISTED, show, validate

_ABOUT = """\
Make datasets of stored answers, and look at them.

A dataset is a file of JSON lines, one case a line: a question, and what is
known of it. groundwire experiment runs an application over one."""
_EXAMPLE = """\
Example:
  groundwire dataset build scored.jsonl --only worst 50 --redact -o cases.jsonl
  groundwire dataset show cases.jsonl"""
_BUILD = """\
Make cases of the RAG answers in stored traces, each question once.

A file that is there is added to: its cases stay as they are, and what it has
already is not added again. The answer of the trace becomes previous_answer; it
is no reference unless --answers-as-reference says that somebody checked it.

--redact replaces e-mail addresses, telephone, card and account numbers, IP
addresses, keys and passwords by placeholders. It finds what has the shape of
these, and no more: look at the file before you share it."""
_BUILT = """\
Example:
  groundwire dataset build scored.jsonl --only failed \\
    --where app.version=1.4 --redact --redact-names people.txt -o cases.jsonl"""
_VALIDATE = """\
Check a file of cases, line by line. Exit code 0: every line is a case; 1: some
are not; 2: none is, or there is no such file."""
_CHECKED = """\
Example:
  groundwire dataset validate cases.jsonl --json"""
_SHOW = "Print the cases of a file, one line each, or one of them in full."
_SHOWN = """\
Example:
  groundwire dataset show cases.jsonl --case 3f2a"""


def options(parser: ArgumentParser) -> None:
    """What the command takes."""
    parser.description, parser.epilog = _ABOUT, _EXAMPLE
    layout = partial(RawDescriptionHelpFormatter, width=80, max_help_position=28)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, told: str, about: str, example: str) -> ArgumentParser:
        return actions.add_parser(
            name, help=told, description=about, epilog=example, formatter_class=layout, allow_abbrev=False
        )

    _build_options(action("build", "Make cases of stored answers.", _BUILD, _BUILT))
    shown = action("show", "Print cases.", _SHOW, _SHOWN)
    shown.add_argument("file", help="A file of cases: .jsonl, .csv, .json; .gz too.")
    shown.add_argument("--case", metavar="ID", help="Only this case, in full; the beginning of its id will do.")
    shown.add_argument("--all", dest="everything", action="store_true", help=f"All cases, not only {LISTED}.")
    shown.add_argument("--json", dest="as_json", action="store_true", help="One JSON object a case, in our format.")
    checked = action("validate", "Check a file of cases.", _VALIDATE, _CHECKED)
    checked.add_argument("file", help="A file of cases: .jsonl, .csv, .json; .gz too.")
    checked.add_argument("--json", dest="as_json", action="store_true", help="Print what was found as one object.")


def _build_options(build: ArgumentParser) -> None:
    build.add_argument("source", nargs="?", help="Traces: a file, folder or pattern; -; jaeger+http://host:16686?...")
    build.add_argument("-o", "--out", metavar="FILE", help="Where the cases go; - prints them. [default: only counted]")
    build.add_argument(
        "--where", metavar="ATTR=VALUE", action="append",
        help="Only answers of which this is so; also !=, >, <, ~. May be repeated. An attribute, an evaluator, "
        "question, answer, model, cost_usd, duration_ms.",
    )  # fmt: skip
    build.add_argument(
        "--only", metavar="WHICH", nargs="+",
        help="failed, passed, worst N or random N: by the scores in the traces.",
    )  # fmt: skip
    build.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="The score that --only goes by; may be repeated. [default: all in the traces]",
    )  # fmt: skip
    build.add_argument("--seed", type=int, default=0, help="Of random N: the same seed draws the same. [default: 0]")
    build.add_argument(
        "--redact", metavar="HOOK", nargs="?", const="", action="append",
        help="Replace private data by placeholders; with package.module:function, which takes a text and returns it, "
        "that too.",
    )  # fmt: skip
    build.add_argument(
        "--redact-names",
        metavar="FILE",
        action="append",
        help="Names to replace as well, one a line. Implies --redact.",
    )
    build.add_argument(
        "--answers-as-reference", action="store_true", help="Take the answers for right ones: somebody checked them."
    )
    build.add_argument("--no-passages", action="store_true", help="Leave out what the answers rested on.")
    build.add_argument("--tag", dest="tags", metavar="TAG", action="append", help="Put on every case; may be repeated.")
    build.add_argument(
        "--slice", dest="slices", metavar="ATTR", action="append",
        help="Keep this attribute as a slice; may be repeated. Model, service.name and app.version are kept.",
    )  # fmt: skip
    build.add_argument("--json", dest="as_json", action="store_true", help="Print what was done as one JSON object.")


def dataset(*, action: str, **asked: Any) -> int:
    """Make cases, or look at them; the exit code."""
    if action == "build":
        from groundwire.cli.dataset_build import build

        return build(**asked)
    return (show if action == "show" else validate)(**asked)
