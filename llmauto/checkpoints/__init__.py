"""Keeps the workdir before and after each link as git commits, compares them, and puts files back."""

from __future__ import annotations

from llmauto.checkpoints.keeping import GitCheckpoints
from llmauto.checkpoints.repository import CheckpointError

__all__ = ["CheckpointError", "GitCheckpoints"]
