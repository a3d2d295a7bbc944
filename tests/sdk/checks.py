"""What must have come of each capability: one check per name, each told what a release saw."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.sdk.fleet import Facts, Release

MANY = 50
LETTERS = ["a", {"b": 2}, "ç"]
BURST = 30
# How workflows of 0.4.29 to 0.4.93 tell of the failure of an activity that they let pass.
PASSED_ON = "ActivityFailed"


@dataclass(frozen=True)
class Saw:
    """What a client of one release saw of one capability, and where to look further."""

    release: Release
    facts: Facts

    @property
    def result(self) -> Any:
        """The result of the run; whatever came instead says so."""
        assert "result" in self.facts, self.facts
        assert self.facts["status"] == "completed"
        return self.facts["result"]

    def events(self, run_id: str | None = None) -> list[Facts]:
        """The history of the run."""
        return self.release.history(self.facts, run_id)

    def types(self, run_id: str | None = None) -> list[str]:
        """The types of the run's events, in order."""
        return [event["event_type"] for event in self.events(run_id)]

    def counted(self) -> Counter[str]:
        """How many events of each type the run has."""
        return Counter(self.types())

    def failed_with(self, words: str, *kinds: str) -> None:
        """The run failed with one of these classes of failure and these words."""
        assert self.facts.get("raised") == "WorkflowFailed", self.facts
        assert self.facts["status"] == "failed"
        assert self.facts["class"] in kinds
        assert words in self.facts["message"]

    def refused(self, kind: str, facts: Facts | None = None) -> None:
        """The attempt raised this exception of the release."""
        assert (facts or self.facts).get("raised") == kind, facts or self.facts


CHECKS: dict[str, Callable[[Saw], None]] = {}


def check(function: Callable[[Saw], None]) -> Callable[[Saw], None]:
    """The check of the capability whose name the function bears."""
    CHECKS[function.__name__] = function
    return function


@check
def sequence(saw: Saw) -> None:
    assert saw.result == 32
    kinds = [kind for kind in saw.types() if "Activity" in kind]
    assert kinds == ["ActivityScheduled", "ActivityStarted", "ActivityCompleted"] * 5
    assert saw.types()[:2] == ["StartAccepted", "WorkflowStarted"]
    assert saw.types()[-1] == "WorkflowCompleted"


@check
def fan_out(saw: Saw) -> None:
    assert saw.result == ["a", "b", "c", "d"]
    assert (saw.counted()["ActivityScheduled"], saw.counted()["ActivityCompleted"]) == (4, 4)


@check
def nested_fan_out(saw: Saw) -> None:
    assert saw.result == [["a", ["b", ["c", None]], "d"], "hello, all"]


@check
def timer(saw: Saw) -> None:
    assert saw.result == "rested"
    moments = {event["event_type"]: instant(event["timestamp"]) for event in saw.events()}
    assert (moments["TimerFired"] - moments["TimerScheduled"]).total_seconds() >= 2


@check
def failure(saw: Saw) -> None:
    saw.failed_with("the order is empty", "ValueError", PASSED_ON)
    assert saw.counted()["ActivityStarted"] == 1


@check
def retry(saw: Saw) -> None:
    assert saw.result == 3
    assert saw.counted()["ActivityStarted"] == 3


@check
def non_retryable(saw: Saw) -> None:
    saw.failed_with("never again", "NonRetryableError", PASSED_ON)
    assert saw.counted()["ActivityStarted"] == 1


@check
def unlisted(saw: Saw) -> None:
    saw.failed_with("not twice", "ValueError", PASSED_ON)
    assert saw.counted()["ActivityStarted"] == 1


@check
def caught(saw: Saw) -> None:
    assert saw.result["type"] == "ValueError"
    assert "the order is empty" in saw.result["message"]


@check
def broken(saw: Saw) -> None:
    saw.failed_with("nothing there", "LookupError")


@check
def local_activity(saw: Saw) -> None:
    assert saw.result == [42, "ValueError"]
    scheduled = [e["payload"] for e in saw.events() if e["event_type"] == "ActivityScheduled"]
    assert {payload["execution_mode"] for payload in scheduled} == {"local"}


@check
def select(saw: Saw) -> None:
    assert saw.result == ["fast", "hello, fast", "slow"]
    counted = saw.counted()
    assert (counted["SelectionResolved"], counted["TimerFired"]) == (1, 1)


@check
def heartbeat(saw: Saw) -> None:
    assert saw.result == 32


@check
def silent(saw: Saw) -> None:
    timed_out(saw)


@check
def too_long(saw: Saw) -> None:
    timed_out(saw)


