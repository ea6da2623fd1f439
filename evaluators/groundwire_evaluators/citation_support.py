"""Citation support: do the passages that the answer cites say what it cites them for?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from groundwire.model import Evaluator, Evidence, Flaw, RagChain, Score, Skipped, Verdict
from groundwire_evaluators.citations import Marker, Statement, statements
from groundwire_evaluators.cited import Backing, Claim, backings
from groundwire_evaluators.faithfulness import Faithfulness
from groundwire_evaluators.verdicts import checkable, judged, judging, shorten


@dataclass(frozen=True, slots=True)
class CitationSupport:
    """F1, in [0, 1], of the precision and the recall of the answer's citations.

        recall    = checkable sentences that the passages they cite support, together / checkable sentences
        precision = citations that count / citations
        value     = 2 * precision * recall / (precision + recall);  0 where both are 0

    A sentence without a citation is not recalled. A citation counts where its sentence is recalled and it has a part
    in that: the cited passage supports the sentence alone, or the other cited ones do not support it without this one.
    A number that no passage has is a citation that does not count, and a flaw.

    `[2]` is the second passage in the prompt (in the chain, where nothing tells the prompt's order); where the answer
    cites a `[0]`, counting begins there. Where the passages were cut out of a prompt that numbers them, its own numbers
    hold. Read are `[1]`, `[1, 3]`, `[2-4]`, `[^1]`, `¹`, `【1】`, `(Passage 1)` and "Passage 1 says"; what is in code
    or in a list of sources is not.

    Details: `precision`, `recall`, `citations`, `cited` (sentences with a citation), `sentences` (checkable ones),
    `out_of_range` (citations of no passage), `cited_elsewhere` (sentences not supported by what they cite though other
    passages support them), and `unchecked` where a sentence cites more than eight passages. Evidence is one entry a
    sentence; wrong citations are its flaws.

    Labels: `supported` (every citation counts), `partly`, `unsupported` (none does, and this does not pass). Skipped:
    `no_citations`, and as the support judge skips: `no_passages`, `empty_answer`, `refusal`, `nothing_checkable`,
    `language`.

    Source: ALCE (Gao et al. 2023), citation recall and precision, with the support judge in place of its NLI model.

    >>> from groundwire.model import Passage, RagChain
    >>> passages = (Passage("The Eiffel Tower is 330 metres tall."), Passage("Bananas are rich in potassium."))
    >>> answer = "The Eiffel Tower is 330 metres tall [1]. Bananas are rich in potassium [1]."
    >>> score = CitationSupport().evaluate(RagChain(None, passages, answer))
    >>> score.value, score.details["precision"], score.details["recall"], score.details["cited_elsewhere"]
    (0.5, 0.5, 0.5, 1.0)
    """

    support: Evaluator = field(default_factory=Faithfulness)
    """Judges sentences against the passages that they cite."""
    name: str = "citation_support"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; about twice what the support judge costs, and as much again for sentences that cite many."""
        if not chain.answer.strip():
            return Skipped("empty_answer")
        said = statements(chain.answer)
        if not any(s.markers for s in said):
            return Skipped("no_citations")
        whole = judged(self.support, chain)
        if isinstance(whole, Skipped):
            return whole
        numbering = _numbering(chain, said)
        verdicts = _verdicts(said, whole)
        claims = [
            Claim(s.text, tuple(sorted({numbering[n] for n in _numbers(s.markers) if n in numbering})))
            for s, verdict in zip(said, verdicts, strict=True)
            if verdict is not None
        ]
        if not claims:
            return Skipped("nothing_checkable", "no sentence claims something")
        found = backings(self.support, chain, claims)
        judgements = iter(found.backings)
        rows = [
            _Row(s, numbering, verdict is True, next(judgements) if verdict is not None else None)
            for s, verdict in zip(said, verdicts, strict=True)
        ]
        took = judging(whole, *found.scores)
        details, explanation = _figures(rows), _explain(rows)
        if not details["citations"]:
            return Skipped("nothing_checkable", "no citation could be checked")
        precision, recall = details["precision"], details["recall"]
        value = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        label = "supported" if precision == 1.0 else "partly" if precision else "unsupported"
        evidence = tuple(r.evidence(chain.answer) for r in rows if r.backing or r.strangers)
        return Score(
            min(1.0, value), label, explanation, evidence, details, label != "unsupported",
            took.model, took.usage, took.cost_usd,
        )  # fmt: skip


def _numbers(markers: Iterable[Marker]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(n for m in markers for n in m.numbers))


def _numbering(chain: RagChain, said: Iterable[Statement]) -> Mapping[int, int]:
    """Number in the answer to place in the chain."""
    context = [i for i, p in enumerate(chain.passages) if p.in_prompt]
    ranks = {i: chain.passages[i].prompt_rank for i in context}
    if None not in ranks.values():
        context.sort(key=lambda i: ranks[i] or 0)
    ids = [chain.passages[i].id or "" for i in context]
    written = all(chain.passages[i].source == "prompt" for i in context) and len(set(ids)) == len(ids)
    if written and all(i.isascii() and i.isdigit() and len(i) < 4 for i in ids):
        return {int(number): i for number, i in zip(ids, context, strict=True)}
    first = 0 if any(0 in m.numbers for s in said for m in s.markers) else 1
    return dict(enumerate(context, first))


def _verdicts(said: Sequence[Statement], score: Score) -> list[bool | None]:
    """Whether all of each statement is supported by some passage; None where it claims nothing."""
    rows = sorted(checkable(score), key=lambda e: e.start)
    verdicts: list[bool | None] = []
    at = 0
    for statement in said:
        while at < len(rows) and rows[at].end <= statement.start:
            at += 1
        inside: list[bool] = []
        last = at
        while last < len(rows) and rows[last].start < statement.end:
            inside.append(rows[last].verdict == "supported")
            last += 1
        verdicts.append(all(inside) if inside else None)
    return verdicts


@dataclass(frozen=True, slots=True)
class _Row:
    """A statement, its citations, and what they are worth."""

    statement: Statement
    numbering: Mapping[int, int]
    supported: bool
    """By any passage."""
    backing: Backing | None
    """None: it claims nothing."""

    @property
    def strangers(self) -> list[int]:
        """Numbers that no passage has."""
        return [n for n in _numbers(self.statement.markers) if n not in self.numbering]

    def wrong(self, marker: Marker) -> bool:
        """Whether some number of a mark does not count."""
        return any(
            n not in self.numbering or (self.backing is not None and self.numbering[n] in self.backing.idle)
            for n in marker.numbers
        )

    def evidence(self, answer: str) -> Evidence:
        start, end = self.statement.start, self.statement.end
        backing = self.backing
        flaws = tuple(Flaw(m.start, m.end, "citation") for m in self.statement.markers if self.wrong(m))
        if backing is None or backing.recalled is None:
            return Evidence(answer[start:end], start, end, "not_checkable", 1.0, flaws=flaws)
        verdict: Verdict = (
            "supported" if backing.recalled else "contradicted" if backing.contradicted else "unsupported"
        )
        return Evidence(answer[start:end], start, end, verdict, backing.probability, backing.best, flaws=flaws)


def _figures(rows: Sequence[_Row]) -> dict[str, float]:
    claims = [r for r in rows if r.backing is not None and r.backing.recalled is not None]
    strangers = sum(len(r.strangers) for r in rows)
    counting = sum(len(r.backing.counting) for r in rows if r.backing)
    citations = counting + sum(len(r.backing.idle) for r in rows if r.backing) + strangers
    recalled = sum(r.backing is not None and r.backing.recalled is True for r in claims)
    unchecked = sum(r.backing.unchecked for r in rows if r.backing)
    elsewhere = [r for r in claims if r.backing and r.backing.cited and not r.backing.recalled and r.supported]
    return {
        "precision": counting / citations if citations else 0.0,
        "recall": recalled / len(claims) if claims else 0.0,
        "citations": float(citations),
        "cited": float(sum(bool(r.statement.markers) for r in claims)),
        "sentences": float(len(claims)),
        "out_of_range": float(strangers),
        "cited_elsewhere": float(len(elsewhere)),
        **({"unchecked": float(unchecked)} if unchecked else {}),
    }


def _explain(rows: Sequence[_Row]) -> str:
    figures = _figures(rows)
    counting = round(figures["precision"] * figures["citations"])
    recalled = round(figures["recall"] * figures["sentences"])
    said = (
        f"{counting} of {figures['citations']:.0f} citations support their sentence; "
        f"{recalled} of {figures['sentences']:.0f} sentences are backed by what they cite"
    )
    strangers = list(dict.fromkeys(n for r in rows for n in r.strangers))
    if strangers:
        said += f"; no passage has the number {', '.join(map(str, strangers[:5]))}"
    worst = next((r for r in rows if r.backing and r.backing.cited and r.backing.recalled is False), None)
    return said if worst is None else f'{said}: not "{shorten(worst.statement.text)}"'
