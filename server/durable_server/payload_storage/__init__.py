"""Payloads outside of the database: the policies that say where, and the drivers that go there."""
