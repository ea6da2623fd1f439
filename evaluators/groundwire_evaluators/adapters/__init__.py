"""Evaluators of other projects as ours, for those who have them installed.

Each file imports its library when it first judges. Nothing here downloads anything unless told to.
"""
