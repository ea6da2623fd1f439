"""What the recorded applications were asked, what they found, and what they answered: known in full.

Standard library only: the applications import it in environments of their own.
"""

from dataclasses import dataclass

MODEL = "gpt-4o-mini"
"""Asked for."""
RESPONSE_MODEL = "gpt-4o-mini-2024-07-18"
"""What the server says it was."""
EMBEDDING_MODEL = "text-embedding-3-small"
RERANK_MODEL = "rerank-v3.5"
COLLECTION = "handbook"

CORPUS: dict[str, str] = {
    "battery": "The Heron 3 pump runs for 14 hours on one charge and takes 90 minutes to charge fully.",
    "charger": "The charger of the Heron 3 is rated at 45 watts and must be kept away from water.",
    "noise": "At full power the Heron 3 makes 52 decibels, measured at a distance of one metre.",
    "warranty": "Every Heron pump has a warranty of 36 months from the day on which it was bought.",
    "returns": "Pumps may be returned unused within 30 days; the buyer pays for the shipping.",
    "filter": "The filter must be rinsed every week and replaced after 200 hours of use.",
    "depth": "The Heron 3 lifts water from a depth of up to 8 metres through a 25 millimetre hose.",
    "frost": "Below 4 degrees Celsius the pump must be emptied, because frost breaks its housing.",
}
"""Passages by id, in the order in which they are put into a store."""


@dataclass(frozen=True)
class Tokens:
    """As the server bills a call: `input` includes `cached`."""

    input: int
    output: int
    cached: int = 0


@dataclass(frozen=True)
class Request:
    """One request to the application. `retrieved` and what follows are ids of passages."""

    name: str
    question: str
    answer: str
    tokens: Tokens
    retrieved: tuple[str, ...] = ()
    """In the order in which the store returns them: empty where nothing is retrieved."""
    reranked: tuple[str, ...] = ()
    """What a reranker keeps of them, best first; empty where there is no reranker."""
    prompt: tuple[str, ...] = ()
    """What reaches the prompt, in its order there."""
    streamed: bool = False
    query: str | None = None
    """What is searched for, where a call rewrites the question first."""
    query_tokens: Tokens | None = None
    """Of that call."""
    false_words: str = ""
    """The words of the answer that are not true to the passages."""
    refusal: bool = False

    @property
    def search(self) -> str:
        """The text that is searched for."""
        return self.query or self.question

    @property
    def ranked(self) -> tuple[str, ...]:
        """All that were retrieved: those in the prompt by their last ranking, then those that were dropped."""
        return self.prompt + tuple(p for p in self.reranked + self.retrieved if p not in self.prompt)[: self._dropped]

    @property
    def _dropped(self) -> int:
        return len(self.retrieved) - len(self.prompt)


REQUESTS: tuple[Request, ...] = (
    Request(
        name="plain",
        question="How long does the Heron 3 run on one charge?",
        answer="The Heron 3 runs for 14 hours on one charge.",
        tokens=Tokens(171, 14, cached=128),
        retrieved=("battery", "charger", "noise"),
        prompt=("battery", "charger"),
    ),
    Request(
        name="reranked",
        question="Which warranty does a Heron pump have, and may I return it?",
        answer="A Heron pump has a warranty of 60 months. It may be returned unused within 30 days.",
        tokens=Tokens(187, 22),
        retrieved=("returns", "filter", "warranty", "depth"),
        reranked=("warranty", "returns"),
        prompt=("warranty", "returns"),
        false_words="60",
    ),
    Request(
        name="rewritten",
        question="And how deep may its well be?",
        query="Heron 3 pump maximum well depth",
        query_tokens=Tokens(58, 7),
        answer="It lifts water from a depth of up to 8 metres.",
        tokens=Tokens(166, 13),
        retrieved=("depth", "frost", "filter"),
        prompt=("depth", "frost"),
        streamed=True,
    ),
    Request(
        name="chat",
        question="Write a friendly greeting for our shop.",
        answer="Welcome to our shop! We are glad that you are here.",
        tokens=Tokens(23, 12),
    ),
    Request(
        name="refused",
        question="Who founded the company that makes the Heron?",
        answer="I don't know. The given passages do not say who founded the company.",
        tokens=Tokens(159, 16),
        retrieved=("warranty", "noise", "battery"),
        prompt=("warranty", "noise"),
        refusal=True,
    ),
)

SYSTEM = "Answer the question from the context only. If the context does not tell, say that you do not know."


def texts(ids: tuple[str, ...]) -> list[str]:
    """The passages of these ids."""
    return [CORPUS[i] for i in ids]


def answer_prompt(question: str, passages: list[str]) -> str:
    """What an application that writes its own prompt asks the model."""
    context = "\n\n".join(passages)
    return f"Context:\n{context}\n\nQuestion: {question}"


def rewrite_prompt(question: str) -> str:
    """What it asks for a search query: the server knows this call by the words `search query`."""
    return f"We talk about the Heron 3 pump. Rewrite this message as a search query: {question}"


def request(name: str) -> Request:
    """The request of that name."""
    return next(r for r in REQUESTS if r.name == name)
