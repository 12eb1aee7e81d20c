"""Plain tables: aligned, never wider than asked."""

from kernbench.cli.table import column, render


def columns():
    return [column("size\n(B)", [4096, 16]), column("type", ["f", "int8"], text=True), column("time", ["1.5", "22.25"])]


def test_numbers_stand_right_text_left_headings_at_the_foot():
    assert render(columns(), 80) == "size\n (B)  type   time\n4096  f       1.5\n  16  int8  22.25"


def test_columns_move_closer_before_they_move_below():
    assert render(columns(), 16) == "size\n (B) type  time\n4096 f      1.5\n  16 int8 22.25"


def test_columns_that_do_not_fit_stand_below_with_the_first_one():
    assert render(columns(), 11) == "size\n (B) type\n4096 f\n  16 int8\n\nsize\n (B)  time\n4096   1.5\n  16 22.25"


def test_no_column_is_cut_however_narrow_the_terminal():
    assert "22.25" in render(columns(), 1)


def test_a_cell_cannot_control_the_terminal():
    assert render([column("a", ["\x1b[2J\nb"], text=True)], 80) == "a\n?[2J b"
