"""The one exception of this package: a contract file is wrong, with the place and the reason."""


class Defect(Exception):
    """A contract file does not keep the rules; `place` is `file#/json/pointer`."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(f"{place}: {text}")
        self.place = place
        self.text = text
