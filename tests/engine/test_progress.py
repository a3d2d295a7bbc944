"""The progress of a heartbeat: kept within bounds, and always something JSON can hold."""

from typing import Any

import orjson
import pytest
from durable_server.engine.progress import normalised_progress


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("3", {"current": 3}),
        (2.0, {"current": 2}),
        (2.5, {"current": 2.5}),
        (4.5e297, {"current": 4.5e297}),
        (True, {}),
        (-1, {}),
        ("1e999", {}),
        ("many", {}),
    ],
)
def test_a_number_is_kept_where_it_is_finite_and_not_negative(
    sent: Any, kept: dict[str, Any]
) -> None:
    progress = normalised_progress({"current": sent})

    assert progress == kept
    assert orjson.loads(orjson.dumps(progress)) == kept


def test_a_unit_is_kept_beside_a_number_only() -> None:
    assert normalised_progress({"unit": "pages"}) == {}
    assert normalised_progress({"unit": "pages", "total": 0}) == {"unit": "pages", "total": 0}


def test_texts_and_details_are_cut_to_their_bounds() -> None:
    details = {f"k{number:02}": number for number in range(30)} | {
        "not a name": 1,
        "k00": "x" * 999,
    }
    progress = normalised_progress({"message": " m" * 400, "details": details})

    assert len(progress["message"]) == 280
    assert len(progress["details"]) == 20
    assert progress["details"]["k00"] == "x" * 191
    assert "not a name" not in progress["details"]
