"""Scoring stored traces of any size: sorted by trace into buckets, each bucket scored, written and remembered.

    source -> spool (64 buckets by trace id, in memory or on disk)
           -> each bucket: spans and log records joined, chains, evaluators, journal
           -> parts, one a bucket -> output

A bucket is small enough for memory, and needs no other: what an answer links to in another trace is copied beside it.
So buckets are scored one after the other, by several processes, or by the machines of a Ray cluster, with the same
result. What an evaluator said is in the journal before the next is asked: a run that was killed goes on where it was.
"""
