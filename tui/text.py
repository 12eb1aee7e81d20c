"""Text of a run made fit for a cell of a terminal: no control characters, no markup, a known width."""

from unicodedata import category, east_asian_width

from kernbench.common.units import FS_PER_S, Fs, format_time

UNKNOWN = "?"


def plain(text: str) -> str:
    """The text on one line, with `?` for whatever is invisible, combines or steers a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() and category(char)[0] != "M" else UNKNOWN for char in text)


def width_of(text: str) -> int:
    """The number of cells that a plain text takes."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def fit(text: str, width: int) -> str:
    """The text in exactly `width` cells; what is too long loses its beginning, since names differ at their ends."""
    missing = width - width_of(text)
    if missing >= 0:
        return text + " " * missing
    kept: list[str] = []
    room = width - 1
    for char in reversed(text):
        room -= width_of(char)
        if room < 0:
            break
        kept.append(char)
    short = "~" + "".join(reversed(kept)) if width else ""
    return short + " " * (width - width_of(short))


def ends(text: str, width: int, gap: str) -> str:
    """The text in exactly `width` cells; what is too long loses its middle, for which `gap` stands."""
    if width_of(text) <= width or width < width_of(gap) + 2:
        return fit(text, width)
    room = width - width_of(gap)
    kept = ""
    for char in text:
        if width_of(kept) + width_of(char) > (room + 1) // 2:
            break
        kept += char
    room -= width_of(kept)
    end = ""
    for char in reversed(text):
        if width_of(end) + width_of(char) > room:
            break
        end = char + end
    return fit(kept + gap + end, width)


def right(text: str, width: int) -> str:
    """The text in exactly `width` cells, at the right."""
    missing = width - width_of(text)
    return " " * missing + text if missing >= 0 else fit(text, width)


def head(text: str, width: int) -> str:
    """The text in exactly `width` cells; what is too long loses its end."""
    if width_of(text) <= width:
        return fit(text, width)
    kept = ""
    for char in text:
        if width_of(kept) + width_of(char) > width - 1:
            break
        kept += char
    return fit(kept + "~", width) if width else ""


def time(span: Fs) -> str:
    """A time with four digits: `412.8 us`."""
    unit = format_time(span).rpartition(" ")[2]
    per = {"s": FS_PER_S, "ms": 10**12, "us": 10**9, "ns": 10**6}[unit]
    value = span / per
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:.{digits}f} {unit}"


def count(value: float) -> str:
    """A number with three or four digits: `1.42 M`, `361 k`, `12`."""
    for step, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= step:
            return f"{value / step:.{2 if abs(value) < 10 * step else 1 if abs(value) < 100 * step else 0}f}{unit}"
    return f"{value:.0f}"


def rate(bytes_per_s: float) -> str:
    """A bandwidth: `1.07 TB/s`, `105.3 GB/s`."""
    if abs(bytes_per_s) >= 1e12:
        return f"{bytes_per_s / 1e12:.2f} TB/s"
    return f"{bytes_per_s / 1e9:.1f} GB/s"


def size(amount: float) -> str:
    """An amount of memory: `210 MB`."""
    for step, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if amount >= step:
            return f"{amount / step:.{1 if amount < 10 * step else 0}f} {unit}"
    return f"{amount:.0f} B"


def clock(seconds: float) -> str:
    """Seconds of real time: `0:38`, `12.4 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
