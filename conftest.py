"""Plugins that every run of the tests loads, whichever folder it names."""

pytest_plugins = ["tests.support.report"]
