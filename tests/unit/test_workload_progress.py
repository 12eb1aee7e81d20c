"""The phases that a replay tells of its tasks: they nest, are named after all that is under way, and can be shown anywhere."""

from kernbench.runtime_api.workload.progress import LONGEST, Progress
from kernbench.runtime_api.workload.task import COMPUTE, Task
from kernbench.telemetry.phase_log import PhaseLog
from kernbench.telemetry.probe import Probe


class Told:
    """Phases as (name, start, end), by a clock that the test moves."""

    def __init__(self, *tasks):
        self.now, self.rows, probe = 0, [], Probe()
        probe.phases.append(self)
        self.progress = Progress(PhaseLog(0, lambda: self.now, probe), tasks)

    def take(self, row):
        self.rows.append((row.name, row.start, row.end))

    def during(self, *places, time=10):
        with self.progress.during(places):
            self.now += time


def task(name, part=""):
    return Task(name, COMPUTE, part=part)


def test_a_part_lasts_until_a_task_of_a_later_one_begins_and_no_earlier_task_brings_it_back():
    told = Told(task("a", "one"), task("late", "one"), task("b", "two"))
    told.progress.begin(0)
    told.during(0)
    told.progress.begin(2)
    told.during(2)
    told.progress.begin(1)
    told.during(2, 1)
    told.progress.end()
    assert told.rows == [
        ("a compute", 0, 10), ("one", 0, 10), ("b compute", 10, 20), ("late compute + b compute", 20, 30), ("two", 10, 30),
    ]  # fmt: skip


def test_tasks_of_no_part_end_the_one_that_lasts():
    told = Told(task("a", "one"), task("b"))
    told.progress.begin(0)
    told.during(0)
    told.progress.begin(1)
    told.during(1)
    told.progress.end()
    assert told.rows == [("a compute", 0, 10), ("one", 0, 10), ("b compute", 10, 20)]


def test_three_tasks_are_named_and_the_rest_counted():
    told = Told(*(task(f"t{number}") for number in range(5)))
    told.during(4, 3, 2, 1, 0)
    told.during(0, 1, 2)
    assert [name for name, *_ in told.rows] == [
        "t0 compute + t1 compute + t2 compute + 2 more", "t0 compute + t1 compute + t2 compute",
    ]  # fmt: skip


def test_a_long_name_and_one_that_a_terminal_obeys_are_shown_in_part():
    told = Told(task("x" * 1000), task("red \x1b[31m\n"))
    told.during(0)
    told.during(1)
    (long, *_), (coloured, *_) = told.rows
    assert (len(long), long[-22:], coloured) == (LONGEST, "x~xxxxxxxxxxxx compute", "red ?[31m? compute")
