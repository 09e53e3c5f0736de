"""Functions of the C library that Python has no name for.

Only `_ctypes` is used: `ctypes` on top of it costs 4 ms of a start-up of 12. It is a private module, so
callers are ready for any exception.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def function(name: str, takes: str, gives: str) -> Callable[..., int]:
    """The function of that name; its types are letters: `i` an int, `l` a long, `z` a pointer to bytes.

    It is called as Python's own are, with Python's lock held: it may fork, and should not wait.
    """
    import _ctypes

    kinds: dict[str, type] = {}
    for letter in takes + gives:

        class Kind(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = letter

        kinds[letter] = Kind

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
        _restype_ = kinds[gives]
        _argtypes_ = tuple(kinds[letter] for letter in takes)

    library = _ctypes.dlopen(None, 2)  # type: ignore[arg-type]
    return Function(_ctypes.dlsym(library, name))
