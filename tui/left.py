"""How the user left a monitor: the run was over, or what is to become of it."""

from enum import Enum


class Left(Enum):
    """The result of `Monitor.run()`."""

    ENDED = "ended"
    DETACHED = "detached"
    STOPPED = "stopped"
