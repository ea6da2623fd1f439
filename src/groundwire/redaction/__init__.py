"""Private data in texts is replaced by placeholders: `<EMAIL_1>` is the same address wherever it stands in a case.

`patterns` finds, `redactor` replaces and counts. What patterns can find is found; nobody claims that this is all.
"""

from groundwire.redaction.redactor import Redactor, hook

__all__ = ["Redactor", "hook"]
