"""What the keeper is told about a call, and what it tells about the end of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One agent process to be held.

    `env` is the agent's whole environment (one name, `LLMAUTO_CALL`, is added: it marks the agent's
    descendants); its values that look like secrets are taken out of what is kept of the output, and so
    are `secrets`, which an agent may find elsewhere. `stdin` is the path of the file that the agent reads
    as its standard input, "" for an empty one.

    Limits are seconds; 0 switches silence and stall off. `start_silence_s` is the time without a first
    byte of output; `stall_s` the time without output, CPU use, new processes, or changed files under
    `cwd`. `grace_s` lies between TERM and KILL.

    `finish_alone`: what happens when the runner dies, true = the agent goes on under its limits.
    `output_cap` is the number of bytes kept of each of stdout and stderr: the first half, and up to
    half of the end. `memory_cap` is bytes of memory of the whole tree, 0 = none.
    """

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    stdin: str = ""
    timeout_s: float = 7200.0
    start_silence_s: float = 120.0
    stall_s: float = 900.0
    grace_s: float = 10.0
    finish_alone: bool = True
    output_cap: int = 50 * 2**20
    memory_cap: int = 0
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the agent process ended.

    `exit_code` is as `waitpid` gives it: negative = the signal; None where the agent never started, or
    where nobody saw its end. `ended_by`: exit · timeout · start_silence · stall · stop · budget · kill ·
    runner_death · memory · disk · not_started · lost. `error` says why it did not start, beginning with
    the name of the errno ("ENOENT: …") or with "cwd: " or "stdin: ", or what went wrong in keeping it.

    `seconds` is the monotonic duration, `suspended_s` what of it the machine slept through;
    `started_at` UTC epoch seconds. `…_bytes` is what the agent wrote, `…_dropped` what of it was not
    kept. `survivors` counts the processes that were killed after the agent's own end. `max_rss` is bytes.
    """

    exit_code: int | None
    ended_by: str
    error: str = ""
    seconds: float = 0.0
    started_at: float = 0.0
    stdout_bytes: int = 0
    stdout_dropped: int = 0
    stderr_bytes: int = 0
    stderr_dropped: int = 0
    survivors: int = 0
    max_rss: int = 0
    cpu_s: float = 0.0
    suspended_s: float = 0.0
