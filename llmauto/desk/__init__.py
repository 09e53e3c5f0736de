"""A chain's state folder: the agents' view of the run, and their way to speak back."""

from llmauto.desk.folder import StateDesk, reset_folder

__all__ = ["StateDesk", "reset_folder"]