def timed_out(saw: Saw) -> None:
    """The only attempt ran out of time, and with it the run."""
    assert saw.facts["status"] == "failed", saw.facts
    assert saw.facts["raised"] == "WorkflowFailed"
    counted = saw.counted()
    assert (counted["ActivityStarted"], counted["ActivityTimedOut"]) == (1, 1)


@check
def side_effect(saw: Saw) -> None:
    chosen, doubled, again = saw.result
    assert doubled == again == chosen * 2
    assert saw.counted()["SideEffectRecorded"] == 1


@check
def version(saw: Saw) -> None:
    assert saw.result == [3, 6, 3]
    assert saw.counted()["VersionMarkerRecorded"] in (1, 2)


@check
def patched(saw: Saw) -> None:
    assert saw.result == 42
    [marker] = [e for e in saw.events() if e["event_type"] == "VersionMarkerRecorded"]
    assert marker["payload"]["change_id"] == "faster"


@check
def compensation(saw: Saw) -> None:
    assert "no car" in saw.result
    assert saw.facts["undone"] == ["hotel", "flight"]


@check
def saga(saw: Saw) -> None:
    assert saw.facts["status"] == "failed", saw.facts
    assert "no car" in saw.facts["message"]
    assert saw.facts["undone"] == ["hotel", "flight"]


@check
def unheard_signal(saw: Saw) -> None:
    assert saw.result == "rested"
    # Workers say which signals they know from 2.0.0; of such a one no other is taken.
    taken = 0 if saw.facts["sent"].get("raised") == "SignalFailed" else 1
    assert saw.counted()["SignalReceived"] == taken


@check
def signal(saw: Saw) -> None:
    assert saw.result == [LETTERS, "hello, 3"]
    counted = saw.counted()
    assert counted["SignalReceived"] == 3
    assert counted["ConditionWaitOpened"] == counted["ConditionWaitSatisfied"] > 0


@check
def burst(saw: Saw) -> None:
    letters, stamped = saw.result
    assert (sorted(letters), stamped) == (list(range(BURST)), f"hello, {BURST}")
    assert saw.counted()["SignalReceived"] == BURST


@check
def rounds(saw: Saw) -> None:
    assert saw.result == 3


@check
def unsatisfied(saw: Saw) -> None:
    assert saw.result == [False, 1]
    counted = saw.counted()
    assert (counted["SignalReceived"], counted["ConditionWaitTimedOut"]) == (1, 1)


@check
def early_signal(saw: Saw) -> None:
    assert saw.result == ["first", LETTERS]
    assert saw.counted()["SignalReceived"] == 3


@check
def wait_timeout(saw: Saw) -> None:
    assert saw.result == [False, 42]
    assert saw.counted()["ConditionWaitTimedOut"] == 1


@check
def query(saw: Saw) -> None:
    assert saw.result == [["a", "b"], "hello, 2"]
    assert saw.facts["before"]["result"] == []
    assert saw.facts["after"]["result"] == 10
    assert saw.facts["closed"]["result"] == ["a", "b"]
    assert not [kind for kind in saw.types() if "Query" in kind]


@check
def unknown_query(saw: Saw) -> None:
    saw.refused("QueryFailed")


@check
def update(saw: Saw) -> None:
    assert saw.result == [["a", "b"], "hello, 2"]
    assert saw.facts["update"]["update_status"] == "completed"
    assert saw.facts["update"]["result"] == 1
    counted = saw.counted()
    assert (counted["UpdateAccepted"], counted["UpdateApplied"]) == (2, 2)
    assert counted["UpdateCompleted"] == 2


@check
def failed_update(saw: Saw) -> None:
    assert saw.result == [["b"], "hello, 1"]
    # The exception has a class of its own from 2.4.3.
    assert saw.facts["update"]["raised"] in ("UpdateFailed", "InvalidArgument")
    assert "there is no letter" in saw.facts["update"]["message"]


@check
def validated_update(saw: Saw) -> None:
    assert saw.result == 5
    assert saw.facts["passed"]["result"] == 5
    # Until 0.4.106 a validator's refusal is the failure of an accepted update.
    assert saw.facts["refused"]["raised"] in ("UpdateRejected", "InvalidArgument")
    assert "only numbers" in saw.facts["refused"]["message"]


@check
def child(saw: Saw) -> None:
    assert saw.result == [12, 24]
    counted = saw.counted()
    assert (counted["ChildWorkflowScheduled"], counted["ChildRunStarted"]) == (1, 1)
    assert counted["ChildRunCompleted"] == 1


@check
def children(saw: Saw) -> None:
    assert saw.result == ["hello, a", "hello, b", "hello, c"]


@check
def failed_child(saw: Saw) -> None:
    assert "nothing there" in saw.result


