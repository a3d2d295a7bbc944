"""Who is calling, after authentication."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: role (worker, operator, admin), how it was proven, and whether every role applies.

    `method`: token | signature | none. `full_access` is true for the driver `none` and for a legacy
    credential while no role credential is configured.
    """

    role: str
    method: str
    full_access: bool = False

    def may(self, roles: frozenset[str]) -> bool:
        """Whether this caller may use an operation that these roles may use."""
        return self.full_access or self.role in roles
