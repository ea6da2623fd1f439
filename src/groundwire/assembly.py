"""From spans to RAG chains: which call answered which question from which passages.

The rules:

- An answer is a chat span whose prompt carries passages and which says something: a text, or the answer in the
  arguments of a tool that is there to take it (`groundwire.said`). "The last LLM call" is a wrong rule: query
  rewriting comes before it, follow-up questions and titles after it, and their prompts carry no passages. A call that
  was made inside a search (`groundwire.part_of`) judges or ranks passages, and is none; nor is one that grades what was
  found or said, or words a question anew, wherever in a workflow it is made (`groundwire.other_tasks`).
- Its passages are the documents of `rerank`, else `retrieval`, spans of the same trace (or linked to it) that ended
  before it started, or inside it. A span supplies an answer if the text of at least one of its documents reached the
  prompt; those of its documents that did not are listed after the others, marked as dropped. A search that
  gave nothing but what a nearer one gave too worked for another answer, and is none of them. What was found and what a
  retriever around it, or a reranker after it, put in its place, with more around it or less of it, are one passage.
  A passage has, in lines after its text, the other fields of its document that the prompt shows beside it.
- An earlier answer that the prompt asks to refine, that answers a part of the question, or that a tool gave, is a
  passage of the prompt.
- An answer span that lists documents itself is believed: these are its passages, none if the list is empty, and its
  query is the question. That is how answers are written down whose calls nobody traced.
- Where spans list no document text, the passages are cut out of the prompt itself.
- The question is the user's, without the prompt template around it.
- A right answer that a span of the trace carries (`groundwire.reference`, on the root as a rule) is the reference.
- Two spans of one call (two instrumentations, a framework around a client, a span stored twice) give one chain: that
  of the innermost span.

Live and stored traces take the same road: spans are added to a `ChainIndex` in the order in which they ended, and a
chat span is assembled from what bears on it there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from groundwire import semconv
from groundwire.chain_index import Material, Rival
from groundwire.cutting import cut_marked, cut_unmarked
from groundwire.dialects.gen_ai import (
    CallView,
    first_choice,
    handed_over,
    is_refusal,
    message_text,
    messages_in,
    parts_of,
    tool_results,
    view,
)
from groundwire.fields import fields_in
from groundwire.model import Document, NoChain, Passage, RagChain, Reason, SpanRecord
from groundwire.other_tasks import is_prose, is_taken_out, other_task, prepares
from groundwire.parting import Cut, cut_tool_result
from groundwire.prompt import drafts_in, observations_in, reached, repeated_in, repeats, spoken, without_answers, words
from groundwire.question import marked_question, question_among, question_in
from groundwire.said import answer_in
from groundwire.shown_fields import all_fields, shown_fields
from groundwire.suppliers import feeds, ranks_in, recast, strangers_among, unseen_before

_NO_ROWS: tuple[Any, ...] = ("[]", (), [])
"""A list of documents with none in it, as it stands on a span."""
_MODELS = ("assistant", "model", "ai")
_OTHER_TASKS: dict[str, tuple[Reason, str]] = {
    "judgement": ("judgement", "it judges passages or an answer"),
    "query": ("query", "it words a question or a query"),
    "route": ("judgement", "it chooses who answers"),
    "passages": ("part_of_search", "it makes passages out of others"),
}


def assemble(span: SpanRecord, material: Material) -> RagChain | NoChain:
    """The chain of one chat span, or why it has none."""

    def no(reason: Reason, detail: str = "") -> NoChain:
        return NoChain(span.trace_id, span.span_id, reason, detail)

    call = view(span)
    if call is None:
        return no("no_content", "not a chat span")
    answer = answer_in(call.output)
    if not answer.strip():
        if span.status == "error":
            return no("error", span.status_message or str(span.attributes.get(semconv.ERROR_TYPE, "")))
        if not call.has_content:
            return no("no_content", "the span carries no messages")
        return no("no_answer_text", "it calls a tool" if _calls_tools(call) else "empty output")
    if not call.prompt:
        return no("no_content", "the span carries no prompt")
    if semconv.PART_OF in span.attributes:
        return no("part_of_search", f"made inside a {span.attributes[semconv.PART_OF]}")
    # Who lists its passages himself is no second span of the call: he knows more than that one does.
    twin = None if semconv.RETRIEVAL_DOCUMENTS in span.attributes else _twin(call, material.rivals)
    if twin is not None:
        return no("duplicate", f"of span {twin}")
    reading = _Reading(call, material)
    chain = reading.chain(answer)
    if chain is None:
        given = "no retrieved text reached the prompt" if material.suppliers else "the prompt carries no passages"
        return no("no_passages", given)
    return no(*_OTHER_TASKS[task]) if (task := reading.other_task(chain)) is not None else reading.whole(chain)


# --- the answer -----------------------------------------------------------------------------------------------------


def _twin(call: CallView, rivals: Sequence[Rival]) -> str | None:
    """Another span of the same call: it says the same."""
    said = words(answer_in(call.output)) if rivals else ""
    return next((r.span_id for r in rivals if words(answer_in(messages_in(r.output))) == said), None)


def _calls_tools(call: CallView) -> bool:
    return any(p.get("type") == "tool_call" for m in call.output for p in parts_of(m))


# --- the passages ---------------------------------------------------------------------------------------------------


class _Reading:
    """One answer call against everything that could have supplied it."""

    def __init__(self, call: CallView, material: Material) -> None:
        self._call = call
        self._earlier = [text for output in material.outputs if (text := answer_in(messages_in(output)))]
        self._suppliers = [v for s in material.suppliers if (v := view(s)) is not None]
        self._around = material.around
        self._places = material.places
        self._reference = material.reference
        # What assistants said is no source; what tools returned is.
        self._messages = [m for m in call.prompt if m.get("role") not in _MODELS]
        self._texts = [spoken(message_text(m, "\n\n")) for m in self._messages]
        beside = [m for m in self._messages if any(p.get("type") != "text" for p in parts_of(m))]  # rarely any
        self._results = [r for m in beside for r in tool_results(m)]
        for message, text in zip(self._messages, self._texts, strict=True):
            self._results += observations_in(text) if message.get("role") != "system" else ()
        self._handed = [document for m in beside for document in handed_over(m)]
        self._fields: dict[str, list[str]] = {}
        """By text of a passage, what the prompt shows of its document beside that."""

    def chain(self, answer: str) -> RagChain | None:
        """The chain, or None where the prompt carries no passages."""
        call = self._call
        given = self._given()
        passages = self._listed() if given is None else given
        if given is None and not any(p.in_prompt for p in passages):
            passages = self._cut(spans_list_text=bool(passages))
        if not passages and given is None:
            return None
        if given is None:
            passages = self._with_drafts(passages)
        question = call.query if given is not None else None
        own = call.record.attributes.get(semconv.REFERENCE)
        return RagChain(
            question=question or self._question([p.text for p in passages if p.in_prompt]),
            passages=tuple(passages),
            answer=answer,
            reference=own if isinstance(own, str) and own.strip() else self._reference,
            model=call.model,
            provider=call.provider,
            usage=call.usage,
            refused=any(is_refusal(m) for m in call.output[:1]),
            trace_id=call.record.trace_id,
            span_id=call.record.span_id,
            attributes=call.record.attributes,
        )

    def whole(self, chain: RagChain) -> RagChain:
        """The chain, with what the prompt shows of its documents beside their texts."""
        if not any(self._fields.values()):
            return chain
        texts = ("\n".join([p.text, *self._fields.get(p.text, ())]) for p in chain.passages)
        passages = tuple(replace(p, text=text) for p, text in zip(chain.passages, texts, strict=True))
        return replace(chain, passages=passages)

    def other_task(self, chain: RagChain) -> str | None:
        """What the call did instead of answering; who lists passages himself says that it answers."""
        if semconv.RETRIEVAL_DOCUMENTS in self._call.record.attributes:
            return None
        last = self._texts[-1] if self._texts else ""
        texts = [p.text for p in chain.context]
        question = chain.question or ""
        # What is no question, and was not searched for, may be what the call was told to do.
        certain = question.endswith("?") or any(v.query == question for v in self._suppliers)
        told: list[str] = []

        def instructions() -> str:
            if not told:
                asked = "\n".join(self._texts)
                for text in (*texts, question if certain and "\n" not in question else ""):
                    asked = asked.replace(text.strip(), "_") if text.strip() else asked
                told.append(asked)
            return told[0]

        asks = certain and any(question in text for text in self._texts)
        if prepares(last, instructions) or is_taken_out(chain.answer, texts, self._texts, asks, instructions):
            return "passages"
        if is_prose(chain.answer):
            return None
        said = first_choice(self._call.output) or chain.answer
        return other_task(instructions, last[-200:], said, fields_in(said), chain.answer)

    def _given(self) -> list[Passage] | None:
        """Documents that the answer span lists itself; None where it lists none, or none of them with its text."""
        documents = self._call.documents
        texts = [d for d in documents if d.text and d.text.strip()]
        if not texts and (documents or self._call.record.attributes.get(semconv.RETRIEVAL_DOCUMENTS) not in _NO_ROWS):
            return None
        return [Passage(text=d.text or "", id=d.id, score=d.score, prompt_rank=n) for n, d in enumerate(texts, 1)]

    def _listed(self) -> list[Passage]:
        """Documents that spans list, best ranking first; all dropped where none reached the prompt."""
        prompt = "\n".join([*self._texts, *self._results, *(d.text or "" for d in self._handed)])
        reranked = [v for v in self._suppliers if v.kind == "rerank"]
        retrieved = [v for v in self._suppliers if v.kind == "retrieval"]
        retrieved += unseen_before(reranked, retrieved)
        # A retriever around others (it fuses, compresses, filters) has the last word on their order.
        outer = [v for v in reversed(retrieved) if v.record.span_id in self._around]
        inner = [v for v in retrieved if v.record.span_id not in self._around]
        rows = [
            (supplier, document)
            for supplier in (*reversed(reranked), *outer, *inner)
            for document in supplier.documents
            if document.text and document.text.strip()
        ]
        held = reached([document.text or "" for _, document in rows], prompt, self._earlier)
        keys = [words(document.text or "") for _, document in rows]
        places = {key: place for key, place in zip(keys, held, strict=True) if place is not None}
        strangers = strangers_among(self._suppliers, self._gave(rows, keys, places), self._places, prompt)
        if strangers:  # else they would lend their ranks and scores, and count as retrieved
            known = [(row, key) for row, key in zip(rows, keys, strict=True) if row[0].record.span_id not in strangers]
            rows, keys = [row for row, _ in known], [key for _, key in known]
            self._suppliers = [v for v in self._suppliers if v.record.span_id not in strangers]
            reranked, inner = ([v for v in some if v.record.span_id not in strangers] for some in (reranked, inner))
            retrieved = [v for v in retrieved if v.record.span_id not in strangers]
        at = {v.record.span_id: n for n, some in enumerate((reranked, outer, inner)) for v in some}
        stages: list[list[str]] = [[], [], []]
        for (supplier, _), key in zip(rows, keys, strict=True):
            stages[at[supplier.record.span_id]].append(key)
        recasts = recast(stages, places)
        by_text: dict[str, dict[str, Any]] = {}
        used: set[str] = set()
        for (supplier, document), key in zip(rows, keys, strict=True):
            place = places.get(key)
            if place is not None or key in recasts:
                used.add(supplier.record.span_id)
            if key in recasts:
                continue
            first = by_text.get(key)
            if first is None:
                by_text[key] = {
                    "text": document.text or "",
                    "id": document.id,
                    "score": document.score,
                    "in_prompt": place is not None,
                    "source": "rerank" if supplier.kind == "rerank" else "retrieval",
                    "span_id": supplier.record.span_id,
                }
            elif first["source"] == supplier.kind:
                # A retriever around a store hands on its texts, seldom their ids and scores.
                first["id"] = document.id if first["id"] is None else first["id"]
                first["score"] = document.score if first["score"] is None else first["score"]
            if place is not None and document.metadata and not self._fields.get(text := by_text[key]["text"]):
                self._fields[text] = shown_fields(document, prompt)
        if not used:
            return [Passage(**fields) for fields in by_text.values()]
        kept = {key for (supplier, _), key in zip(rows, keys, strict=True) if supplier.record.span_id in used}
        # A rerank that was used says which retrievals fed it: their other documents were dropped by it.
        if any(v.record.span_id in used for v in reranked):
            feeding = {id(v) for v in retrieved if feeds(v, reranked, used)}
            kept |= {key for (supplier, _), key in zip(rows, keys, strict=True) if id(supplier) in feeding}
        ranks = ranks_in(v for v in inner if v.record.span_id in used or feeds(v, reranked, used))
        for key, made in recasts.items():
            if key in ranks:
                ranks[made] = min(ranks[key], ranks.get(made, ranks[key]))
        whole = sorted((key for key in places if key not in recasts), key=lambda key: places[key])
        order = {key: n for n, key in enumerate(whole, 1)}
        listed = [
            Passage(**fields, retrieved_rank=ranks.get(key), prompt_rank=order.get(key))
            for key, fields in by_text.items()
            if key in kept
        ]
        return [p for p in listed if p.in_prompt] + [p for p in listed if not p.in_prompt]

    def _gave(
        self, rows: Sequence[tuple[CallView, Document]], keys: Sequence[str], reached: Collection[str]
    ) -> dict[str, set[str]]:
        """By supplier, the words of those of its documents that reached the prompt."""
        gave: dict[str, set[str]] = {v.record.span_id: set() for v in self._suppliers}
        for (supplier, _), key in zip(rows, keys, strict=True):
            if key in reached:
                gave[supplier.record.span_id].add(key)
        return gave

    def _with_drafts(self, passages: Sequence[Passage]) -> list[Passage]:
        """The passages, and the earlier answers that this one was asked to refine, behind those in the prompt."""
        in_prompt = [p for p in passages if p.in_prompt]
        rest = [p for p in passages if not p.in_prompt]
        if not self._earlier:
            return [*in_prompt, *rest]
        known = {words(p.text) for p in passages}
        said = [message_text(m) for m in self._call.prompt if m.get("role") in _MODELS]
        drafts = [
            Passage(text=draft, source="prompt", span_id=self._call.record.span_id)
            for text in self._texts
            for draft in drafts_in(text, self._earlier, said)
            if words(draft) not in known
        ]
        return [*in_prompt, *drafts, *rest]

    def _cut(self, *, spans_list_text: bool) -> list[Passage]:
        """Passages out of the prompt itself, where no span tells them."""
        handed = ((d.text or "", d) for d in self._handed)
        cuts = [Cut(text, d.id, tuple(all_fields(d.metadata or {}, text))) for text, d in handed]
        # Where spans list texts and none is here, a tool may still have answered from them: what it said is a source.
        for result in self._results:
            answers = repeated_in(result, self._earlier) if spans_list_text else []
            if answers and result.lstrip()[:1] in ("{", "["):
                cuts += [Cut(text) for text in answers]  # the rest is for programs
            elif answers or not spans_list_text:
                cuts += cut_tool_result(result)
        texts = [without_answers(text, self._earlier) for text in self._texts]
        for text in texts:
            cuts += cut_marked(text, strong=spans_list_text)
        if spans_list_text:  # what was said of each passage, for this prompt to put together
            made = [said for text in texts for said in self._earlier if repeats(text, said)]
            if not any(words(said) in words(cut.text) for said in made for cut in cuts):
                cuts = [Cut(said) for said in made] or cuts
        if not cuts and self._suppliers and not spans_list_text:
            question = self._question(())
            for text in texts:
                cuts += cut_unmarked(text if question is None else text.replace(question, "\n\n"))
        question_key = words(self._question(()) or "")
        unique = {words(cut.text): cut for cut in reversed(cuts)}
        unique.pop(question_key, None)
        self._fields |= {cut.text: list(cut.fields) for cut in unique.values() if cut.fields}
        return [
            Passage(text=cut.text, id=cut.id, source="prompt", span_id=self._call.record.span_id, prompt_rank=rank)
            for rank, cut in enumerate(reversed(unique.values()), 1)
        ]

    def _question(self, passages: Sequence[str]) -> str | None:
        queries = [v.query for v in reversed(self._suppliers) if v.query]
        user = [
            text
            for message, text in zip(self._messages, self._texts, strict=True)
            if message.get("role") in ("user", "human", None) and text.strip() and not text.startswith("Observation:")
        ]
        if not user:
            asked = marked_question(self._texts[-1], passages) if self._texts else None
            return asked or (queries[0] if queries else None)
        if len(user) == 1:
            return question_in(user[0], queries, passages)
        since = takewhile(lambda m: m.get("role") not in (*_MODELS, "tool"), reversed(self._call.prompt))
        unanswered = sum(m.get("role") != "system" for m in since)
        return question_among(user[-max(1, unanswered) :], queries, passages)
