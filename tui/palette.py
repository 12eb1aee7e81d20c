"""Colours by name of style, for terminals of 16 million, 256, 16 colours and of none."""

from textual.strip import Style  # type: ignore[attr-defined]  # lines of Textual are made of rich's styles

HEAT = ("#55657a", "#4f86b0", "#3fa0b5", "#38b39b", "#6fbf5f", "#c3bf3c", "#eeb02c", "#f58a2b", "#ff5a52")
TINT = ("#151c26", "#16263a", "#143142", "#123a3d", "#1d3d2a", "#3a3c17", "#4a3713", "#542b12", "#5c1a1d")
HEAT16 = ("#555555", "#5555ff", "#00aaaa", "#55ffff", "#00aa00", "#55ff55", "#ffff55", "#ff55ff", "#ff5555")
TINT16 = ("#000000",) * 9
GREY = ("#6c6c6c", "#8a8a8a", "#9a9a9a", "#a8a8a8", "#b8b8b8", "#c8c8c8", "#d8d8d8", "#eaeaea", "#ffffff")
TINT_GREY = ("#161616", "#1a1a1a", "#1e1e1e", "#222222", "#262626", "#2a2a2a", "#2e2e2e", "#333333", "#383838")

NAMED = {
    "": "#c9d4e3",
    "dim": "#7d8da3",
    "bold": "bold #eef3fa",
    "title": "bold #8fd0ff",
    "key": "bold #ffd479",
    "good": "bold #69d38a",
    "warn": "bold #ffc857",
    "bad": "bold #ff6b6b",
    "sel": "bold #0b0f14 on #cfe3ff",
    "row": "#ffffff on #24364d",
    "head": "#c9d4e3 on #141d29",
    "headbold": "bold #ffffff on #141d29",
    "headdim": "#8fa0b6 on #141d29",
    "headkey": "bold #ffd479 on #141d29",
    "headgood": "bold #0b0f14 on #69d38a",
    "headwarn": "bold #0b0f14 on #ffc857",
    "headbad": "bold #ffffff on #c0392b",
    "compute": "#7fd08a",
    "comm": "#f2a65a",
    "phase": "#dfe9f7 on #2a4a6b",
    "phase2": "#dfe9f7 on #4a3b66",
}
NAMED16 = {
    "": "#aaaaaa",
    "dim": "#aaaaaa",
    "bold": "bold #ffffff",
    "title": "bold #55ffff",
    "key": "bold #ffff55",
    "good": "bold #55ff55",
    "warn": "bold #ffff55",
    "bad": "bold #ff5555",
    "sel": "bold #000000 on #aaaaaa",
    "row": "#ffffff on #0000aa",
    "head": "#ffffff on #0000aa",
    "headbold": "bold #ffffff on #0000aa",
    "headdim": "#aaaaaa on #0000aa",
    "headkey": "bold #ffff55 on #0000aa",
    "headgood": "bold #000000 on #00aa00",
    "headwarn": "bold #000000 on #ffff55",
    "headbad": "bold #ffffff on #aa0000",
    "compute": "#55ff55",
    "comm": "#ffff55",
    "phase": "#ffffff on #0000aa",
    "phase2": "#ffffff on #aa00aa",
}
NAMED_GREY = {
    "": "#d0d0d0",
    "dim": "#9a9a9a",
    "bold": "bold #ffffff",
    "title": "bold #f0f0f0",
    "key": "bold underline #ffffff",
    "good": "bold #e0e0e0",
    "warn": "bold underline #ffffff",
    "bad": "bold reverse #ffffff",
    "sel": "bold #000000 on #e0e0e0",
    "row": "bold #ffffff on #3a3a3a",
    "head": "#d0d0d0 on #1c1c1c",
    "headbold": "bold #ffffff on #1c1c1c",
    "headdim": "#a0a0a0 on #1c1c1c",
    "headkey": "bold underline #ffffff on #1c1c1c",
    "headgood": "bold #000000 on #d0d0d0",
    "headwarn": "bold underline #000000 on #d0d0d0",
    "headbad": "bold #000000 on #ffffff",
    "compute": "#e0e0e0",
    "comm": "#b0b0b0",
    "phase": "#ffffff on #3a3a3a",
    "phase2": "#ffffff on #4e4e4e",
}


class Palette:
    """Styles by name, made once each: a name of NAMED, `h0`-`h8` heat, `c0`-`c8` a cube, `c3h7` heat on a cube.

    A name with `+row` after it stands on a selected row.
    """

    def __init__(self, named: dict[str, str], heat: tuple[str, ...], tint: tuple[str, ...], ground: str) -> None:
        self.ground = ground
        self._named = named
        self._heat = heat
        self._tint = tint
        self._made: dict[str, Style] = {}
        self._grounds: dict[str, str] = {}

    def style(self, name: str) -> Style:
        """The style of that name.

        It is this palette's own: rich shares what it parsed, and a style keeps the codes of the console that drew it first.
        """
        style = self._made.get(name)
        if style is None:
            read = Style.parse(self._grounded(name))
            style = self._made[name] = Style(
                color=read.color, bgcolor=read.bgcolor, bold=read.bold, underline=read.underline, reverse=read.reverse
            )
        return style

    def ground_of(self, name: str) -> str:
        """What blanks in that style look like: styles of one ground may share them."""
        ground = self._grounds.get(name)
        if ground is None:
            style = self.style(name)
            shown = style.bgcolor is not None and not style.underline and not style.reverse
            ground = self._grounds[name] = str(style.bgcolor) if shown else name
        return ground

    def _grounded(self, name: str) -> str:
        """Every cell has a ground of its own: what a terminal has behind it need not suit our colours."""
        spelt = self._spell(name)
        return spelt if " on " in spelt else f"{spelt} on {self.ground}"

    def _spell(self, name: str) -> str:
        if name in self._named:
            return self._named[name]
        if name.endswith("+row"):
            ground = self._named["row"].rpartition(" on ")[2]
            return f"{self._spell(name[:-4]).partition(' on ')[0]} on {ground}"
        if name[0] == "h":
            return self._heat[int(name[1])]
        if len(name) == 2:
            return f"#ffffff on {self._tint[int(name[1])]}"
        return f"{self._heat[int(name[3])]} on {self._tint[int(name[1])]}"


def palette_for(color_system: str | None, *, no_color: bool) -> Palette:
    """The palette of a terminal; 256 colours are near enough to all of them for Textual to choose."""
    if no_color or color_system is None:
        return Palette(NAMED_GREY, GREY, TINT_GREY, "#000000")
    if color_system == "standard":
        return Palette(NAMED16, HEAT16, TINT16, "#000000")
    return Palette(NAMED, HEAT, TINT, "#0b0f14")
