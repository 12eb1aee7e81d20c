"""Whether a run fails a condition: each of its rows against the base's, or its totals when it has no rows."""

import re
from typing import Any

from kernbench.common.errors import UsageError
from kernbench.reporting.expression import Figures, figures_of, parse
from kernbench.telemetry.row_match import match_rows

TOTALS = ("sim_time_ns",)


def failures(text: str, run: dict[str, Any], base: dict[str, Any] | None) -> list[str]:
    """One sentence for each row of which the expression is true; a run that did not come to its end cannot be judged."""
    for each in (run, base):
        if each is not None and each["digest"] is None:
            raise UsageError(
                f"--fail-if {text}: {each.get('run', 'the run')} did not come to its end, so rows that would fail may not "
                "be there; run it again, or leave --fail-if out to see what there is"
            )
    totals = {key: run[key] for key in TOTALS}
    rows = match_rows(run["rows"] or [{}], [] if base is None else base["rows"] or [{}])
    figures = [figures_of(row, totals) for _, row, _ in rows]
    names = tuple(sorted({name for each in figures for name in each}))
    condition = parse(text, names, has_base=base is not None)
    if base is not None and run["rows"] and re.search(r"\bbase\b", text) and all(other is None for _, _, other in rows):
        raise UsageError(
            f"--fail-if {text}: the base {base.get('run', '')} has no row of the same bench and size, so nothing would be "
            "compared; name another with --diff"
        )
    found = []
    for (title, _, other), mine in zip(rows, figures, strict=True):
        theirs = None
        if base is not None and other is not None:
            theirs = figures_of(other, {key: base[key] for key in TOTALS})
        try:
            said = condition.holds(Figures(mine, theirs))
        except ZeroDivisionError as error:
            place = title if run["rows"] else "the totals"
            raise UsageError(
                f"--fail-if {text!r}: division by zero in {place} of {run.get('run', 'the run')}; write a product "
                "(queue>1.1*base), or ask before (base.queue>0 & ...)"
            ) from error
        if said is not None:
            found.append(f"{title}: {said}" if run["rows"] else said)
    return found
