"""Embeddings without a model: hashed words. A search finds passages that share words with the question."""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

DIMENSIONS = 512
_WORD = re.compile(r"\w+")
_STOP = frozenset(
    _WORD.findall(
        "a an and are as at be but by can do does for from had has have how i if in into is it its my no not of on"
        " or so such that the their then there these they this to was we were what when where which who why will"
        " with would you your"
    )
)


def embed(tokens: Sequence[str], dimensions: int = DIMENSIONS) -> npt.NDArray[np.float32]:
    """A unit vector of hashed words and word pairs (Weinberger et al., arXiv 0902.2206).

    Args:
        tokens: words of a text, see `words`.
        dimensions: length of the vector.

    Returns:
        Shape `(dimensions,)`, length 1. The same on every machine; without tokens, the first axis.
    """
    counts = Counter(tokens)
    counts.update(f"{a} {b}" for a, b in pairwise(tokens))
    vector = np.zeros(dimensions, np.float64)
    for feature, count in counts.items():
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
        sign = 1.0 if digest >> 63 else -1.0
        vector[digest % dimensions] += sign * (1.0 + math.log(count))
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        vector[0] = length = 1.0
    return (vector / length).astype(np.float32)


def words(text: str) -> list[str]:
    """The words that carry meaning, singular where that is easy; all words where none of them does."""
    found = _WORD.findall(text.casefold())
    telling = [w[:-1] if w.endswith("s") and len(w) > 3 else w for w in found if w not in _STOP]
    return telling or found
