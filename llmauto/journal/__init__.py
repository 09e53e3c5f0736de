"""The truth on disk: what happened in every run, in one SQLite file that any tool can read."""
