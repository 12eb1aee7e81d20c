"""What torch has and the one that stands in has not, asked for by a program."""


class Missing(NotImplementedError):
    """`what` does not exist here; the remedy is in the message."""

    def __init__(self, what: str, remedy: str = "where torch is installed, it does") -> None:
        super().__init__(f"{what} does not exist here; {remedy}")
