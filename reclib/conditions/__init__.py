"""Conditions: functions from one sealed split to another, by name and with their parameters.

The same recommenders are fitted on what a condition leaves and ranked by the same evaluator, so
that what changes in a result is the condition and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from reclib import provenance
from reclib.conditions.attack import shilling
from reclib.conditions.cold import cold_items, cold_users
from reclib.conditions.context import context
from reclib.conditions.noise import noise
from reclib.conditions.seal import Conditioned
from reclib.conditions.thin import as_is, thin
from reclib.errors import UnknownName
from reclib.splits import Split

__all__ = ["AS_IS", "CONDITIONS", "Condition", "Conditioned"]

CONDITIONS: dict[str, Callable[..., Conditioned]] = {
    "as-is": as_is,
    "thin": thin,
    "noise": noise,
    "shilling": shilling,
    "cold-users": cold_users,
    "cold-items": cold_items,
    "context": context,
}
"""Every condition by name."""


@dataclass(frozen=True)
class Condition:
    """A condition with all of its parameters.

    Parameters
    ----------
    name : str
        A name in `CONDITIONS`.
    parameters : mapping
        Every argument of the function but the split.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, **parameters: Any) -> Self:
        """Return a condition; what is not said takes its default.

        Raises
        ------
        reclib.errors.UnknownName
            For a condition or a parameter that there is not.

        Examples
        --------
        >>> Condition.of("thin", share=0.1).parameters
        {'share': 0.1, 'seed': 2026}
        """
        if name not in CONDITIONS:
            raise UnknownName("condition", name, CONDITIONS)
        _, *declared = inspect.signature(CONDITIONS[name]).parameters.values()
        known = {each.name: each.default for each in declared}
        for given in parameters:
            if given not in known:
                raise UnknownName(f"parameter of {name}", given, known)
        return cls(name, known | parameters)

    def __call__(self, split: Split) -> Conditioned:
        """Return the split under the condition, under a checksum of its own."""
        return CONDITIONS[self.name](split, **self.parameters)

    @property
    def origin(self) -> dict[str, Any]:
        """What a row of the ledger says of it; how it was made counts, too."""
        own = CONDITIONS[self.name].__module__.rpartition(".")[2]
        code = provenance.fingerprint(f"conditions/{own}.py", "conditions/seal.py")
        return {"name": self.name, **self.parameters, "code": code}


AS_IS = Condition("as-is")
"""The data as they are, for runs whose settings are not those chosen."""
