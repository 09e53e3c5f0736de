"""The keeper process itself: a program of few imports, run by file location without `llmauto`.

Its start-up is paid once per call, so nothing in here imports json, signal, subprocess, dataclasses,
pathlib, enum, re or typing. The runner imports some of these modules as well.
"""
