"""A state folder in memory: what the engine publishes can be read, and files "written" as an agent would."""

from __future__ import annotations

from pathlib import Path

from llmauto.desk import reading
from llmauto.desk.times import write_time
from llmauto.files import Content
from llmauto.ports import Inbox, Mirror


class MemoryDesk:
    """A `Desk` whose files are the entries of `files`; it behaves as `StateDesk` does.

    A test changes `files` as an agent or a person changes the folder: `desk.files["STOP"] = b"why"`, or
    with text by `write`. An entry that is None stands for a folder or a device. `mirror` is what was
    published last.
    """

    def __init__(self, folder: Path = Path("/home/state/chain")) -> None:
        self.folder = folder
        self.files: dict[str, bytes | None] = {}
        self.mirror: Mirror | None = None
        self._ours: dict[str, bytes] = {}
        self._seen: dict[str, Content] = {}
        self._wholes = 0
        self._aside = False
        self._written: set[str] = set()

    def write(self, name: str, text: str) -> None:
        """Write a file as somebody else would."""
        self.files[name] = text.encode("utf-8")
        self._written.add(name)

    def text(self, name: str) -> str:
        """A file's text; "" where there is none."""
        return (self.files.get(name) or b"").decode("utf-8", errors="replace")

    def expect(self, mirror: Mirror) -> None:
        """Say what should be there, without writing it."""
        self.mirror = mirror
        self._ours, self._seen = _shown(mirror), {}

    def publish(self, mirror: Mirror) -> None:
        """Write what differs."""
        self.expect(mirror)
        if self._aside and mirror.handoff is None and "handoff.md" in self.files:
            self.files["handoff.md.found"] = self.files.pop("handoff.md")
        self._aside = False
        self.files.update(self._ours)
        self._written.clear()

    def collect(self) -> Inbox:
        """Take in what was written since the last `publish` or `collect`; a STOP is taken away."""
        tampered = [name for name in ("round_counter.txt", "start_time.txt") if self._spoilt(name)]
        word = ""
        found = self._changed("status.txt")
        if found is not None and self.mirror is not None:
            word, spoilt = reading.read_status(found, self.mirror.status)
            tampered += ["status.txt"] if spoilt else []
        handoff, oversize = self._new_handoff()
        stop = self.stop_text()
        self.files.pop("STOP", None)
        return Inbox(
            handoff=handoff.text,
            handoff_again=handoff == reading.Handoff() and "handoff.md" in self._written,
            handoff_problem=handoff.problem,
            handoff_aside=bool(handoff.problem) and self._aside,
            status_word=word,
            stop=stop,
            tampered=tuple(tampered),
            oversize=oversize,
        )

    def stop_text(self) -> str | None:
        """The text of a STOP, without taking it."""
        return reading.read_stop(self._content("STOP")) if "STOP" in self.files else None

    def keep_link_handoff(self, link: str, text: str) -> None:
        """Write `handoff_<link>.md`."""
        self.write(f"handoff_{link}.md", text)

    def _new_handoff(self) -> tuple[reading.Handoff, str]:
        found = self._changed("handoff.md")
        if found is None:
            return reading.Handoff(), ""
        read = reading.read_handoff(found)
        if "handoff.md" not in self._ours and read.problem in (reading.EMPTIED, reading.DELETED):
            return reading.Handoff(), ""
        self._aside = self._aside or ("handoff.md" not in self._ours and bool(read.problem))
        if not read.cut or read.text is None:
            return read, ""
        self._wholes += 1
        whole = f"handoff_whole_{self._wholes}.md"
        self.files[whole] = self.files["handoff.md"]
        kept = str(self.folder / whole)
        return read._replace(text=reading.with_pointer(read.text, kept, found.size)), kept

    def _spoilt(self, name: str) -> bool:
        return self._changed(name) is not None and name in self._ours

    def _changed(self, name: str) -> Content | None:
        found = self._content(name)
        ours = self._ours.get(name)
        same = found.kind == "missing" if ours is None else found == Content("file", ours, len(ours))
        if same or self._seen.get(name) == found:
            return None
        self._seen[name] = found
        return found

    def _content(self, name: str) -> Content:
        if name not in self.files:
            return Content("missing")
        data = self.files[name]
        return Content("folder") if data is None else Content("file", data, len(data))


def _shown(mirror: Mirror) -> dict[str, bytes]:
    shown = {"status.txt": f"{mirror.status}\n", "round_counter.txt": f"{mirror.rounds_done}\n"}
    if mirror.started_at:
        shown["start_time.txt"] = f"{write_time(mirror.started_at)}\n"
    if mirror.handoff is not None:
        shown["handoff.md"] = mirror.handoff
    return {name: text.encode("utf-8", errors="replace") for name, text in shown.items()}
