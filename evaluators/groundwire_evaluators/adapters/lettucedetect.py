"""LettuceDetect: a token classifier that marks the words of an answer which its passages do not support."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from groundwire.errors import ConfigurationError
from groundwire.model import Flaw, RagChain, Score, Skipped
from groundwire_evaluators.adapters.library import Shelf, require
from groundwire_evaluators.adapters.support import Question, Support, checkable, fitting, supported

_shelf: Shelf[Any] = Shelf()


@dataclass(frozen=True, slots=True)
class LettuceDetect:
    """Chance, in [0, 1], that the least supported word of the answer is supported, by a model of LettuceDetect.

    Marked words are flaws of their sentence. The label is `unfaithful` where a word's chance of being unsupported is
    1 - `threshold` or more, as the library itself decides.

    Passages beyond `max_length` tokens are judged in groups by the library, which believes a word only if *every* group
    supports it: many long passages make it stricter. Skipped: `empty_answer`, `no_passages`, `refusal`,
    `nothing_checkable`.

    Source: Kovács and Recski 2025; `pip install lettucedetect` (written for 0.2.3).
    """

    model: str = "KRLabsOrg/lettucedect-base-modernbert-en-v1"
    """A folder, or a name on the hub."""
    language: str = "en"
    """In which its prompt is written: en, de, fr, es, it, pl, cn, hu."""
    max_length: int = 4096
    """Tokens that the model sees at once."""
    download: bool = False
    """Whether the model may be fetched if it is not on this machine."""
    device: str | None = None
    """As torch calls it; None: a GPU where there is one."""
    threshold: float = 0.5
    name: str = "lettucedetect"
    version: str = "1"

    def __post_init__(self) -> None:
        require("lettucedetect", "lettucedetect", "LettuceDetect")

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; one pass of the encoder over passages and answer.

        Raises:
            ConfigurationError: the model cannot be loaded.
        """
        question = checkable(chain)
        if isinstance(question, Skipped):
            return question
        settings = (self.model, self.language, self.max_length, self.download, self.device)
        detector = _shelf.get(settings, self._load)
        with detector.lock:
            words = _judged(detector.value, question, chain.question, self.max_length)
        return supported(
            question, _by_sentence(question, words, self.threshold), threshold=self.threshold, model=self.model
        )

    def _load(self) -> Any:
        found: Any = import_module("lettucedetect.detectors.transformer")
        try:
            return found.TransformerDetector(
                self.model, max_length=self.max_length, device=self.device, lang=self.language,
                local_files_only=not self.download,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            hint = "" if self.download else "; give the folder that holds it, or allow download=True"
            raise ConfigurationError(f"LettuceDetect cannot load {self.model!r}: {str(error)[:300]}{hint}") from error


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    unsupported: float


def _judged(detector: Any, question: Question, asked: str | None, window: int) -> list[_Word]:
    """Each token of the answer with its place in it.

    The library's own spans are not used: they hold no chance for words that pass, and are out of place where an answer
    begins with white space. It cuts the end off a passage that does not fit into its window, and refuses an answer
    that does not: both are cut here into parts that fit.
    """

    def count(text: str) -> int:
        return len(detector.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    passages = [text[a:b] for _, text in question.passages for a, b in fitting(text, count, window // 4)]
    found: list[_Word] = []
    for start, end in fitting(question.answer, count, window // 2):
        part = question.answer[start:end]
        tokens: Any = detector.predict(passages, part, asked, output_format="tokens")
        places: Any = detector.tokenizer(part, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        if len(tokens) - len(places) not in (0, 1):  # the mark that closes the answer is judged as well
            raise ValueError(f"lettucedetect judged {len(tokens)} tokens of an answer that has {len(places)}")
        judged = zip(tokens, places, strict=False)
        found += [_Word(start + a, start + b, float(token["prob"])) for token, (a, b) in judged if a < b]
    return found


def _by_sentence(question: Question, words: Sequence[_Word], threshold: float) -> list[Support]:
    found: list[Support] = []
    for start, end in question.sentences:
        inside = [w for w in words if w.start < end and w.end > start]
        flaws: list[Flaw] = []
        touching = False
        for word in inside:
            marked = 1.0 - word.unsupported < threshold
            if marked and touching:
                flaws[-1] = Flaw(flaws[-1].start, min(word.end, end), "model")
            elif marked:
                flaws.append(Flaw(_begin(question.answer, max(word.start, start)), min(word.end, end), "model"))
            touching = marked
        chance = 1.0 - max((w.unsupported for w in inside), default=0.0)
        found.append(Support(chance, flaws=tuple(flaws)))
    return found


def _begin(answer: str, start: int) -> int:
    """Tokens of some models hold the space before the word."""
    while answer[start : start + 1].isspace():
        start += 1
    return start
