"""Plays a run: asks the rules what is next, does it, writes down what happened."""

from llmauto.engine.loop import Engine
from llmauto.engine.parts import Parts, Places

__all__ = ["Engine", "Parts", "Places"]
