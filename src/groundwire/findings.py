"""What an answer rests on, as lines: its passages, its checks, the sentences that nothing supports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groundwire.checks import Check
from groundwire.model import Passage, RagChain
from groundwire.terminal import Line, Mark, Page, Segment, Style, columns, inert, window, wrapped
from groundwire.trace import Stage, Trace

_MOST_PASSAGES = 5
_MOST_SENTENCES = 4


class Findings:
    """Lines below the stages of one trace.

    Args:
        trace: that they are about.
        page: what they are drawn on.
        full: everything, in as many lines as it takes.
    """

    def __init__(self, trace: Trace, page: Page, full: bool) -> None:
        self._trace = trace
        self._page = page
        self._full = full

    def passages(self, stage: Stage, inner: str) -> Iterable[Line]:
        """Those that this span supplied to an answer, else what it retrieved."""
        relevance = self._relevance()
        supplied: dict[str, Passage] = {}
        checked = {s.span.span_id for s in self._trace.stages if s.checks}
        for chain in self._trace.chains.values() if checked else ():
            for passage in chain.passages:
                if passage.span_id == stage.span.span_id:
                    supplied.setdefault(passage.text, passage)
        if supplied or self._full:
            documents = stage.call.documents if stage.call is not None else ()
            rows = list(supplied.values()) or [Passage(d.text or "", d.id, d.score) for d in documents]
            yield from self._listed(rows, relevance, inner)

    def _relevance(self) -> dict[str, bool]:
        """Text of a passage to whether it bears on the question."""
        found: dict[str, bool] = {}
        for answer in self._trace.answers:
            chain = self._trace.chains.get(answer.span.span_id)
            for check in answer.checks if chain is not None else ():
                for evidence in check.evidence:
                    passage = _passage(chain, evidence)
                    if passage is not None and evidence.get("verdict") in ("relevant", "irrelevant"):
                        found[passage.text] = evidence["verdict"] == "relevant"
        return found

    def _listed(self, passages: Sequence[Passage], relevance: Mapping[str, bool], inner: str) -> Iterable[Line]:
        shown = passages if self._full else passages[:_MOST_PASSAGES]
        names = [self._page.cut(p.id or "", 12) for p in shown]
        scores = ["" if p.score is None else f"{p.score:.2f}" for p in shown]
        name_width, score_width = max(map(columns, names), default=0), max(map(len, scores), default=0)
        for passage, name, score in zip(shown, names, scores, strict=True):
            judged = relevance.get(passage.text)
            note = "not in the prompt" if not passage.in_prompt else "off topic" if judged is False else ""
            mark: Mark = "none" if judged is None or not passage.in_prompt else "good" if judged else "bad"
            label = "".join(
                f"{text}{' ' * (size - columns(text))}  "
                for text, size in ((name, name_width), (score, score_width))
                if size
            )
            room = self._page.width - columns(inner) - 2 - columns(label) - (len(note) + 2 if note else 0)
            quiet: Style = "" if passage.in_prompt else "dim"
            text, rest = self._begun(passage.text.strip(), max(8, room))
            line = Line.of((inner, "dim"), self._page.mark(mark), (" ", ""), (label, "dim"), (text, quiet))
            if note:
                line.right.append((note, "bad" if passage.in_prompt else "dim"))
            yield line
            for text in rest:
                yield Line.of((inner, "dim"), (" " * (2 + columns(label)), ""), (text, quiet))
        if len(passages) > len(shown):
            yield Line.of((f"{inner}  {self._page.ellipsis} {len(passages) - len(shown)} more", "dim"))

    # --- checks -------------------------------------------------------------------------------------------------

    def checks(self, stage: Stage, inner: str) -> Iterable[Line]:
        """All checks of an answer, each with what it rests on; before them, passages that no other span lists."""
        chain = self._trace.chains.get(stage.span.span_id) if stage.checks else None
        if chain is not None:
            own = [p for p in chain.passages if p.source == "prompt"]
            yield from self._listed(own, self._relevance(), inner)
        for check in stage.checks:
            yield from self._check(check, chain, inner)

    def _check(self, check: Check, chain: RagChain | None, inner: str) -> Iterable[Line]:
        name = self._page.cut(check.name, 28)
        if check.value is None:
            why = f"broke: {inert(check.reason).removeprefix('failed: ')}" if check.broke else (
                f"not scored: {inert(check.reason).replace('_', ' ')}"
            )  # fmt: skip
            sign = self._page.mark("doubt" if check.broke else "none")
            yield Line.of((inner, "dim"), sign, (f" {name}  ", "dim"), (why, "doubt"))
            return
        mark: Mark = "bad" if check.failed else "doubt" if check.unsupported else "good" if check.passed else "none"
        at_least = "≥" if self._page.unicode else ">="
        limit = f"  ({at_least}{check.threshold:.2f})" if check.threshold is not None else ""
        label = f"  {inert(check.label)}" if check.label else ""
        said = inert(check.explanation.partition(": ")[0] if check.unsupported else check.explanation)
        used = columns(inner) + columns(name) + columns(label) + len(limit) + 10
        below = self._full and used + columns(said) > self._page.width
        colour: Style = "bad" if check.failed else ""
        line = Line.of((inner, "dim"), self._page.mark(mark), (f" {name}  ", ""), (f"{check.value:.2f}", colour))
        line.segments.extend([(label, colour), (limit, "dim"), (f"  {said}" if said and not below else "", "dim")])
        yield line
        for start, end in wrapped(said, self._page.width - columns(inner) - 2) if below else ():
            yield Line.of((f"{inner}  ", "dim"), (said[start:end], "dim"))
        yield from self._sentences(check, chain, inner + "  ")

    def _sentences(self, check: Check, chain: RagChain | None, inner: str) -> Iterable[Line]:
        """Sentences that nothing supports, then some that are: the first are what one came for."""
        bad = check.unsupported
        good = [e for e in check.evidence if e.get("verdict") == "supported"]
        shown_bad, shown_good = (bad, good) if self._full else (bad[:_MOST_SENTENCES], good[: _MOST_SENTENCES // 2])
        if not bad and not self._full:
            return
        shown_good = [e for e in shown_good if e.get("text")]
        for evidence in shown_bad:
            yield from self._quoted(evidence, inner)
            if not evidence.get("text"):
                continue
            first, rest = self._begun(self._because(evidence, chain), self._page.width - columns(inner) - 2)
            for text in (first, *rest):
                yield Line.of((f"{inner}  ", "dim"), (text, "bad"))
        for evidence in shown_good:
            passage = _passage(chain, evidence)
            source = "" if passage is None else self._page.cut(_name(passage, evidence), 16)
            room = self._page.width - columns(inner) - 4 - (columns(source) + 2 if source else 0)
            text, rest = self._begun(str(evidence["text"]), room)
            right: list[Segment] = [(source, "dim")] if source else []
            end = "" if rest else '"'
            yield Line.of((inner, "dim"), self._page.mark("good"), (f' "{text}{end}', "dim"), right=right)
            for i, text in enumerate(rest, 1):
                yield Line.of((f"{inner}   ", "dim"), (text + ('"' if i == len(rest) else ""), "dim"))
        hidden = len(bad) + len(good) - len(shown_bad) - len(shown_good)
        if hidden > 0:
            parts = [
                f"{count} more {word}"
                for count, word in (
                    (len(bad) - len(shown_bad), "unsupported"),
                    (len(good) - len(shown_good), "supported"),
                )
                if count
            ]
            yield Line.of((f"{inner}  {self._page.ellipsis} {', '.join(parts)}", "dim"))

    def _quoted(self, evidence: Mapping[str, Any], inner: str) -> Iterable[Line]:
        """The sentence with its flaws marked; where it is cut, so that its first flaw is in view."""
        text = inert(str(evidence.get("text") or ""))
        lead: list[Segment] = [(inner, "dim"), self._page.mark("bad")]
        if not text:
            where = f" characters {evidence.get('start')} to {evidence.get('end')} of the answer (text not recorded)"
            yield Line([*lead, (where, "")])
            return
        found = _flaws(evidence, len(text))
        flaws = [(start, end) for start, end, _ in found]
        room = self._page.width - columns(inner) - 4
        shown = (0, len(text))
        if not self._full:
            flaw = min(found, key=_triviality, default=(0, 0, ""))
            shown = _whole_words(text, *window(text, flaw[0], flaw[1], 2 * room - 8, self._page.ellipsis), flaw)
        room -= len(self._page.ellipsis) if shown[0] else 0
        rows = [(shown[0] + start, shown[0] + end) for start, end in wrapped(text[slice(*shown)], room)]
        for i, (first, last) in enumerate(rows):
            line = Line([*lead, (' "', "")] if i == 0 else [(f"{inner}   ", "dim")])
            if i == 0 and first:
                line.segments.append((self._page.ellipsis, "dim"))
            line.segments += _marked(text, flaws, first, last)
            if i == len(rows) - 1:
                line.segments.extend([(self._page.ellipsis if last < len(text) else "", "dim"), ('"', "")])
            yield line

    def _because(self, evidence: Mapping[str, Any], chain: RagChain | None) -> str:
        """What is wrong with a sentence, in its own words, and what the passage says instead."""
        text = str(evidence.get("text") or "")
        flaws = _flaws(evidence, len(text))
        flaws.sort(key=_triviality)
        words = ", ".join(dict.fromkeys(f'"{text[start:end].strip()}"' for start, end, _ in flaws if text))
        passage = _passage(chain, evidence)
        start, end = evidence.get("passage_start"), evidence.get("passage_end")
        if evidence.get("verdict") == "contradicted" and passage is not None and isinstance(start, int):
            says = " ".join(passage.text[start : end if isinstance(end, int) else None].split())
            return f"{words or 'it'} against {_name(passage, evidence)}: {says}"
        count = 0 if chain is None else len(chain.context)
        where = "the passages" if not count else "the passage" if count == 1 else f"the {count} passages"
        return f"not in {where}: {words}" if words else f"no support in {where}"

    def _begun(self, text: str, room: int) -> tuple[str, list[str]]:
        """The text in one line, or, where everything is shown, its first line and those after it."""
        if not self._full:
            return self._page.cut(text, room), []
        shown = inert(text)
        lines = [shown[start:end] for start, end in wrapped(shown, room)] or [""]
        return lines[0], lines[1:]


def _whole_words(text: str, first: int, last: int, flaw: tuple[int, int, str]) -> tuple[int, int]:
    """A window moved in to the next blanks, if the flaw stays in view and they are near."""
    if first:
        blank = text.find(" ", first, min(first + 16, flaw[0] + 1))
        first = blank + 1 if blank >= 0 else first
    if last < len(text):
        blank = text.rfind(" ", max(last - 16, flaw[1]), last)
        last = blank if blank >= 0 else last
    return first, last


def _marked(text: str, flaws: Iterable[tuple[int, int]], first: int, last: int) -> list[Segment]:
    """Characters `first` to `last`, those within flaws styled as such."""
    segments: list[Segment] = []
    at = first
    for start, end in flaws:
        start, end = max(start, at), min(end, last)
        if start < end:
            segments.extend([(text[at:start], ""), (text[start:end], "flaw")])
            at = end
    segments.append((text[at:last], ""))
    return segments


def _flaws(evidence: Mapping[str, Any], length: int) -> list[tuple[int, int, str]]:
    """(start, end, reason) within the sentence, in order, not overlapping; what lies outside is left out."""
    offset = evidence.get("start")
    found: list[tuple[int, int, str]] = []
    rows = evidence.get("flaws")
    for flaw in rows if isinstance(rows, list) and isinstance(offset, int) else ():
        start, end = (flaw.get("start"), flaw.get("end")) if isinstance(flaw, Mapping) else (None, None)
        if isinstance(start, int) and isinstance(end, int) and isinstance(offset, int):
            start, end = start - offset, end - offset
            if 0 <= start < end <= length:
                found.append((start, end, str(flaw.get("reason") or "")))
    found.sort()
    return [f for i, f in enumerate(found) if i == 0 or f[0] >= found[i - 1][1]]


def _triviality(flaw: tuple[int, int, str]) -> tuple[bool, int]:
    """A wrong number or name tells more than a word that no passage has."""
    return flaw[2] == "words", flaw[0]


def _passage(chain: RagChain | None, evidence: Mapping[str, Any]) -> Passage | None:
    place = evidence.get("passage")
    if chain is None or not isinstance(place, int) or not 0 <= place < len(chain.passages):
        return None
    return chain.passages[place]


def _name(passage: Passage, evidence: Mapping[str, Any]) -> str:
    return inert(passage.id) if passage.id else f"passage {int(evidence['passage']) + 1}"
