"""A group of commands: an unknown one is refused with the nearest one, or with all there are."""

import click

from kernbench.common.errors import UsageError


class CommandGroup(click.Group):
    """A click.Group that says what an unknown command could have been."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command, whatever click would say."""
        from difflib import get_close_matches  # noqa: PLC0415  # only here

        names = self.list_commands(ctx)
        if args[0] not in names:
            near = get_close_matches(args[0], names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
            raise UsageError(f"unknown command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)
