"""What a refused body says: every offending field, in the words of the contract if it has any."""

import pytest
from durable_contracts import bundle
from durable_server.http.bind import BodyRule
from durable_server.refusal import Refusal


def errors_of(operation_id: str, body: dict[str, object]) -> dict[str, list[str]]:
    operation = next(each for each in bundle.operations() if each.operation_id == operation_id)
    with pytest.raises(Refusal) as caught:
        BodyRule(operation).check(body)
    assert caught.value.reason == "validation_failed"
    errors: dict[str, list[str]] = caught.value.facts["errors"]
    return errors


def test_every_field_that_breaks_a_rule_is_named_at_once() -> None:
    body = {"input": "text", "duplicate_policy": "use_existing", "workflow_run_timeout": None}

    assert errors_of("workflows.start", body) == {
        "workflow_type": ["The workflow type field is required."],
        "input": ['The input field is invalid: "text" is not of types "null", "array", "object"'],
        "duplicate_policy": ["The duplicate_policy field only supports fail or use-existing."],
        "workflow_run_timeout": ["Use run_timeout_seconds instead of workflow_run_timeout."],
    }


def test_a_field_inside_a_list_is_named_by_its_path() -> None:
    body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [{}]}

    assert list(errors_of("workflow_tasks.complete", body)) == ["commands.0.type"]


def test_a_choice_between_fields_names_the_one_to_send() -> None:
    body = {"lease_owner": "w", "workflow_task_attempt": 1}

    assert errors_of("workflow_tasks.history", body) == {
        "next_history_page_token": ["The next history page token field is required."]
    }
