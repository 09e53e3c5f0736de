"""Autonomous chains of coding agents: marble runs from a JSON file."""

__version__ = "0.1.0"
