"""The local model in PyTorch: MiniLM-L6 with match embeddings, ten numbers for each token."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from groundwire_evaluators.evidence import MATCHES, NEIGHBOURS

HIDDEN, HEADS, LAYERS = 384, 12, 6
QUESTIONS = ("unsupported", "contradicted", "relevant")
"""What is asked about a sentence; each takes an attention and a value column, and one of the `[CLS]` token."""
COLUMNS = 1 + 3 * len(QUESTIONS)
"""Numbers for each token: its own log-odds to be unsupported, then (attention, value, summary) for each question."""


class _Dropout(nn.Module):
    """Drops features of a whole window: as good a brake here, and without a random number for each token."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        kept = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= self.share
        return x * (kept / (1.0 - self.share)).to(x.dtype)


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.up = nn.Linear(HIDDEN, 4 * HIDDEN)
        self.down = nn.Linear(4 * HIDDEN, HIDDEN)
        self.norm_attention = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.norm_output = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.dropout = _Dropout(0.1)

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        x = self.norm_attention(x + self.dropout(self.out(mixed.transpose(1, 2).reshape(batch, length, HIDDEN))))
        return self.norm_output(x + self.dropout(self.down(functional.gelu(self.up(x)))))


class LocalNet(nn.Module):
    """(ids, segments, matches, neighbours, mask), each of shape (batch, length), to (batch, length, COLUMNS)."""

    def __init__(self, vocabulary: int, positions: int = 512) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, HIDDEN)
        self.positions = nn.Embedding(positions, HIDDEN)
        self.segments = nn.Embedding(2, HIDDEN)
        self.matches = nn.Embedding(MATCHES, HIDDEN)
        self.neighbours = nn.Embedding(NEIGHBOURS, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.head = nn.Linear(HIDDEN, COLUMNS)
        self.dropout = _Dropout(0.1)
        for table in (self.matches, self.neighbours):
            nn.init.normal_(table.weight, std=0.02)

    def forward(
        self, ids: torch.Tensor, segments: torch.Tensor, matches: torch.Tensor, neighbours: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        place = torch.arange(ids.shape[1], device=ids.device)
        x = self.words(ids) + self.positions(place) + self.segments(segments)
        x = self.dropout(self.norm(x + self.matches(matches) + self.neighbours(neighbours)))
        bias = (1.0 - mask.float())[:, None, None, :] * -10_000.0
        for layer in self.layers:
            x = layer(x, bias)
        return self.head(x)

    def load_bert(self, file: Path) -> None:
        """Take over the weights of a BERT encoder of this shape (safetensors, names as in `transformers`)."""
        from safetensors.torch import load_file

        stored: Mapping[str, torch.Tensor] = load_file(file)
        own: dict[str, Any] = {
            "words.weight": stored["embeddings.word_embeddings.weight"],
            "positions.weight": stored["embeddings.position_embeddings.weight"],
            "segments.weight": stored["embeddings.token_type_embeddings.weight"],
            "norm.weight": stored["embeddings.LayerNorm.weight"],
            "norm.bias": stored["embeddings.LayerNorm.bias"],
        }
        names = {
            "out": "attention.output.dense", "norm_attention": "attention.output.LayerNorm",
            "up": "intermediate.dense", "down": "output.dense", "norm_output": "output.LayerNorm",
        }  # fmt: skip
        for i in range(LAYERS):
            theirs = f"encoder.layer.{i}"
            for kind in ("weight", "bias"):
                parts = [stored[f"{theirs}.attention.self.{p}.{kind}"] for p in ("query", "key", "value")]
                own[f"layers.{i}.qkv.{kind}"] = torch.cat(parts)
                for mine, name in names.items():
                    own[f"layers.{i}.{mine}.{kind}"] = stored[f"{theirs}.{name}.{kind}"]
        missing, unexpected = self.load_state_dict(own, strict=False)
        if unexpected or any(not m.startswith(("matches", "neighbours", "head")) for m in missing):
            raise ValueError(f"no BERT of this shape: missing {missing}, unexpected {unexpected}")


def sentence_odds(columns: torch.Tensor, members: torch.Tensor, question: int) -> torch.Tensor:
    """Log-odds of sentences for one of `QUESTIONS`.

    Args:
        columns: (batch, length, COLUMNS), in float32.
        members: (batch, sentences, length), True for the tokens of a sentence; every sentence has one.
        question: Index into QUESTIONS.

    Returns:
        (batch, sentences): the value column averaged under a softmax of the attention column, plus the summary.
    """
    at = 1 + 3 * question
    attention = columns[:, None, :, at].masked_fill(~members, -1e4)
    mixed = (torch.softmax(attention, -1) * columns[:, None, :, at + 1]).sum(-1)
    return mixed + columns[:, :1, at + 2]
