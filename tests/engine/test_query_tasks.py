"""Query tasks as values: asked, leased, answered, left."""

import pytest
from durable_server.clock import SECOND
from durable_server.engine import query_task
from durable_server.engine.query_task import Claim, QueryTask, Question, Result
from durable_server.engine.tasks import Holder
from durable_server.refusal import Refusal

NOW = 1_000 * SECOND
HOLDER = Holder("w", None, "avro", "p-1")
ANSWER = Result("7", "avro", "blob")


def a_question(**changes: object) -> Question:
    question = Question(
        shard=1,
        query_task_id="q-1",
        namespace="default",
        task_queue="orders",
        workflow_id="order-42",
        run_id="r-1",
        type_name="orders.process",
        build_id=None,
        query_name="state",
        codec="plain",
        arguments="[1]",
        wait_seconds=30,
        keep_seconds=180,
    )
    return question._replace(**changes)  # type: ignore[arg-type]


def leased(seconds: int = 10) -> QueryTask:
    return query_task.lease(query_task.ask(a_question(), NOW), NOW, seconds, HOLDER)


def claim(**changes: object) -> Claim:
    return Claim("default", "q-1", "w", 1)._replace(**changes)  # type: ignore[arg-type]


def reason_of(task: QueryTask | None, now: int, given: Claim) -> str:
    with pytest.raises(Refusal) as refused:
        query_task.complete(task, now, given, ANSWER)
    with pytest.raises(Refusal) as failed:
        query_task.fail(task, now, given, "{}")
    assert failed.value.reason == refused.value.reason
    assert refused.value.facts["outcome"] == "rejected"
    return refused.value.reason


def test_a_question_waits_as_long_as_its_caller() -> None:
    task = query_task.ask(a_question(), NOW)

    assert (task.status, task.attempt, task.deadline_at) == ("ready", 0, NOW + 30 * SECOND)
    assert task.expires_at == NOW + 180 * SECOND
    assert task.is_free(NOW + 29 * SECOND)
    assert not task.is_free(NOW + 30 * SECOND)


def test_a_row_outlives_the_wait_of_its_caller() -> None:
    task = query_task.ask(a_question(keep_seconds=5), NOW)

    assert task.expires_at > task.deadline_at


def test_a_lease_never_lasts_longer_than_the_caller_waits() -> None:
    assert leased(10).lease_expires_at == NOW + 10 * SECOND
    assert leased(60).lease_expires_at == NOW + 30 * SECOND


def test_a_lease_that_ended_may_be_given_again() -> None:
    task = leased(10)
    assert not task.is_free(NOW + 9 * SECOND)

    again = query_task.lease(task, NOW + 10 * SECOND, 10, HOLDER._replace(worker_id="v"))

    assert task.is_free(NOW + 10 * SECOND)
    assert (again.attempt, again.lease_owner) == (2, "v")
    assert reason_of(again, NOW + 11 * SECOND, claim()) == "lease_owner_mismatch.query"
    stale = claim(lease_owner="v")
    assert reason_of(again, NOW + 11 * SECOND, stale) == "query_task_attempt_mismatch"


def test_the_holder_answers_once() -> None:
    done = query_task.complete(leased(), NOW + SECOND, claim(), ANSWER)

    assert (done.status, done.result, done.result_codec, done.result_blob) == (
        "completed",
        *ANSWER,
    )
    assert done.answered
    assert reason_of(done, NOW + SECOND, claim()) == "query_task_not_leased"


def test_the_holder_may_say_why_there_is_no_answer() -> None:
    done = query_task.fail(leased(), NOW + SECOND, claim(), '{"message":"no"}')

    assert (done.status, done.failure, done.answered) == ("failed", '{"message":"no"}', True)


def test_whoever_does_not_hold_the_task_is_refused() -> None:
    ready = query_task.ask(a_question(), NOW)

    assert reason_of(None, NOW, claim()) == "query_task_not_found"
    assert reason_of(leased(), NOW, claim(namespace="other")) == "query_task_not_found"
    assert reason_of(ready, NOW, claim()) == "query_task_not_leased"
    assert reason_of(leased(), NOW + 10 * SECOND, claim()) == "lease_expired.query"
    assert reason_of(leased(60), NOW + 30 * SECOND, claim()) == "query_task_timed_out"


def test_a_lease_given_back_is_free_at_once_but_not_anothers() -> None:
    back = query_task.give_back(leased(), claim())

    assert back is not None
    assert (back.status, back.lease_owner, back.attempt) == ("ready", None, 1)
    assert query_task.give_back(leased(), claim(attempt=2)) is None
    assert query_task.give_back(back, claim()) is None
    assert query_task.give_back(None, claim()) is None


def test_a_caller_that_leaves_takes_the_values_with_it() -> None:
    done = query_task.complete(leased(), NOW + SECOND, claim(), ANSWER)
    told, gave_up = query_task.leave(done, NOW + SECOND), query_task.leave(leased(), NOW)

    assert told is not None and gave_up is not None
    assert (told.status, gave_up.status) == ("completed", "timed_out")
    for task in (told, gave_up):
        assert (task.arguments, task.result, task.result_blob, task.failure) == ("", *[None] * 3)
    assert told.expires_at == NOW + 61 * SECOND
    assert reason_of(told, NOW + SECOND, claim()) == "query_task_not_leased"
    assert reason_of(gave_up, NOW + SECOND, claim()) == "query_task_timed_out"
    assert query_task.leave(None, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(9, None), (10, "lease_expired"), (30, "query_task_timed_out")],
)
def test_the_holder_sees_whether_its_answer_would_still_be_taken(
    seconds: int, reason: str | None
) -> None:
    assert query_task.why_not(leased(10), NOW + seconds * SECOND) == reason
