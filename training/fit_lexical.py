"""Fit the lexical evaluators and print their cross-validated figures.

    python training/fit_lexical.py faithfulness ../shared/data
    python training/fit_lexical.py context_relevance ../shared/data
    python training/fit_lexical.py answer_relevance ../shared/data

Needs scikit-learn (dependency group `fit`). Writes `evaluators/groundwire_evaluators/weights/<name>.json`.
"""

import argparse
from pathlib import Path

import fit_faithfulness
import fit_relevance

_STEPS = {
    "faithfulness": fit_faithfulness.fit,
    "context_relevance": fit_relevance.fit_context,
    "answer_relevance": fit_relevance.fit_answer,
}


def main() -> None:
    """Fit one evaluator, or all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evaluator", choices=[*_STEPS, "all"])
    parser.add_argument("data", type=Path, help="directory with the labelled sets")
    parser.add_argument("--zero-shot", action="store_true", help="also fit on RAGTruth alone and score every other set")
    parser.add_argument("--dry-run", action="store_true", help="print the figures, write no weights")
    args = parser.parse_args()
    for name in _STEPS if args.evaluator == "all" else [args.evaluator]:
        _STEPS[name](args.data, zero_shot=args.zero_shot, write=not args.dry_run)


if __name__ == "__main__":
    main()
