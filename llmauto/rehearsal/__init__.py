"""Plays a chain with scripted agents through the real engine, on a clock that takes no time."""

from llmauto.rehearsal.stage import Rehearsed, rehearse

__all__ = ["Rehearsed", "rehearse"]