@check
def ended_child(saw: Saw) -> None:
    # The outcomes have classes of their own from 0.4.66.
    for how, kind in (("cancel_workflow", "Cancelled"), ("terminate_workflow", "Terminated")):
        assert saw.facts[how].get("status") == "completed", saw.facts[how]
        assert saw.facts[how]["result"] in (f"ChildWorkflow{kind}", "ChildWorkflowFailed")


@check
def child_policy(saw: Saw) -> None:
    saw.refused("WorkflowTerminated")
    assert saw.facts["child"] == "terminated"


@check
def retried_child(saw: Saw) -> None:
    assert "no line" in saw.result
    assert saw.counted()["ChildRunStarted"] == 3


@check
def continue_as_new(saw: Saw) -> None:
    assert saw.result == [6, 4, 2, 0]
    assert saw.types(saw.facts["first_run_id"])[-1] == "WorkflowContinuedAsNew"
    runs = saw.release.get(f"/workflows/{saw.facts['workflow_id']}/runs")
    assert runs["run_count"] == 4


@check
def message_stream(saw: Saw) -> None:
    assert saw.result == [[number, [letter]] for number, letter in enumerate(LETTERS, 1)]


@check
def carried_signal(saw: Saw) -> None:
    assert saw.result == [0, 1, 2, 3, 4]


@check
def cancel(saw: Saw) -> None:
    saw.refused("WorkflowCancelled")
    assert saw.facts["status"] == "cancelled"
    assert saw.types()[-1] == "WorkflowCancelled"


@check
def terminate(saw: Saw) -> None:
    saw.refused("WorkflowTerminated")
    assert saw.facts["message"] == "out of time"
    assert saw.facts["status"] == "terminated"


@check
def search_attributes(saw: Saw) -> None:
    assert saw.result == 2
    shown = saw.release.get(f"/workflows/{saw.facts['workflow_id']}")
    assert shown["search_attributes"] == {"stage": "sent", "weight": 12, "customer": "ada"}


@check
def overdue(saw: Saw) -> None:
    # The outcome has a class of its own from 2.0.2.
    assert saw.facts["raised"] in ("WorkflowFailed", "WorkflowTimedOut")
    assert saw.facts["status"] == "failed"
    assert saw.types()[-2:] == ["WorkflowFailed", "WorkflowTimedOut"]


@check
def archive(saw: Saw) -> None:
    assert saw.result == "hello, once"
    assert saw.facts["archived"]["outcome"] == "archived"


@check
def exported(saw: Saw) -> None:
    assert saw.result == 8
    assert saw.facts["verified"] == ["ok", []]
    [command] = saw.facts["replayed"]
    assert command["result"] == 8
    assert saw.facts["forged"] == ["integrity.checksum_mismatch"]


@check
def runs(saw: Saw) -> None:
    assert saw.result == [2, 0]
    [first, second] = saw.facts["runs"]
    assert [first[0], second[0]] == [saw.facts["first_run_id"], saw.facts["run_id"]]
    assert second[1] == "completed"


@check
def leaving(saw: Saw) -> None:
    assert saw.result == "hello, bye"
    # Nobody is left whom the second leave could concern.
    assert saw.facts["gone"].get("raised") or saw.facts["gone"]["answer"]


@check
def memo(saw: Saw) -> None:
    assert saw.result == 2
    shown = saw.release.get(f"/workflows/{saw.facts['workflow_id']}")
    assert shown["memo"] == {"stage": "sent", "box": {"weight": 12}, "customer": "ada"}


@check
def many(saw: Saw) -> None:
    results = [run.get("result") for run in saw.facts["runs"]]
    assert results == [f"hello, n{number}" for number in range(MANY)]


@check
def held(saw: Saw) -> None:
    saw.refused("WorkflowAlreadyStarted")


@check
def use_existing(saw: Saw) -> None:
    first, second = saw.facts["runs"]
    assert first == second


@check
def closed(saw: Saw) -> None:
    for policy in ("fail", "use-existing"):
        saw.refused("WorkflowAlreadyStarted", saw.facts[policy])


@check
def unknown(saw: Saw) -> None:
    saw.refused("WorkflowNotFound")


@check
def replaced_between(saw: Saw) -> None:
    assert saw.result == 12
    counted = saw.counted()
    assert (counted["ActivityCompleted"], counted["TimerFired"]) == (2, 1)


@check
def replaced_within(saw: Saw) -> None:
    # A lost worker is no failure of the activity: it is offered again even without a policy.
    assert saw.result == 2


def instant(written: str) -> datetime:
    """A moment as the control plane writes it."""
    return datetime.fromisoformat(written.replace("Z", "+00:00"))
