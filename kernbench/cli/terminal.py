"""Text for a terminal: what comes from a file, a kernel or a record must not control it."""

import click


def printable(text: str) -> str:
    """The text without control characters and other invisible ones; line ends stay."""
    if text.isprintable():
        return text
    return "".join(char if char == "\n" or char.isprintable() else "?" for char in text)


def say(text: str = "") -> None:
    """Print a line of the result on stdout."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print a line about the result on stderr."""
    click.echo(printable(text), err=True)
