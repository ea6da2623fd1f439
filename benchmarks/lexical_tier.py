"""The default evaluators by words alone: `groundwire score -e lexical_tier:faithfulness ...` from this folder."""

from groundwire_evaluators.answer_relevance import AnswerRelevance
from groundwire_evaluators.context_relevance import ContextRelevance
from groundwire_evaluators.faithfulness import Faithfulness

faithfulness = Faithfulness(tier="lexical")
context_relevance = ContextRelevance(tier="lexical")
answer_relevance = AnswerRelevance()
