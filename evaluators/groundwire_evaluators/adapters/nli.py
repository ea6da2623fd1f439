"""Sequence classifiers of `transformers` that tell whether a text supports a sentence: HHEM, MiniCheck, NLI models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from groundwire.errors import ConfigurationError
from groundwire.model import RagChain, Score, Skipped
from groundwire_evaluators.adapters.library import Shelf, require
from groundwire_evaluators.adapters.support import Question, Support, checkable, fitting, pieces, supported

_SUPPORTED = frozenset(
    ("entailment", "entail", "entailed", "supported", "support", "supports", "consistent", "faithful")
)
_CONTRADICTED = frozenset(("contradiction", "contradict", "contradicted", "refuted", "refutes"))
_BATCH = 16
_WINDOW_CHARACTERS = 4_000
"""For models that judge texts themselves: they take any length, and memory grows with its square."""
_USUAL_WINDOW = 512
_OVERLAP = 64
"""Tokens that neighbouring windows share, so that a sentence at the edge is whole in one of them."""


@dataclass(frozen=True, slots=True)
class Entailment:
    """What a model says of one text and one sentence; both in [0, 1]."""

    supported: float
    contradicted: float = 0.0


class Reader(Protocol):
    """A loaded model."""

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Entailment]:
        """Judge (text, sentence) pairs: the best that a window of the text gives."""
        ...

    def fits(self, text: str) -> bool:
        """Whether a text is seen in one window, beside a sentence of usual length."""
        ...

    def parts(self, sentence: str) -> list[str]:
        """A sentence, cut if it would leave no room for a text beside it."""
        ...


_shelf: Shelf[Reader] = Shelf()


@dataclass(frozen=True, slots=True)
class TransformersNLI:
    """Chance, in [0, 1], that the least supported sentence of the answer is supported, by a model of `transformers`.

    Each sentence of the answer is the hypothesis and each passage a premise; where several fit into one window
    together, so are they all together. A passage that does not fit is read in overlapping windows. A sentence's
    chance is the highest that any of them gives; one below `threshold` is `unsupported`, or `contradicted` where the
    model has such a class and a premise makes it the likeliest. Sentences beyond `longest` characters are judged in
    parts, by the weakest.

    Skipped: `empty_answer`, `no_passages`, `refusal`, `nothing_checkable`.

        TransformersNLI("/models/minicheck-roberta-large", supported_label=1, name="minicheck")
        TransformersNLI("/models/hhem-2.1-open", trust_remote_code=True, name="hhem")  # not under transformers 5

    Sources: MiniCheck (Tang et al. 2024), whose chunks and maximum these are; SummaC (Laban et al. 2022).
    `pip install transformers torch` (written for transformers 5.24, torch 2.15).
    """

    model: str
    """A folder, or a name on the hub."""
    supported_label: str | int | None = None
    """Of the class that means support, by name or index; None: recognised by its name, or the only one."""
    threshold: float = 0.5
    max_length: int | None = None
    """Tokens that the model sees at once; None: as it says itself."""
    longest: int = 600
    trust_remote_code: bool = False
    """Whether Python that comes with the model may run, as HHEM-2.1 demands."""
    download: bool = False
    """Whether the model may be fetched if it is not on this machine."""
    device: str = "cpu"
    name: str = "nli"
    version: str = "1"

    def __post_init__(self) -> None:
        require("transformers", "transformers torch", "TransformersNLI")
        require("torch", "torch", "TransformersNLI")

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        """Judge one chain; sentences x passages passes through the model.

        Raises:
            ConfigurationError: the model cannot be loaded, or which class means support is not clear.
        """
        question = checkable(chain)
        if isinstance(question, Skipped):
            return question
        key = (self.model, self.supported_label, self.max_length, self.trust_remote_code, self.download, self.device)
        reader = _shelf.get(key, self._load)
        with reader.lock:
            found = list(_by_sentence(question, reader.value, self.longest, self.threshold))
        return supported(question, found, threshold=self.threshold, model=self.model)

    def _load(self) -> Reader:
        transformers: Any = import_module("transformers")
        settings = {"local_files_only": not self.download, "trust_remote_code": self.trust_remote_code}
        try:
            model = transformers.AutoModelForSequenceClassification.from_pretrained(self.model, **settings)
            model = model.to(self.device).eval()
            if hasattr(model, "predict"):  # HHEM judges texts, with a prompt and a tokenizer of its own
                return _Judging(model)
            tokenizer = transformers.AutoTokenizer.from_pretrained(self.model, **settings)
        except (OSError, ValueError, ImportError) as error:
            hint = "" if self.download else "; give the folder that holds it, or allow download=True"
            raise ConfigurationError(f"transformers cannot load {self.model!r}: {str(error)[:300]}{hint}") from error
        return _Classifying(model, tokenizer, self.supported_label, self.max_length, self.device)


def _by_sentence(question: Question, reader: Reader, longest: int, threshold: float) -> Iterator[Support]:
    premises: list[tuple[int | None, str]] = list(question.passages)
    together = "\n\n".join(text for _, text in question.passages)
    if len(question.passages) > 1 and reader.fits(together):
        premises.append((None, together))
    for start, end in question.sentences:
        sentence = question.answer[start:end]
        parts = [part for a, b in pieces(sentence, longest) for part in reader.parts(sentence[a:b])]
        found = reader.read([(text, part) for part in parts for _, text in premises])
        by_part = [found[i : i + len(premises)] for i in range(0, len(found), len(premises))]
        # of each part its best premise; of the parts the weakest
        row = min(by_part, key=_best)
        chance = _best(row)
        winner = next(i for i, entry in enumerate(row) if entry.supported == chance)
        denied = max(entry.contradicted for entry in row) > max(threshold, chance)
        yield Support(chance, premises[winner][0], contradicted=denied)


def _best(row: Sequence[Entailment]) -> float:
    return max(entry.supported for entry in row)


class _Classifying:
    """A model that classifies pairs of texts."""

    def __init__(self, model: Any, tokenizer: Any, supported_label: str | int | None, window: int | None, device: str):
        self._model, self._tokenizer, self._device = model, tokenizer, device
        self._torch: Any = import_module("torch")
        known: dict[int, str] = {int(i): str(name) for i, name in model.config.id2label.items()}
        self._supported = _index(known, supported_label)
        self._contradicted = next((i for i, name in known.items() if name.lower() in _CONTRADICTED), None)
        places: Any = getattr(model.config, "max_position_embeddings", None)
        if not isinstance(places, int) or places <= 0:
            places = _USUAL_WINDOW  # models with relative positions, as T5, have no limit of their own
        elif getattr(model.config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
            places -= 2  # they count from 2
        self._window = window or int(min(tokenizer.model_max_length, places))

    def fits(self, text: str) -> bool:
        return self._count(text) <= self._window * 3 // 4

    def parts(self, sentence: str) -> list[str]:
        return [sentence[a:b] for a, b in fitting(sentence, self._count, self._window // 2)]

    def _count(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Entailment]:
        encoded: Any = self._tokenizer(
            [text for text, _ in pairs], [sentence for _, sentence in pairs],
            truncation="only_first", max_length=self._window,
            stride=min(_OVERLAP, self._window // 8), return_overflowing_tokens=True,
        )  # fmt: skip
        owners: list[int] = list(encoded.pop("overflow_to_sample_mapping"))
        rows = [{key: values[i] for key, values in encoded.items()} for i in range(len(owners))]
        found = [Entailment(0.0)] * len(pairs)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]["input_ids"]))  # like lengths, little padding
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]
            for i, seen in zip(batch, self._classified([rows[i] for i in batch]), strict=True):
                so_far = found[owners[i]]
                found[owners[i]] = Entailment(
                    max(so_far.supported, seen.supported), max(so_far.contradicted, seen.contradicted)
                )
        return found

    def _classified(self, rows: list[dict[str, Any]]) -> list[Entailment]:
        inputs = self._tokenizer.pad(rows, return_tensors="pt").to(self._device)
        with self._torch.inference_mode():
            logits = self._model(**inputs).logits.float()
        if logits.shape[-1] == 1:
            return [Entailment(float(chance)) for chance in self._torch.sigmoid(logits[:, 0]).tolist()]
        chances: list[list[float]] = self._torch.softmax(logits, dim=-1).tolist()
        denied = self._contradicted
        return [Entailment(row[self._supported], 0.0 if denied is None else row[denied]) for row in chances]


class _Judging:
    """A model with a `predict` of its own for pairs of texts, as HHEM-2.1 has."""

    def __init__(self, model: Any):
        self._model = model

    def fits(self, text: str) -> bool:
        return len(text) <= _WINDOW_CHARACTERS

    def parts(self, sentence: str) -> list[str]:
        return [sentence]

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Entailment]:
        windows = [
            (i, text[a:b], sentence)
            for i, (text, sentence) in enumerate(pairs)
            for a, b in pieces(text, _WINDOW_CHARACTERS)
        ]
        found = [0.0] * len(pairs)
        for at in range(0, len(windows), _BATCH):
            batch = windows[at : at + _BATCH]
            chances: Any = self._model.predict([(text, sentence) for _, text, sentence in batch])
            for (i, _, _), chance in zip(batch, chances, strict=True):
                found[i] = max(found[i], float(chance))
        return [Entailment(chance) for chance in found]


def _index(known: dict[int, str], wanted: str | int | None) -> int:
    """Index of the class that means support."""
    if isinstance(wanted, int) and wanted in known:
        return wanted
    matching = [i for i, name in known.items() if name.lower() == str(wanted).lower()]
    if wanted is None:
        matching = [0] if len(known) == 1 else [i for i, name in known.items() if name.lower() in _SUPPORTED]
    if len(matching) == 1:
        return matching[0]
    classes = ", ".join(f"{i} {name!r}" for i, name in known.items())
    asked = "which class means support is not clear" if wanted is None else f"there is no class {wanted!r}"
    raise ConfigurationError(f"{asked}; the model has {classes}: give supported_label=")
