"""A stream that remembers how it was written to."""

import io


class Writes(io.StringIO):
    """Remembers what it was given at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)
