"""What is wrong with a file, said at the places where it is wrong?"""

from __future__ import annotations

from llmauto.authoring.document import MOST_MISTAKES, Document, ValuePath, dotted
from llmauto.authoring.fields import Table
from llmauto.errors import ChainError


class Problems:
    """Gathers errors and warnings about one file, so that all are told at once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._errors: dict[tuple[int, int, str], None] = {}
        self._warnings: dict[tuple[int, int, str], None] = {}
        self._wrong: list[ValuePath] = []

    @property
    def found(self) -> bool:
        """True where an error was noted."""
        return bool(self._errors)

    def error(self, path: ValuePath, message: str, *, of_key: bool = False) -> None:
        """Something that keeps the chain from being started."""
        self._errors[self._at(path, message, of_key)] = None
        self._wrong.append(path)

    def told(self, path: ValuePath) -> bool:
        """True where an error was noted of the value there, or of one in it."""
        return any(wrong[: len(path)] == path for wrong in self._wrong)

    def warn(self, path: ValuePath, message: str, *, of_key: bool = False) -> None:
        """Something that a person should know."""
        self._warnings[self._at(path, message, of_key)] = None

    def judge(self, table: Table) -> list[ValuePath]:
        """Note every value of the file that is not as the table has it; the places of these."""
        wrong = list(table.problems(self._document.value, ()))
        for path, message in wrong:
            self.error(path, message, of_key=message.startswith("unknown key"))
        return [path for path, _ in wrong]

    def _at(self, path: ValuePath, message: str, of_key: bool) -> tuple[int, int, str]:
        line, column = self._document.key_place(path) if of_key else self._document.place(path)
        return line, column, message + (f" [{dotted(path)}]" if path else "")

    def warnings(self) -> tuple[str, ...]:
        """Every warning in the order of the file, as `file:line:col: warning: …`."""
        return self._lines("warning", self._warnings)

    def raise_any(self) -> None:
        """Do nothing where there is no error.

        Raises:
            ChainError: with every error in the order of the file.
        """
        if not self._errors:
            return
        lines = self._lines("error", self._errors)
        if len(lines) > MOST_MISTAKES:
            more = len(lines) - MOST_MISTAKES
            lines = (*lines[:MOST_MISTAKES], f"{self._document.name}: error: and {more} more")
        raise ChainError("\n".join(lines), problems=lines)

    def _lines(self, kind: str, found: dict[tuple[int, int, str], None]) -> tuple[str, ...]:
        name = self._document.name
        return tuple(f"{name}:{line}:{column}: {kind}: {message}" for line, column, message in sorted(found))
