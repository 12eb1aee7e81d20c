"""What Textual draws with characters of its own, in ASCII: scrollbars and the palette of commands."""

from typing import ClassVar

from textual.command import CommandPalette
from textual.scrollbar import ScrollBarRender


class AsciiBars(ScrollBarRender):
    """A scrollbar without the parts of a cell that make it smooth."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


class AsciiPalette(CommandPalette):
    """The palette of commands in frames of ASCII, without its icon and its moving dots."""

    DEFAULT_CSS = """
    AsciiPalette #--input { border: ascii #4f86b0; }
    AsciiPalette #--input.--list-visible { border-bottom: none; }
    AsciiPalette SearchIcon { display: none; }
    AsciiPalette CommandList, AsciiPalette CommandList:focus { border: none; border-bottom: ascii #4f86b0; }
    AsciiPalette LoadingIndicator, AsciiPalette LoadingIndicator.--visible { display: none; }
    """

    def __init__(self) -> None:
        super().__init__(placeholder="Search for commands", id="--command-palette")
