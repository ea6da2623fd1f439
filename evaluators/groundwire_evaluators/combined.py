"""Words and model together: one chance for each sentence, one for the answer, and the characters that are at fault."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from groundwire_evaluators.forest import Linear, Row, probability, stored_weights
from groundwire_evaluators.local_model import SentenceOdds
from groundwire_evaluators.sentences import Span

_LEAST = 1e-4
NO_MODEL = SentenceOdds(-1, 0.0, 0.0, ())
"""For a sentence without one piece that the vocabulary knows."""


def log_odds(chance: float) -> float:
    """Natural log-odds of a chance, limited to what lies between 0.0001 and 0.9999."""
    p = min(max(chance, _LEAST), 1 - _LEAST)
    return math.log(p / (1 - p))


def sentence_row(lexical: float, model: SentenceOdds) -> list[float]:
    """What a sentence is judged by: 4 numbers, all log-odds.

    The words' verdict, the model's, that on the worst piece and the mean of those on the three worst.
    """
    worst = sorted((odds for _, _, odds in model.pieces), reverse=True)[:3] or [0.0]
    return [log_odds(lexical), model.unsupported, worst[0], sum(worst) / len(worst)]


def answer_row(lexical: float, joined: float, chances: Row) -> list[float]:
    """What an answer is judged by: 3 numbers, all log-odds to be unsupported.

    Args:
        lexical: Chance of the answer to be supported, by words alone.
        joined: The same from the joined chances of its sentences, by the words' model of answers.
        chances: Joined chance of each checkable sentence to be unsupported, shape (n,), n > 0; the worst one counts.
    """
    return [-log_odds(lexical), -log_odds(joined), log_odds(max(chances))]


@dataclass(frozen=True, slots=True)
class Combined:
    """The fitted combination. Fitted on sources that neither the words' weights nor the model's were fitted on."""

    sentence: Linear
    answers: Mapping[str, Linear]
    """By kind of answer: `one_sentence`, `prose`, `structured`."""
    threshold: float
    """Answers of a lower value are unfaithful."""
    sentence_threshold: float
    piece_threshold: float
    """Log-odds from which a piece of an unsupported sentence is marked."""
    contradiction_threshold: float

    def unsupported(self, rows: Sequence[Row]) -> list[float]:
        """Chance of each sentence, shape (n,), from rows of `sentence_row`."""
        return [probability(odds) for odds in self.sentence.log_odds(rows)]

    def faithful(self, lexical: float, joined: float, chances: Row, kind: str) -> float:
        """Chance that the whole answer is supported; see `answer_row`."""
        return probability(-self.answers[kind].log_odds([answer_row(lexical, joined, chances)])[0])


@lru_cache(maxsize=1)
def combined() -> Combined:
    """The fitted numbers, `weights/combined.json`."""
    stored = stored_weights("combined")
    return Combined(
        Linear.from_json(stored["sentence"]),
        {kind: Linear.from_json(line) for kind, line in stored["answers"].items()},
        float(stored["threshold"]),
        float(stored["sentence_threshold"]),
        float(stored["piece_threshold"]),
        float(stored["contradiction_threshold"]),
    )


def marked(answer: str, pieces: Sequence[tuple[int, int, float]], threshold: float) -> list[Span]:
    """The words that hold a piece of at least that log-odds, those that touch or are one apart joined.

    >>> marked("in Paris, France", [(0, 2, -3.0), (3, 8, 2.0), (8, 9, -1.0), (10, 16, 1.0)], 0.0)
    [(3, 16)]
    """
    spans: list[Span] = []
    for start, end, odds in sorted(pieces):
        if odds < threshold or not any(map(str.isalnum, answer[start:end])):
            continue
        while start > 0 and answer[start - 1].isalnum() and answer[start].isalnum():
            start -= 1
        while end < len(answer) and answer[end].isalnum() and answer[end - 1].isalnum():
            end += 1
        if spans and start <= spans[-1][1] + 2:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans
