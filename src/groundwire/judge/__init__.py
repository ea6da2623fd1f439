"""A language model as judge: faithfulness with checked quotes, rules of one sentence, juries and cascades."""

from groundwire.errors import JudgeError
from groundwire.judge.cascade import Cascade
from groundwire.judge.faithfulness import Judge
from groundwire.judge.jury import Jury
from groundwire.judge.rubric import Rubric
from groundwire.judge.spending import Budget, Spent

__all__ = ["Budget", "Cascade", "Judge", "JudgeError", "Jury", "Rubric", "Spent"]
