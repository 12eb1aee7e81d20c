"""Plain tables: aligned, never wider than asked."""

from kernbench.cli.table import column, render, render_prose


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


def test_a_cell_is_never_read_as_markup_or_cut_for_its_width():
    assert render([column("a", ["[red]x[/red]", ":smile:", "\u6f22\u5b57"]), column("b", [1, 2, 3])], 80).splitlines() == [
        "           a  b", "[red]x[/red]  1", "     :smile:  2", "        \u6f22\u5b57  3",
    ]  # fmt: skip


def test_a_table_without_rows_is_its_headings():
    assert render([column("size\n(B)", []), column("time", [])], 80) == "size\n (B)  time"


def prose(width):
    return render_prose(
        [column("", ["io"], text=True), column("", ["one two three four five six seven"], text=True)], width
    )


def test_prose_is_folded_into_its_column():
    assert prose(36) == "io  one two three four five six\n    seven"


def test_prose_without_a_width_or_without_room_stays_on_one_line():
    assert [prose(width) for width in (33, 10**6)] == ["io  one two three four five six seven"] * 2


def test_a_word_of_prose_that_is_wider_than_its_column_is_not_cut():
    assert render_prose([column("a", ["io"]), column("b", ["x" * 40], text=True)], 34).splitlines()[1:] == [
        f"io  {'x' * 30}", f"    {'x' * 10}",
    ]  # fmt: skip
