"""For tests: assertions on answers, and the answers that a test traced. docs/testing.md tells more.

from groundwire.testing import assert_faithful

The pytest plugin is found by itself; it does nothing, and imports nothing, until a test asserts something here or asks
for the fixture `groundwire`.
"""

from groundwire.testing.asserting import assert_faithful, assert_relevant, assert_score
from groundwire.testing.captured import CapturedAnswer, CapturedAnswers

__all__ = ["CapturedAnswer", "CapturedAnswers", "assert_faithful", "assert_relevant", "assert_score"]
