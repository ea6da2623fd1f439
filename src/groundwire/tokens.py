"""A guess at token counts, for streams that ended before the provider reported usage."""

import re

# English prose runs at about 4.2 characters a token with the current BPE vocabularies, digits at up to three a
# token, and scripts without spaces at about one token a character.
_WORDS = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_LONG = 20_000
"""Characters."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has; 0 for an empty one. Within some 15 % of BPE counts on English prose."""
    if not text:
        return 0
    if len(text) > _LONG:  # long enough for samples to hold, and streams end on the application's thread
        step = len(text) // 20
        samples = [text[at : at + 200] for at in range(0, 20 * step, step)]
        return round(sum(map(estimate_tokens, samples)) * len(text) / 4000)
    if not text.isascii():
        wide = sum(1 for character in text if ord(character) > 0x2E7F)
        if wide:
            return wide + estimate_tokens(re.sub(r"[\u2e80-\U0010ffff]+", " ", text))
    return sum(1 if len(word) <= 7 else (len(word) + 4) // 5 for word in _WORDS.findall(text))
