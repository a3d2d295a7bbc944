"""Watches of runs are answered when the run changes."""

from durable_server.matching.watchers import RunWatchers


def test_every_watch_of_a_changed_run_is_answered():
    watchers = RunWatchers()
    first, second, other = watchers.watch("r1"), watchers.watch("r1"), watchers.watch("r2")
    watchers.changed({"r1", "unwatched"})
    assert first.result() is True and second.result() is True
    assert not other.done
    assert len(watchers) == 1


def test_watches_that_are_over_are_forgotten():
    watchers = RunWatchers()
    watchers.watch("r1").answer(None)
    watchers.watch("r2")
    assert len(watchers) == 1


def test_beyond_the_bound_the_oldest_watch_is_answered():
    watchers = RunWatchers(watches_max=2)
    watches = [watchers.watch("r1") for _ in range(3)]
    assert [watch.done for watch in watches] == [True, False, False]


def test_shutdown_answers_all():
    watchers = RunWatchers()
    watch = watchers.watch("r1")
    watchers.withdraw_all()
    assert watch.result() is False
