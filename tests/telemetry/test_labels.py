"""Values that clients choose are told apart up to a bound."""

from durable_server.telemetry.labels import OTHER, Bounded


def test_values_beyond_the_bound_share_one_series() -> None:
    series = Bounded(lambda *labels: list(labels), labels=2, most=2)

    first = [series.of("a", "q"), series.of("b", "q")]

    assert series.of("c", "q") == [OTHER, OTHER]
    assert series.of("d", "q") is series.of("c", "q")
    assert [series.of("a", "q"), series.of("b", "q")] == first


def test_a_value_is_the_same_series_every_time() -> None:
    series = Bounded(lambda name: [name], labels=1, most=1)

    assert series.of("a") is series.of("a")
