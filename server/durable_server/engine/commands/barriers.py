"""Which barriers a completion opens, and which of its commands were sent before.

The blocking commands of one completion form a barrier, named by its first step; each member of a
select group forms one of its own. See `steps` for what becomes of them.
"""

import zlib
from typing import Any

from durable_server.engine import selections
from durable_server.engine.commands.groups import step_of
from durable_server.engine.run_state import Run

Commands = list[tuple[str, Any]]


class Opening:
    """Opens the barriers of a completion's commands as these are applied, in their order."""

    def __init__(self, run: Run, commands: Commands, blocking: frozenset[str]) -> None:
        self._run = run
        loose = [each for each in commands if each[0] in blocking and not _member(each[1])]
        self._size = len(loose)
        self._digest = digest_of(loose)
        self._barrier = 0

    def barrier_of(self, command: Any) -> int:
        """The barrier of the command whose step is next; opened with its first step."""
        run, member = self._run, _member(command)
        if member is not None:
            if not selections.is_open(run, member):
                run.barriers[str(member.base)] = [member.size, 0]
                selections.join(run, member)
            return member.base
        if not self._barrier:
            self._barrier = run.next_step
            run.barriers[str(self._barrier)] = [self._size, 0]
            run.digests[str(self._barrier)] = self._digest
        return self._barrier


def without_repeats(run: Run, commands: Commands, blocking: frozenset[str]) -> Commands:
    """The commands that are new: a worker that is woken while steps are open may send them again.

    Members of a group are known by their step. Steps without a group are known by what they say:
    workflow code cannot get past an open step, so the same commands mean the same steps.
    """
    loose = [each for each in commands if each[0] in blocking and each[1].group is None]
    repeated = bool(loose) and digest_of(loose) in run.digests.values()
    return [
        (kind, command)
        for kind, command in commands
        if kind not in blocking
        or not (repeated if command.group is None else _known(run, command.group))
    ]


def digest_of(commands: Commands) -> int:
    """A number that tells commands apart."""
    return zlib.crc32(repr(commands).encode())


def _member(command: Any) -> selections.Member | None:
    return selections.member_in(command.group)


def _known(run: Run, group: dict[str, Any]) -> bool:
    """Whether this is a member of a group that the run still waits for."""
    base = group["parallel_group_path"][0]["parallel_group_base_sequence"]
    open_now = str(base) in run.barriers or base in run.ready_barriers
    return (open_now or str(base) in run.selections) and step_of(group) < run.next_step
