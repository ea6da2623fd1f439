"""The options by which a verb takes a model as judge of faithfulness."""

from argparse import ArgumentParser


def judge_options(parser: ArgumentParser) -> None:
    """`--judge`, `--judge-url` and `--judge-budget`."""
    group = parser.add_argument_group("a model as judge of faithfulness")
    group.add_argument(
        "--judge", metavar="MODEL", help="Ask this model instead of the local evaluator; one call an answer, cached."
    )
    group.add_argument(
        "--judge-url", metavar="URL",
        help="Where it is, as an SDK takes it: http://localhost:11434/v1. [default: the vendor's]",
    )  # fmt: skip
    group.add_argument(
        "--judge-budget",
        metavar="USD",
        type=float,
        help="What judging may cost a day, of all runs. [default: no limit]",
    )
