"""Instants of a history never go back, whichever transaction had to wait for the run."""

from durable_server.engine.decision import Draft

from tests.engine.builders import Story


def test_an_event_is_never_recorded_before_the_one_ahead_of_it() -> None:
    story = Story()
    story.advance(-1)

    event = Draft(story.state, story.moment).append("SideEffectRecorded", {"sequence": 1})

    assert event.recorded_at == story.recorded[-1].recorded_at
