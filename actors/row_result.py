"""A row of a bench over all ranks, and which rows of a run are complete."""

from collections.abc import Sequence
from typing import Any

import msgspec

from kernbench.common.messages.report import SipReport
from kernbench.common.units import Fs

_OWN = ("start_fs", "end_fs", "launch_fs", "queued_fs", "overlap_fs", "wrong")


class RowResult(msgspec.Struct, frozen=True):
    """One row over all ranks: device time from the first rank's start to the last one's end, in fs.

    `queued` is the queueing on the critical path of the rank that ended last, `overlap` its engines' busy time minus
    its union. `wrong` is the sum over ranks, None without values. `columns` are the bench's own.
    """

    time: Fs
    launch: Fs
    queued: Fs
    overlap: Fs
    wrong: int | None
    columns: dict[str, Any]


def complete_rows(reports: Sequence[SipReport], ranks: Sequence[int]) -> tuple[RowResult, ...]:
    """Row n stands for all ranks that gave an n-th row, once no other rank can give one: `ranks` lists their SIPs.

    Of a run that was cut short or failed, a rank that has not ended owes what it has not given; so does one whose SIP
    could not report.
    """
    given: list[list[dict[str, Any]]] = []
    owing: list[int] = []
    found = {report.sip: report for report in reports}
    for sip in ranks:
        report = found.get(sip)
        given.append([] if report is None else report.rows)
        if report is None or report.finished_at is None:
            owing.append(len(given[-1]))
    complete = min(owing, default=max(map(len, given), default=0))
    return tuple(_over([rows[number] for rows in given if number < len(rows)]) for number in range(complete))


def _over(parts: Sequence[dict[str, Any]]) -> RowResult:
    """A row from those of its ranks; the columns are the first one's."""
    wrong = [part["wrong"] for part in parts if part["wrong"] is not None]
    last = max(parts, key=lambda part: (part["end_fs"], part["queued_fs"]))
    return RowResult(
        time=max(part["end_fs"] for part in parts) - min(part["start_fs"] for part in parts),
        launch=max(part["launch_fs"] for part in parts),
        queued=last["queued_fs"],
        overlap=last["overlap_fs"],
        wrong=sum(wrong) if wrong else None,
        columns={key: value for key, value in parts[0].items() if key not in _OWN},
    )
