"""What `groundwire score` takes."""

from argparse import ArgumentParser, ArgumentTypeError

from groundwire.filters import FORM
from groundwire.pipeline.selection import TIME_FORM


def scoring_options(parser: ArgumentParser) -> None:
    """All but the judge's."""
    parser.add_argument("source", help="A file, folder or pattern; -; {jaeger,tempo,zipkin,phoenix}+http://host:port.")
    parser.add_argument(
        "-o", "--out", metavar="OUT",
        help="Where the scores go: a file (scored.jsonl; .parquet and .csv are tables), -, otlp+http://host:4318 "
        "or phoenix+http://host:6006. "
        "Without it: only the summary is printed.",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--evaluator", dest="evaluators", metavar="NAME", action="append",
        help="Instead of the defaults; may be repeated. A name, or package.module:object for one of your own.",
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", metavar="RULE", action="append",
        help="Exit with 1 unless it holds; may be repeated. NAME: no answer is below the evaluator's own threshold; "
        "NAME:0.5: none is below 0.5; NAME:mean:0.8: the mean is no lower; NAME:passed:0.95: so large a share passes; "
        "NAME:scored:0.9: so large a share has a score.",
    )  # fmt: skip
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print the summary as one JSON object.")
    _choosing(parser)
    _running(parser)


def _choosing(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("which answers")
    group.add_argument(
        "--where", metavar="CONDITION", action="append",
        help=f"{FORM}. An attribute of the answer's span, the request's root or the resource; also model, question, "
        "answer. May be repeated: all must hold.",
    )  # fmt: skip
    group.add_argument(
        "--sample", metavar="SHARE", type=_share, default=1.0,
        help="Score this share of the traces, in [0, 1]: the same ones every time, and live. [default: all]",
    )  # fmt: skip
    group.add_argument("--since", metavar="TIME", help=f"Answers that began then or later: {TIME_FORM}.")
    group.add_argument("--until", metavar="TIME", help="Answers that began before.")
    group.add_argument("--limit", metavar="N", type=_from_one, help="At most so many answers, the same every time.")
    group.add_argument("--force", action="store_true", help="Judge again what the source has judgements of.")


def _running(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("how it runs")
    group.add_argument(
        "--dry-run", action="store_true", help="Tell what would be scored, and what a judge would cost; score nothing."
    )
    group.add_argument(
        "--max-cost", metavar="USD", type=_amount,
        help="Stop before judging passes this; what is done is kept and written.",
    )  # fmt: skip
    group.add_argument(
        "--max-errors", metavar="N", type=_from_zero,
        help="Stop when more judgements broke; as many, with what could not be read, are no failure. "
        "[default: go on, and exit with 3]",
    )  # fmt: skip
    group.add_argument("--workers", metavar="N", type=_from_one, default=1, help="Processes. [default: 1]")
    group.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="Where it runs. ray needs the extra of that name."
    )
    group.add_argument("--ray-address", metavar="ADDRESS", help="Of a running cluster. [default: one of its own]")
    group.add_argument(
        "--work", metavar="FOLDER",
        help="Where an unfinished run is kept. [default: beside the output, else in the cache]",
    )  # fmt: skip
    group.add_argument("--restart", action="store_true", help="Throw away what an unfinished run has kept.")


def _share(text: str) -> float:
    number = _amount(text)
    if number > 1.0:
        raise ArgumentTypeError(f"{text!r} is no share in [0, 1]")
    return number


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no number from 0 on")
    return number


def _from_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _from_zero(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)
