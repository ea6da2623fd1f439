"""Figures that others published for their own evaluators: on their split, not ours.

No line here compares with a table of this benchmark, nor do lines of different protocols with each other.
"""

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A figure as its authors state it."""

    who: str
    size: str
    figure: str
    source: str


OFFICIAL_RAGTRUTH = (
    Published("RAG-HAT (Llama-3-8B, fine-tuned)", "8B", "F1 83.9", "LettuceDetect, docs/benchmarks"),
    Published("LettuceDetect v2 (Qwen, 2B)", "2.3B", "F1 81.8; spans .574 (v2 protocol)", "arXiv 2607.00895, README"),
    Published("LettuceDetect large v1", "395M", "F1 79.2; spans 58.9 (v1 protocol)", "LettuceDetect, docs"),
    Published("Llama-2-13B fine-tuned", "13B", "F1 78.7; spans 52.7", "LettuceDetect, docs"),
    Published("LettuceDetect base v1", "149M", "F1 76.1", "LettuceDetect, release notes"),
    Published("TinyLettuce", "68M", "F1 75.0", "LettuceDetect, docs/TINYLETTUCE"),
    Published("TinyLettuce", "32M", "F1 72.2", "LettuceDetect, docs/TINYLETTUCE"),
    Published("TinyLettuce", "17M", "F1 68.5", "LettuceDetect, docs/TINYLETTUCE"),
    Published("Luna (DeBERTa-large)", "440M", "F1 65.4", "LettuceDetect, docs"),
    Published("GPT-4 prompted", "-", "F1 63.4", "LettuceDetect, docs"),
    Published("HHEM-2.1-Open", "110M", "BA summaries 64.4, QA 74.3", "model card"),
)
"""The official test split, 2,700 responses."""

AGGREFACT = (
    Published("Bespoke-MiniCheck-7B", "7B", "BA 77.4", "secondary: collected benchmark page"),
    Published("FactCG-DeBERTa-v3-large", "0.4B", "BA 77.2", "secondary: collected benchmark page"),
    Published("GPT-4o", "-", "BA 75.9", "secondary: collected benchmark page"),
    Published("MiniCheck-Flan-T5-L", "0.8B", "BA 75.0", "secondary: collected benchmark page"),
    Published("AlignScore", "355M", "BA 72.5 to 73.4", "secondary: collected benchmark page"),
    Published("HHEM-2.1-Open", "110M", "BA about 71.8", "secondary: collected benchmark page"),
)
"""LLM-AggreFact, 29,320 claims; a benchmark that is not measured here at all."""


def lines() -> list[str]:
    """All of them, within 80 columns."""
    found = ["Published by others, on their split, not ours: none compares with those above", ""]
    for title, entries in (("RAGTruth, official test split", OFFICIAL_RAGTRUTH), ("LLM-AggreFact", AGGREFACT)):
        found.append(title)
        found += [f"  {p.who:<33} {p.size:>5}  {p.figure:<34}".rstrip() for p in entries]
        sources = "sources: " + "; ".join(dict.fromkeys(p.source for p in entries))
        found += textwrap.wrap(sources, 78, initial_indent="  ", subsequent_indent="  ")
    return found
