"""What queues are allowed, and the arithmetic of what is left; values only, with a held clock."""

from typing import Any

import pytest
from durable_server.app import admission_of
from durable_server.config import Settings, SettingsDefect, load
from durable_server.matching import admission
from durable_server.matching.admission import MINUTE, Admission, Counter, Limits, Scope, Standing
from durable_server.matching.channels import Channel

NOON = 1_777_032_000_000_000
QUEUE = Channel("shop", "orders", "workflow")
NOTHING_OUT = Standing(0, 0, 0, 0, 0)


def limits(overrides: dict[str, Any], channel: Channel = QUEUE, **defaults: int | None) -> Limits:
    return Admission({"workflow": defaults}, overrides).limits_of(channel)


def test_without_settings_there_is_no_limit_and_nothing_is_looked_up() -> None:
    found = admission_of(Settings())

    assert not found.configured
    assert found.limited(QUEUE) is None


@pytest.mark.parametrize("kind", admission.KINDS)
@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("leases_per_queue", "max_active_leases_per_queue"),
        ("leases_per_namespace", "max_active_leases_per_namespace"),
        ("dispatches_per_queue", "max_dispatches_per_minute"),
        ("dispatches_per_namespace", "max_dispatches_per_minute_per_namespace"),
    ],
)
def test_a_setting_limits_its_kind_of_task_on_every_queue(kind: str, name: str, tail: str) -> None:
    found = admission_of(Settings(**{f"{kind}_task_{tail}": 7}))
    channel = QUEUE._replace(kind=kind)
    other = "activity" if kind == "workflow" else "workflow"

    assert found.configured
    assert getattr(found.limits_of(channel), name) == 7
    assert found.limits_of(channel).sources == (f"server.admission.{kind}_tasks.{tail}",)
    assert found.limited(QUEUE._replace(kind=other)) is None
    assert found.limited(QUEUE._replace(kind="query")) is None


@pytest.mark.parametrize("unlimited", [0, -1])
def test_a_limit_that_is_not_positive_is_none(unlimited: int) -> None:
    settings = Settings(workflow_task_max_dispatches_per_minute=unlimited)

    assert admission_of(settings).limited(QUEUE) is None


@pytest.mark.parametrize("key", ["shop:orders", "shop:*", "orders", "*"])
def test_an_override_is_found_under_each_of_its_keys(key: str) -> None:
    found = limits({key: {"workflow_tasks": {"max_active_leases": 3}}}, leases_per_queue=9)

    assert found.leases_per_queue == 3
    assert found.sources == (admission.OVERRIDES,)


def test_the_most_particular_override_that_says_something_of_a_limit_counts() -> None:
    found = limits(
        {
            "*": {"workflow_tasks": {"max_active_leases": 1, "max_dispatches_per_minute": 1}},
            "orders": {"workflow_tasks": {"max_active_leases": 2, "budget_group": "mail"}},
            "shop:*": {"workflow_tasks": {"max_dispatches_per_minute_per_budget_group": 30}},
            "shop:orders": {"workflow_tasks": {"max_active_leases_per_queue": 4}},
        },
        dispatches_per_namespace=50,
    )

    assert found[:6] == (4, None, 1, 50, 30, "mail")
    assert found.sources == (
        admission.OVERRIDES,
        "server.admission.workflow_tasks.max_dispatches_per_minute_per_namespace",
    )


@pytest.mark.parametrize("value", [0, -3, "many", None, True, 1.5, []])
def test_an_override_that_is_no_positive_number_lifts_the_limit(value: Any) -> None:
    overrides = {"shop:orders": {"workflow_tasks": {"max_active_leases": value}}}

    assert not limits(overrides, leases_per_queue=9).any


def test_a_budget_without_a_group_and_a_group_without_a_budget_limit_nothing() -> None:
    budget = {"*": {"workflow_tasks": {"max_dispatches_per_minute_per_budget_group": 5}}}
    group = {"*": {"workflow_tasks": {"dispatch_budget_group": "mail"}}}

    assert not limits(budget).any
    assert not limits(group).any
    assert limits({"*": {"workflow_tasks": {**budget["*"]["workflow_tasks"],
                                            **group["*"]["workflow_tasks"]}}}).any  # fmt: skip


def test_members_of_overrides_that_mean_nothing_are_named() -> None:
    found = Admission({}, {"orders": {"tasks": {}, "workflow_tasks": {"max_lease": 1}}})

    assert found.problems() == ["orders.tasks", "orders.workflow_tasks.max_lease"]


@pytest.mark.parametrize("text", ["{", "[]", '{"orders": 1}'])
def test_overrides_that_are_no_document_refuse_the_start(text: str) -> None:
    with pytest.raises(SettingsDefect, match="admission_overrides"):
        load(task_queue_admission_overrides=text)


def test_what_has_to_be_held_follows_from_the_limits_in_one_order() -> None:
    every = Limits(1, 1, 1, 1, 1, "mail")

    assert admission.scopes_of(QUEUE, every) == [
        Scope("shop", "workflow", "group", "mail"),
        Scope("shop", "workflow", "namespace", ""),
        Scope("shop", "workflow", "queue", "orders"),
    ]
    assert admission.scopes_of(QUEUE, Limits(leases_per_namespace=1)) == [
        admission.namespace_scope(QUEUE)
    ]


@pytest.mark.parametrize(
    ("found", "standing", "room"),
    [
        (Limits(), NOTHING_OUT, None),
        (Limits(leases_per_queue=3), NOTHING_OUT, 3),
        (Limits(leases_per_queue=3), NOTHING_OUT._replace(queue_leases=2), 1),
        (Limits(leases_per_queue=3), NOTHING_OUT._replace(queue_leases=5), 0),
        (Limits(leases_per_namespace=3), NOTHING_OUT._replace(namespace_leases=3), 0),
        (Limits(dispatches_per_queue=9), NOTHING_OUT._replace(queue_dispatches=4), 5),
        (Limits(dispatches_per_namespace=9), NOTHING_OUT._replace(namespace_dispatches=9), 0),
        (
            Limits(dispatches_per_group=9, group="g"),
            NOTHING_OUT._replace(group_dispatches=8),
            1,
        ),
        (Limits(dispatches_per_group=9), NOTHING_OUT._replace(group_dispatches=8), None),
        (Limits(8, 7, 6, 5, 4, "g"), NOTHING_OUT, 4),
    ],
)
def test_the_tightest_limit_decides_how_many_may_go(
    found: Limits, standing: Standing, room: int | None
) -> None:
    assert admission.room(found, standing) == room


@pytest.mark.parametrize(
    ("minutes_ago", "counted"),
    # A transaction that began before the minute did goes on with the newer count.
    [(0, 5), (-1, 5), (1, 0), (60, 0), (-2, 0)],
)
def test_a_counter_counts_for_its_minute(minutes_ago: int, counted: int) -> None:
    counter = Counter(NOON // MINUTE - minutes_ago, 5)

    assert admission.counted_at(counter, NOON).dispatches == counted


def test_a_minute_ends_with_the_clock_and_not_a_minute_after_it_was_begun() -> None:
    counter = admission.counted_at(None, NOON + MINUTE - 1)._replace(dispatches=5)

    assert admission.counted_at(counter, NOON + MINUTE - 1).dispatches == 5
    assert admission.counted_at(counter, NOON + MINUTE).dispatches == 0
