"""Links of replies lead to operations that exist, and carry values that are there."""

from copy import deepcopy
from typing import Any

import pytest
from durable_contracts import bundle, links
from durable_contracts.operations import operations_of

LINK = ("components", "links", "CompleteWorkflowTask")


def test_the_links_of_the_contract_are_whole() -> None:
    document = bundle.published()
    linked = {
        operation.operation_id
        for operation in operations_of(document)
        for reply in document["paths"][operation.path][operation.method.lower()][
            "responses"
        ].values()
        if reply.get("links")
    }

    assert list(links.broken(document, operations_of(document))) == []
    assert {"workflows.start", "workers.register", "workflow_tasks.poll"} <= linked


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"operationId": "workflows.nothing"}, "there is no operation workflows.nothing"),
        (
            {"parameters": {"tusk_id": "$response.body#/task/task_id"}},
            "workflow_tasks.complete takes no tusk_id",
        ),
        ({"requestBody": {"owner": "$response.body#/task"}}, "takes no owner"),
        (
            {"parameters": {"task_id": "$response.body#/task/tusk_id"}},
            "$response.body#/task/tusk_id is nowhere in workflow_tasks.poll",
        ),
        ({"parameters": {"task_id": "$request.body#/task_id"}}, "is nowhere"),
        ({"parameters": {"task_id": "task-1"}}, "task-1 is nowhere"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(change: dict[str, Any], sentence: str) -> None:
    document = deepcopy(bundle.published())
    document[LINK[0]][LINK[1]][LINK[2]].update(change)

    told = list(links.broken(document, operations_of(document)))

    assert len(told) == 1
    assert told[0].startswith("workflow_tasks.poll 200 CompleteWorkflowTask: ")
    assert sentence in told[0]
