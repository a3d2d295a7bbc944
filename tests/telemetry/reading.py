"""Reading an exposition as a scraper reads it."""

from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """The samples of an exposition by name."""

    def __init__(self, text: str) -> None:
        self.families = {each.name: each for each in text_string_to_metric_families(text)}
        self.samples = [s for family in self.families.values() for s in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """All samples of this name whose labels include these, together."""
        return sum(
            each.value
            for each in self.samples
            if each.name == name and labels.items() <= each.labels.items()
        )

    def values(self, label: str) -> set[str]:
        """Every value that a label has."""
        return {each.labels[label] for each in self.samples if label in each.labels}
