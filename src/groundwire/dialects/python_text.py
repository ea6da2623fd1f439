"""Values of Python whose `repr` an SDK has recorded, read back."""

import ast
import re
from typing import Any

_ESCAPED = r"\\(?:[\\'\"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
TEXT = rf"(?:'(?:[^'\\\n]|{_ESCAPED})*'|\"(?:[^\"\\\n]|{_ESCAPED})*\")"
"""Pattern of the `repr` of a text."""
_LITERAL = re.compile(
    rf"(?:{TEXT}|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])|(?:None|True|False)\b|[ ,:{{}}\[\]()])+"
)
_LONGEST = 200_000


def literal(text: str) -> Any:
    """The value; None where the text is no `repr` of texts, numbers and containers of these, or is overlong.

    Only what `repr` can have written is handed to Python's own parser, which has opinions on everything else.
    """
    if len(text) > _LONGEST or _LITERAL.fullmatch(text) is None:
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, SyntaxWarning, RecursionError, MemoryError):
        return None
