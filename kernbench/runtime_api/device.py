"""What a tensor has as its device: the rank's SIP, by torch's names."""

from typing import Any


class Device:
    """`torch.device`: the SIP of a rank; other devices' names ("cuda:0", "cpu") are taken for it."""

    type = "cuda"

    def __init__(self, type: Any = 0, index: int | None = None) -> None:  # noqa: A002  # torch's name
        text = str(type)
        number = text.rpartition(":")[2] if ":" in text else text
        self.index = index if index is not None else int(number) if number.isdecimal() else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device | str)

    def __hash__(self) -> int:
        return hash(self.type)

    def __repr__(self) -> str:
        return f"device(type='sip', index={self.index})"

    def __str__(self) -> str:
        return f"sip:{self.index}"
