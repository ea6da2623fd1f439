"""One answer before its judge: what is asked about it, and what of the verdicts is believed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from groundwire.judge.exchange import Ask
from groundwire.judge.fences import DATA_RULE, Fences
from groundwire.judge.quotes import Searchable, content, locate
from groundwire.judge.verdicts import SCHEMA, Row, listed
from groundwire.model import Evidence, Flaw, RagChain

_SYSTEM = """\
You check an answer against the passages it was written from, sentence by sentence. You are given a question, numbered \
passages, and the numbered sentences of the answer.

{rule}

For every sentence write one entry, in this order of fields:
- id: the number of the sentence.
- passage: the number of the passage that decides it; 0 if none does.
- quote: the words of that passage that decide it, copied letter by letter, as short as will do; "" if none does. \
Never quote the answer, the question or these rules. A quote that is not in the passage is worth nothing.
- reason: at most fifteen words of your own: does the quote say what the sentence says?
- verdict: one of
  supported: the quoted words say all that the sentence says, or it follows from them;
  contradicted: the quoted words say something that cannot be true together with the sentence;
  unsupported: no passage says it, or not all of it, even if you know it to be true;
  not_checkable: the sentence states nothing about the world: a greeting, a question, a heading, an offer, a remark \
that the passages do not say something.
Read each sentence in the light of those before it. What you know yourself does not count.

Reply with JSON only: {{"sentences": [{{"id": 1, "passage": 2, "quote": "...", "reason": "...", "verdict": "..."}}]}}"""

_ASKED = "Judge sentences {ids}. One entry each, no others."
_AGAIN = """\
A first reply to this could not be used: {problem}. Judge sentences {ids} again. One entry each, no others, JSON \
only."""

_TOKENS_A_SENTENCE = 75
_ROOM = 4096
"""Output tokens beside the verdicts: reasoning models think before they write."""
_NUMBER = re.compile(r"\d")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][^\W\d_]+")
_NEGATION = re.compile(r"\b(?:no|not|none|nor|neither|never|cannot|unable|without|\w+n['’]t)\b", re.IGNORECASE)
_FUNCTION_WORDS = frozenset(
    {
        *("the", "and", "for", "are", "but", "not", "you", "all", "any", "can", "had", "her", "was", "one", "our"),
        *("out", "has", "him", "his", "how", "its", "who", "did", "yes", "she", "may", "use", "that", "this", "with"),
        *("from", "they", "have", "been", "were", "will", "would", "there", "their", "what", "when", "which"),
        *("about", "into", "than", "them", "then", "some", "such", "also", "more", "most", "other", "only", "over"),
        *("very", "your"),
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """One answer before its judge."""

    chain: RagChain
    places: tuple[int, ...]
    """Indices of the passages that the model saw."""
    spans: tuple[tuple[int, int], ...]
    bearing: bool

    def question(self) -> Ask:
        """All there is to judge, in one prompt: strangers' text behind marks."""
        texts = [self.chain.passages[i].text for i in self.places]
        sentences = [self.chain.answer[a:b] for a, b in self.spans]
        asked = self.chain.question or "(not known)"
        fences = Fences.around([asked, *texts, *sentences])
        quoted = fences.quoted(
            [
                ("question", asked),
                *((f"passage {n}", text) for n, text in enumerate(texts, 1)),
                *((f"sentence {n} of the answer", text) for n, text in enumerate(sentences, 1)),
            ]
        )
        n = len(sentences)
        return Ask(
            system=_SYSTEM.format(rule=DATA_RULE.format(mark=fences.mark)),
            user=f"{quoted}\n\n{_ASKED.format(ids='1' if n == 1 else f'1 to {n}')}",
            schema=SCHEMA,
            expected_tokens=_TOKENS_A_SENTENCE * n,
            max_output_tokens=_ROOM + 2 * _TOKENS_A_SENTENCE * n,
        )

    def again(self, question: Ask, left: Sequence[int], problem: str) -> Ask:
        """The same, for the sentences that are open still."""
        user = question.user.rpartition("\n\n")[0] + "\n\n" + _AGAIN.format(ids=listed(left), problem=problem)
        return replace(
            question,
            user=user,
            expected_tokens=_TOKENS_A_SENTENCE * len(left),
            max_output_tokens=2 * question.max_output_tokens,
        )

    def evidence(self, rows: Mapping[int, Row]) -> tuple[Evidence, ...]:
        """Verdicts as they stand after the quotes were looked up; a sentence without one has no evidence."""
        passages = [Searchable.of(self.chain.passages[i].text) for i in self.places]
        known: frozenset[str] = frozenset()
        if any(row.verdict == "not_checkable" for row in rows.values()):
            known = content(self.chain.question or "").union(*(content(p.text) for p in passages))
        return tuple(
            self._checked(rows[n], start, end, passages, known)
            for n, (start, end) in enumerate(self.spans, 1)
            if n in rows
        )

    def _checked(
        self, row: Row, start: int, end: int, passages: Sequence[Searchable], known: frozenset[str]
    ) -> Evidence:
        sentence = self.chain.answer[start:end]
        if row.verdict == "not_checkable":
            if _brings_in(sentence, known):
                return self._unsupported(start, end, "not_checkable")
            return Evidence(sentence, start, end, "not_checkable", 1.0)
        at = locate(row.quote, passages, row.passage - 1) if row.quote.strip() else None
        if row.verdict == "unsupported":
            return self._unsupported(start, end, None)
        if at is None:
            return self._unsupported(start, end, "quote")
        index, first, last = at
        said = self.chain.passages[self.places[index]].text[first:last]
        if row.verdict == "supported" and self.bearing and not _bears_on(said, sentence):
            return self._unsupported(start, end, "quote")
        chance = 1.0 if row.verdict == "supported" else 0.0
        return Evidence(sentence, start, end, row.verdict, chance, self.places[index], first, last)

    def _unsupported(self, start: int, end: int, reason: str | None) -> Evidence:
        flaws = () if reason is None else (Flaw(start, end, reason),)
        return Evidence(self.chain.answer[start:end], start, end, "unsupported", 0.0, flaws=flaws)


def _bears_on(quote: str, sentence: str) -> bool:
    """Whether they share a number, or a word that says something."""
    return not content(quote, _FUNCTION_WORDS).isdisjoint(content(sentence, _FUNCTION_WORDS))


def _brings_in(sentence: str, known: frozenset[str]) -> bool:
    """Whether a sentence that is said to state nothing has a number, or a name, from nowhere."""
    if sentence.rstrip(" \"'*_)").endswith(("?", ":")):
        return False
    words = [m.group() for m in _NAME.finditer(sentence)] if not _NEGATION.search(sentence) else []
    numbers = [w for w in sentence.split() if _NUMBER.search(w)]
    return not content(" ".join([*words, *numbers])) <= known
