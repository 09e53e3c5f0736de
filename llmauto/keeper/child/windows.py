"""What the keeper needs of Windows: job objects, which end all that an agent started, and file locks.

Written from the documentation of the Windows API; it was not run on Windows by its authors.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    CREATE_SUSPENDED = 0x4
    _EXTENDED_LIMITS = 9
    _ACCOUNTING = 1
    _KILL_ON_CLOSE = 0x2000
    _JOB_MEMORY = 0x200
    _TICKS_PER_S = 10_000_000

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateJobObjectW.restype = wintypes.HANDLE
    _kernel.CreateJobObjectW.argtypes = [ctypes.c_void_p, wintypes.LPCWSTR]
    _kernel.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]
    _kernel.TerminateJobObject.argtypes = [wintypes.HANDLE, wintypes.UINT]
    _kernel.SetInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        ctypes.c_void_p,
        wintypes.DWORD,
    ]
    _kernel.QueryInformationJobObject.argtypes = [
        wintypes.HANDLE,
        ctypes.c_int,
        ctypes.c_void_p,
        wintypes.DWORD,
        ctypes.c_void_p,
    ]
    _ntdll = ctypes.WinDLL("ntdll")
    _ntdll.NtResumeProcess.argtypes = [wintypes.HANDLE]

    class _Basic(ctypes.Structure):
        _fields_ = (
            ("process_time", ctypes.c_int64),
            ("job_time", ctypes.c_int64),
            ("flags", wintypes.DWORD),
            ("least_set", ctypes.c_size_t),
            ("most_set", ctypes.c_size_t),
            ("processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
        )

    class _Extended(ctypes.Structure):
        _fields_ = (
            ("basic", _Basic),
            ("io", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process", ctypes.c_size_t),
            ("peak_job", ctypes.c_size_t),
        )

    class _Accounting(ctypes.Structure):
        _fields_ = (
            ("user", ctypes.c_int64),
            ("kernel", ctypes.c_int64),
            ("period_user", ctypes.c_int64),
            ("period_kernel", ctypes.c_int64),
            ("faults", wintypes.DWORD),
            ("total", wintypes.DWORD),
            ("active", wintypes.DWORD),
            ("terminated", wintypes.DWORD),
        )

    class Job:
        """A job object: whoever is in it, and all that they start, ends with it at the latest."""

        def __init__(self, memory_cap: int) -> None:
            self._handle = _kernel.CreateJobObjectW(None, None)
            if not self._handle:
                raise ctypes.WinError(ctypes.get_last_error())
            limits = _Extended()
            limits.basic.flags = _KILL_ON_CLOSE
            if memory_cap:
                limits.basic.flags |= _JOB_MEMORY
                limits.job_memory = memory_cap
            size = ctypes.sizeof(limits)
            if not _kernel.SetInformationJobObject(
                self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), size
            ):
                raise ctypes.WinError(ctypes.get_last_error())

        def take(self, process: int) -> None:
            """Put a suspended process in, and let it run."""
            if not _kernel.AssignProcessToJobObject(self._handle, process):
                raise ctypes.WinError(ctypes.get_last_error())
            _ntdll.NtResumeProcess(process)

        def used(self) -> tuple[float, int, int]:
            """Processor seconds of all, how many processes there have been, and how many there are."""
            facts = _Accounting()
            size = ctypes.sizeof(facts)
            _kernel.QueryInformationJobObject(self._handle, _ACCOUNTING, ctypes.byref(facts), size, None)
            return (facts.user + facts.kernel) / _TICKS_PER_S, facts.total, facts.active

        def peak(self) -> int:
            """Bytes of memory of the whole job at its height."""
            facts = _Extended()
            size = ctypes.sizeof(facts)
            _kernel.QueryInformationJobObject(self._handle, _EXTENDED_LIMITS, ctypes.byref(facts), size, None)
            return int(facts.peak_job)

        def terminate(self) -> None:
            """End everybody in it at once."""
            _kernel.TerminateJobObject(self._handle, 1)

    def take_lock(fd: int) -> bool:
        """Lock the file for as long as it is open here; false where another process has it."""
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def is_locked(fd: int) -> bool:
        """Whether another process holds the lock."""
        if not take_lock(fd):
            return True
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
        return False
