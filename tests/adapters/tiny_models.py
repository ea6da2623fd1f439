"""Models of `transformers` with random weights, made on the spot: the shapes are real, the verdicts mean nothing."""

from pathlib import Path
from typing import Any

WORDS = """
the a is it was were of in and to not tower tall metres metre high built completed engineer paris dijon bananas
potassium eiffel gustave born question passage passages answer text . , ? : ! 330 350 1889 1 2 3 4 5 6 7 8 9 0
"""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save(folder: Path, kind: str, labels: list[str], *, window: int = 512, seed: int = 0) -> str:
    """Save a model and its tokenizer.

    Args:
        folder: where to.
        kind: `sequence` or `token`.
        labels: names of the classes.
        window: tokens that it sees at once.
        seed: of the weights.

    Returns:
        The folder's path.
    """
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertForTokenClassification,
        BertTokenizerFast,
    )

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*WORDS.split(), *LETTERS])]
    vocabulary += [f"##{letter}" for letter in LETTERS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=window)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config: Any = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=window, id2label=dict(enumerate(labels)), label2id={n: i for i, n in enumerate(labels)},
        initializer_range=0.5,
    )  # fmt: skip
    model = {"sequence": BertForSequenceClassification, "token": BertForTokenClassification}[kind](config)
    model.save_pretrained(folder)
    return str(folder)
