"""Plays cases to the workers of an SDK, one after the other, and judges what they answer."""

import itertools
import time
from typing import Any

from durable_conformance.expect import mismatches
from durable_conformance.runner import Result
from durable_conformance.scenario import Scenario
from durable_conformance.sdk import match, tasks
from durable_conformance.sdk.adversity import Adversity, chosen
from durable_conformance.sdk.case import Case, Turn
from durable_conformance.sdk.court import Court, Delivery
from durable_conformance.sdk.history import History
from durable_conformance.verdict import Verdict

_AGAIN = (Adversity.AGAIN, Adversity.CLOSED)
TASKS_MAX = 10
GOES_ON = ("record_side_effect", "record_version_marker", "upsert_search_attributes", "upsert_memo")
_SILENT = "nothing came back in time"
_numbers = itertools.count(1)


class Broken(Exception):
    """The SDK broke the promise."""


class Play:
    """One case on its way."""

    def __init__(self, court: Court, case: Case, queue: str, seed: int | None, wait: float) -> None:
        self._court, self._case, self._seed, self._wait = court, case, seed, wait
        self._codec = court.codec()
        number = next(_numbers)
        self._place = {
            "workflow_id": f"judged-{number}",
            "run_id": f"00000000-0000-7000-8000-{number:012d}",
            "namespace": "default",
            "task_queue": queue,
        }
        self._history = History(self._place, case.type, self._codec)
        self._seen: list[Any] = []
        self.steps: list[tuple[str, Verdict]] = []

    def run(self) -> str:
        """Play every turn; the text says what was wrong, empty when nothing was."""
        for number, turn in enumerate(self._case.turns, start=1):
            adversity = chosen(self._seed, self._case.id, number, self._case.kind)
            name = f"turn {number}" + (f": {adversity.value}" if self._seed is not None else "")
            try:
                self._turn(turn, adversity)
            except Broken as broken:
                self.steps.append((name, Verdict.FAIL))
                return f"{name}: {broken}"
            self.steps.append((name, Verdict.PASS))
        return ""

    def _turn(self, turn: Turn, adversity: Adversity) -> None:
        for move in turn.told:
            self._history.tell(move)
        self._history.begin_turn()
        if self._case.kind != "workflow":
            self._judge_outcome(turn, self._delivery(turn, adversity))
            return
        commands = self._carried_out(turn, adversity)
        shown = match.readable(commands, self._codec)
        # Some SDKs end a task with what needs no waiting, others go on in the same task.
        for _ in range(TASKS_MAX):
            if not commands or any(each["type"] not in GOES_ON for each in commands):
                break
            self._history.accept(commands)
            commands = self._carried_out(turn, Adversity.NONE)
            shown += match.readable(commands, self._codec)
        self._history.accept(commands)
        problems = match.command_problems(match.filled(turn.expect, self._seen), shown)
        if problems:
            raise Broken("; ".join(problems))
        self._seen += shown

    def _carried_out(self, turn: Turn, adversity: Adversity) -> list[dict[str, Any]]:
        """The commands of one task, whatever goes wrong with it."""
        delivery = self._delivery(turn, adversity)
        commands: list[dict[str, Any]] = self._commands(delivery, *self._report(delivery, 1))
        if adversity in _AGAIN:
            again = delivery
            if adversity is Adversity.CLOSED:
                again = self._delivery(turn, Adversity.NONE)
            else:
                self._court.offer(delivery)
            count = 2 if again is delivery else 1
            second = self._commands(again, *self._report(again, count))
            if match.readable(second, self._codec) != match.readable(commands, self._codec):
                raise Broken("the same history brings other commands when it is played again")
        others = [report for report in delivery.reports[1:] if report != delivery.reports[0]]
        if others and adversity is Adversity.LOST:
            raise Broken("a completion is sent again with another body")
        return commands

    def _delivery(self, turn: Turn, adversity: Adversity) -> Delivery:
        case, place = self._case, self._place
        if case.kind == "activity":
            task = tasks.activity_task(case, place, self._codec) | turn.task
        elif case.kind == "query":
            task = tasks.query_task(case, turn, place, self._history)
        else:
            task = tasks.workflow_task(case, turn, place, self._history)
            task["history_events"] = list(task["history_events"])
        task_id = f"task-{next(_numbers)}"
        delivery = Delivery(case.kind, case.type, task_id, task, adversity)
        self._court.offer(delivery)
        return delivery

    def _report(self, delivery: Delivery, count: int) -> tuple[str, dict[str, Any]]:
        if not self._court.wait_for_report(delivery, count, self._wait):
            raise Broken(_SILENT if delivery.taken else "nobody took the task in time")
        return delivery.reports[count - 1]

    def _commands(self, delivery: Delivery, verb: str, body: dict[str, Any]) -> Any:
        """The commands that came, once nothing of them breaks the contract."""
        if delivery.problems:
            raise Broken("; ".join(delivery.problems))
        if verb == "fail":
            failure = body.get("failure") or {}
            raise Broken(f"the worker failed the task: {failure.get('message')}"[:400])
        return body.get("commands") or []

    def _judge_outcome(self, turn: Turn, delivery: Delivery) -> None:
        verb, body = self._report(delivery, 1)
        wanted = dict(turn.expect)
        if delivery.problems:
            raise Broken("; ".join(delivery.problems))
        if verb not in wanted:
            told = body.get("failure") or body.get("result")
            raise Broken(f"the worker says {verb}, expected {next(iter(wanted))}: {told}"[:400])
        sent = body.get("failure") if verb == "fail" else self._result(body)
        problems = mismatches(wanted[verb], sent, verb)
        if problems:
            raise Broken("; ".join(problems))

    def _result(self, body: dict[str, Any]) -> Any:
        if body.get("result_envelope") is not None:
            return match.value_of(body["result_envelope"], self._codec)
        return match.value_of(body.get("result"), body.get("payload_codec") or "plain")


def judge(court: Court, case: Case, queue: str, seed: int | None, wait: float) -> Result:
    """The verdict on one case."""
    scenario = Scenario(
        f"sdk/{case.id}", case.clause, case.requirement, case.title, case.profile, (), (), "sdk"
    )
    if not court.knows(case.kind, case.type):
        return Result(scenario, Verdict.UNSUPPORTED, f"no worker registers {case.type}")
    began = time.monotonic()
    play = Play(court, case, queue, seed, wait)
    reason = play.run()
    verdict = Verdict.FAIL if reason else Verdict.PASS
    seconds = round(time.monotonic() - began, 3)
    return Result(scenario, verdict, reason, seconds, tuple(play.steps))
