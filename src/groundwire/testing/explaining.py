"""Why an assertion does not hold: the sentences at fault, each beside the passage that is nearest to it."""

from collections.abc import Iterator, Sequence

from groundwire.model import Evaluation, Evidence, Failed, Passage, RagChain, Score, Skipped
from groundwire.prompt import words
from groundwire.terminal import inert

_SENTENCES = 5
_LONGEST = 240
_AGAINST = ("unsupported", "contradicted")
_MEANT = {
    "no_passages": "it has no passages: give passages=, or see what `groundwire chains` says of the trace",
    "no_question": "it has no question: give question=",
    "no_reference": "it has no reference: give reference=",
}


def explained(evaluation: Evaluation, minimum: float | None) -> str:
    """What to print. Text of answers and passages is quoted, with nothing in it that a terminal would obey."""
    chain, result = evaluation.chain, evaluation.result
    judged_by = f"{evaluation.name}/{evaluation.version}"
    if isinstance(result, Skipped):
        why = f"{result.reason}{f' ({inert(result.detail)})' if result.detail else ''}"
        meant = _MEANT.get(result.reason, f"allow={[result.reason]!r} lets it pass")
        lines = [f"{evaluation.name} could not be judged: {why}; {meant}"]
    elif isinstance(result, Failed):
        lines = [f"{judged_by} broke: {result.error_type}: {inert(result.message)}"]
    else:
        lines = [*_scored(evaluation, result, minimum), *_faults(result, chain)]
    if chain.question:
        lines.append(f"  question: {_quoted(chain.question)}")
    lines.append(f"  answer: {_quoted(chain.answer)}")
    return "\n".join(lines)


def _scored(evaluation: Evaluation, score: Score, minimum: float | None) -> Iterator[str]:
    wanted = evaluation.threshold if minimum is None else minimum
    limit = "" if wanted is None else f", below {wanted:g}" if score.value < wanted else f" (threshold {wanted:g})"
    by = "" if score.model is None else f", judged by {inert(score.model)}"
    value = (
        f"{score.value:.2f}" if wanted is None or round(score.value, 2) != round(wanted, 2) else f"{score.value:.4f}"
    )
    yield f"{evaluation.name} {value}{limit}: {inert(score.label)}{by}"
    if not any(e.verdict in (*_AGAINST, "irrelevant") for e in score.evidence) and score.explanation:
        yield f"  {_cut(inert(score.explanation))}"


def _faults(score: Score, chain: RagChain) -> Iterator[str]:
    faults = [e for e in score.evidence if e.verdict in _AGAINST]
    about_answer = all(chain.answer[e.start : e.end] == e.text for e in faults)
    for evidence in faults[:_SENTENCES]:
        reasons = ", ".join(dict.fromkeys(f.reason for f in evidence.flaws if f.reason))
        flawed = [evidence.text[f.start - evidence.start : f.end - evidence.start] for f in evidence.flaws]
        words_at_fault = ", ".join(
            f'"{inert(text)}"' for text in flawed if text and text.strip(" .") != _bare(evidence)
        )
        what = f"  ({reasons}{f': {_cut(words_at_fault)}' if words_at_fault else ''})" if reasons else ""
        yield f"  {evidence.verdict}: {_quoted(evidence.text)}{what}"
        if about_answer or evidence.passage is not None:
            yield f"      {_nearest(evidence, chain)}"
        else:
            yield "      of the reference, and missing"
    if len(faults) > _SENTENCES:
        yield f"  and {len(faults) - _SENTENCES} more"
    off_topic = [e for e in score.evidence if e.verdict == "irrelevant"]
    for evidence in off_topic[:_SENTENCES]:
        yield f"  irrelevant, {_name(evidence.passage, chain.passages)}: {_quoted(evidence.text)}"
    if len(off_topic) > _SENTENCES:
        yield f"  and {len(off_topic) - _SENTENCES} more"


def _bare(evidence: Evidence) -> str:
    return evidence.text.strip(" .")


def _nearest(evidence: Evidence, chain: RagChain) -> str:
    """The passage that comes closest: as the evaluator says, else by the words that it shares."""
    if not chain.context:
        return "there is no passage"
    index = evidence.passage
    start, end = evidence.passage_start, evidence.passage_end
    if index is None or not 0 <= index < len(chain.passages):
        asked = set(words(evidence.text).split())
        seen = [i for i, p in enumerate(chain.passages) if p.in_prompt]
        index = max(seen, key=lambda i: (len(asked & set(words(chain.passages[i].text).split())), -i))
        start = end = None
    text = chain.passages[index].text
    # as much around the nearest statement as there is room for
    at = 0 if start is None or end is None or len(text) <= _LONGEST else max(0, min(start, end - _LONGEST))
    lead = "…" if at else ""
    return f"nearest, {_name(index, chain.passages)}: {_quoted(text[at:], lead)}"


def _name(index: int | None, passages: Sequence[Passage]) -> str:
    if index is None or not 0 <= index < len(passages):
        return "a passage"
    identity = passages[index].id
    return f"passage {index + 1}" + (f" [{_cut(inert(identity), 40)}]" if identity else "")


def _quoted(text: str, lead: str = "") -> str:
    return f'"{lead}{_cut(" ".join(inert(text).split()))}"'


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
