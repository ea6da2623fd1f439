"""Refusal: did the answer decline, and was there an answer that it kept back?"""

from dataclasses import dataclass, field

from groundwire.model import Evaluator, Evidence, RagChain, Score, Skipped
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.refusal import abstention, declines
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.tokens import language_conflict, writes_without_spaces
from groundwire_evaluators.verdicts import judged, judging, shorten

_ENGLISH = "this is to be in English, with the words that are in all of it, and an answer that is not has others for it"
_LOOK = 20_000
"""Characters of the answer that are looked at: what declines does so early."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Chance, in [0, 1], that the answer kept back nothing: low where it declines although a passage answers.

        value = 1 - d * a

    d is how much of the answer declines: 0 nothing, 1 the whole (or the provider marked it as a refusal), else the
    share of its sentences. a is the chance that a passage in the prompt holds what is asked for. An answer that does
    not decline has 1.0 without any judge being asked; whether it should have is a matter of faithfulness. The details
    hold `declined` (d) and, where it declines, `answerability` (a).

    Labels: `answered`, `partial`; of those that decline as a whole `justified`, or `unjustified` where a passage is
    relevant; then it does not pass. Skipped: `empty_answer`, `language` (phrases that decline are known in English;
    an answer of a few words in another language with the same script counts as `answered`), and for an
    answer that declines, whatever keeps relevance from being judged: `no_question`, `no_passages`.

    Source: CRAG (Yang et al. 2024) and MTRAG (Katsis et al. 2025) score answers to unanswerable questions by whether
    they decline; the product is ours.

    >>> from groundwire.model import Passage, RagChain
    >>> tower = Passage("The Eiffel Tower is 330 metres tall.")
    >>> for question in ("How tall is the Eiffel Tower?", "Who painted the Mona Lisa?"):
    ...     print(Refusal().evaluate(RagChain(question, (tower,), "The passages do not say.")).label)
    unjustified
    justified
    """

    relevance: Evaluator = field(default_factory=ContextRelevance)
    """Judges whether there was an answer to give."""
    name: str = "refusal"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; costs what the relevance judge costs where the answer declines, else next to nothing."""
        answer = chain.answer[:_LOOK]
        if not answer.strip():
            return Skipped("empty_answer")
        if not chain.refused and (writes_without_spaces(answer) or language_conflict(answer, _ENGLISH)):
            return Skipped("language", "phrases that decline are known in English alone")
        spans = sentences(answer)
        kind = "whole" if chain.refused else abstention([answer[a:b] for a, b in spans])
        if kind == "none":
            return Score(1.0, "answered", "the answer does not decline", details={"declined": 0.0}, passed=True)
        said = [(a, b) for a, b in spans if declines(answer[a:b])]
        declined = 1.0 if kind == "whole" else len(said) / len(spans)
        relevance = judged(self.relevance, chain)
        if isinstance(relevance, Skipped):
            return relevance
        evidence = tuple(Evidence(answer[a:b], a, b, "not_checkable", 1.0) for a, b in said)
        undue = relevance.label == "relevant" if relevance.passed is None else relevance.passed
        label = "partial" if kind == "partial" else "unjustified" if undue else "justified"
        details = {"declined": declined, "answerability": relevance.value}
        words = f': "{shorten(evidence[0].text)}"' if evidence else ""
        how = "as a whole" if kind == "whole" else f"in {len(said)} of {len(spans)} sentences"
        there = "a passage answers" if undue else "no passage answers"
        took = judging(relevance)
        return Score(
            1.0 - declined * relevance.value, label, f"declines {how}, and {there} ({relevance.value:.2f}){words}",
            evidence, details, label != "unjustified", took.model, took.usage, took.cost_usd,
        )  # fmt: skip
