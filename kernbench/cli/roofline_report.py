"""The rooflines of a run's kernels for a reader: what each did against what it could, and where its time went."""

from collections.abc import Sequence
from typing import Any

from kernbench.cli.table import column, render
from kernbench.telemetry.rows import PARTS

Line = dict[str, Any]


def roofline_text(lines: Sequence[Line], width: int) -> str:
    """Two tables and a sentence a kernel, from the documents that --json prints."""
    if not lines:
        return "roofline: no kernel ran"
    return "\n\n".join([_roofs(lines, width), _engines(lines, width), _reasons(lines)])


def _roofs(lines: Sequence[Line], width: int) -> str:
    return render(
        [
            column("roofline", [line["kernel"] for line in lines], text=True),
            column("PEs", [line["pes"] for line in lines]),
            column("launches", [line["launches"] for line in lines]),
            column("time\n(us)", [f"{line['time_ns'] / 1000:.2f}" for line in lines]),
            column("FLOP", [line["matrix_flops"] + line["vector_flops"] for line in lines]),
            column("moved\n(B)", [line["read_bytes"] + line["written_bytes"] for line in lines]),
            column("FLOP/B", [_figure(line["flop_per_byte"]) for line in lines]),
            column("TFLOP/s", [_figure(line["tflops"]) for line in lines]),
            column("of at\nmost", [_figure(line["peak_tflops"]) for line in lines]),
            column("GB/s", [_figure(line["gbs"]) for line in lines]),
            column("of at\nmost", [_figure(line["peak_gbs"]) for line in lines]),
            column("bound", [line["bound"] for line in lines], text=True),
            column("of\nroof", [f"{line['roof_share']:.1%}" for line in lines]),
        ],
        width,
    )


def _engines(lines: Sequence[Line], width: int) -> str:
    """Engines that had work, and all of them together."""
    rows = [
        (line, engine)
        for line in lines
        for engine in line["engines"]
        if engine["parts_fs"]["no_work"] < sum(engine["parts_fs"].values()) or engine["engines"] == "all"
    ]
    return render(
        [
            column("time of engines\nwhile it ran (%)", [line["kernel"] for line, _ in rows], text=True),
            column("PEs", [line["pes"] for line, _ in rows]),
            column("engines", [engine["engines"] for _, engine in rows], text=True),
            *(
                column(part.replace("_", "\n"), [f"{engine['percent'][part]:.1f}" for _, engine in rows])
                for part in PARTS
            ),
            column("time\n(us)", [f"{engine['time_ns'] / 1000:.2f}" for _, engine in rows]),
        ],
        width,
    )


def _reasons(lines: Sequence[Line]) -> str:
    return "\n".join(
        f"{line['kernel']} on {line['pes']} {'PE' if line['pes'] == 1 else 'PEs'}: {line['why']}" for line in lines
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
