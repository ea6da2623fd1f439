"""What a test traced: the object behind the fixture `groundwire`."""

from collections import Counter
from collections.abc import Sequence

from groundwire.capturing import Capture
from groundwire.chain import chains
from groundwire.figures import plural
from groundwire.model import Passage, RagChain, SpanRecord
from groundwire.trace import Trace, read_traces


class CapturedAnswer(str):
    """An answer that was traced: its text, which knows what it rests on."""

    __slots__ = ("chain",)

    chain: RagChain

    def __new__(cls, chain: RagChain) -> "CapturedAnswer":
        """The text of a chain's answer."""
        text = super().__new__(cls, chain.answer)
        text.chain = chain
        return text

    @property
    def question(self) -> str | None:
        """What was asked."""
        return self.chain.question

    @property
    def passages(self) -> tuple[Passage, ...]:
        """What was retrieved for it; those that reached the prompt have `in_prompt`."""
        return self.chain.passages


class CapturedAnswers:
    """The RAG answers of one test, from the spans that ended in it."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._cleared = 0

    @property
    def spans(self) -> tuple[SpanRecord, ...]:
        """All spans that have ended, in their order."""
        return self._capture.spans[self._cleared :]

    @property
    def traces(self) -> Sequence[Trace]:
        """The requests they tell of, with stages, tokens and cost."""
        return read_traces(self.spans)

    @property
    def answers(self) -> tuple[CapturedAnswer, ...]:
        """All RAG answers, in the order in which they ended."""
        return tuple(map(CapturedAnswer, chains(self.spans).chains))

    @property
    def answer(self) -> CapturedAnswer:
        """The last RAG answer.

        Raises:
            AssertionError: there is none; the message says what there is instead.
        """
        __tracebackhide__ = True
        found = chains(self.spans)
        if not found.chains:
            why = Counter(r.reason.replace("_", " ") for r in found.rejected)
            told = ", ".join(f"{count} {reason}" for reason, count in why.most_common())
            n, spans = why.total(), len(self.spans)
            calls = f"{n} chat {plural('call', n)} that gave none ({told})" if why else "no chat call"
            raise AssertionError(
                f"no RAG answer was traced in this test: {spans} {plural('span', spans)}, {calls}. Is the library "
                "traced, and has a streamed answer been read to its end?"
            )
        return CapturedAnswer(found.chains[-1])

    def clear(self) -> None:
        """Forget what has ended so far."""
        self._cleared = len(self._capture.spans)
