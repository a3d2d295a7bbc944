"""What a workflow type declares of its signals, queries and updates, and what arguments they take.

A worker says it when it registers. Of a type for which nothing is declared any name and any
arguments are accepted; what a type declares binds whoever asks.
"""

from typing import Any, NamedTuple

Declared = dict[str, Any]

_PLURALS = {"signal": "signals", "query": "queries", "update": "updates"}


class Arguments(NamedTuple):
    """Arguments in the order of the parameters, or what is wrong with them by parameter."""

    values: list[Any]
    errors: dict[str, list[str]]


def declares(declared: Declared | None, kind: str, name: str) -> bool:
    """Whether a signal, query or update may be sent to a type that declares this."""
    names = None if declared is None else declared.get(_PLURALS[kind])
    return names is None or name in names


def has_validator(declared: Declared | None, update_name: str) -> bool:
    """Whether a worker must approve an update of this name before it is accepted."""
    return declared is not None and update_name in (declared.get("update_validators") or ())


def arranged(declared: Declared | None, kind: str, name: str, given: Any) -> Arguments:
    """Arguments given by position (a list) or by name (an object), as the type declares them.

    Defaults are filled in. Where no parameters are declared, values are taken in order.
    """
    parameters = _parameters(declared, kind, name)
    if parameters is None:
        return Arguments([*given.values()] if isinstance(given, dict) else [*(given or ())], {})
    errors: dict[str, list[str]] = {}
    if isinstance(given, dict):
        for unknown in sorted(given.keys() - {each["name"] for each in parameters}):
            errors[unknown] = [f"Unknown argument [{unknown}]."]
        return Arguments(_by_name(parameters, given, errors), errors)
    values = [*(given or ())]
    if len(values) > len(parameters) and not any(map(_takes_the_rest, parameters)):
        errors["arguments"] = [f"Too many arguments were provided for {kind} [{name}]."]
    return Arguments(_by_position(parameters, values, errors), errors)


def _parameters(declared: Declared | None, kind: str, name: str) -> list[Declared] | None:
    for contract in (declared or {}).get(f"{kind}_contracts") or ():
        parameters = contract.get("parameters")
        if contract.get("name") == name and parameters is not None:
            named = [each for each in parameters if isinstance(each.get("name"), str)]
            return sorted(named, key=lambda each: int(each.get("position") or 0))
    return None


def _takes_the_rest(parameter: Declared) -> bool:
    return parameter.get("variadic") is True


def _by_position(
    parameters: list[Declared], values: list[Any], errors: dict[str, list[str]]
) -> list[Any]:
    found: list[Any] = []
    for index, parameter in enumerate(parameters):
        if _takes_the_rest(parameter):
            found += [_checked(parameter, value, errors) for value in values[index:]]
            break
        if index < len(values):
            found.append(_checked(parameter, values[index], errors))
        else:
            found.append(_absent(parameter, errors))
    return found


def _by_name(
    parameters: list[Declared], given: dict[str, Any], errors: dict[str, list[str]]
) -> list[Any]:
    found: list[Any] = []
    for parameter in parameters:
        value = given.get(parameter["name"])
        if _takes_the_rest(parameter):
            rest = value if isinstance(value, list) else [value]
            rest = rest if parameter["name"] in given else []
            found += [_checked(parameter, each, errors) for each in rest]
        elif parameter["name"] in given:
            found.append(_checked(parameter, value, errors))
        else:
            found.append(_absent(parameter, errors))
    return found


def _absent(parameter: Declared, errors: dict[str, list[str]]) -> Any:
    if parameter.get("default_available") is True:
        return parameter.get("default")
    if parameter.get("required") is True:
        name = parameter["name"]
        errors.setdefault(name, []).append(f"The {name} argument is required.")
    return None


def _checked(parameter: Declared, value: Any, errors: dict[str, list[str]]) -> Any:
    name, kind = parameter["name"], parameter.get("type")
    if value is None and parameter.get("allows_null") is False:
        errors.setdefault(name, []).append(f"The {name} argument cannot be null.")
    elif value is not None and kind and not _fits(kind, value):
        errors.setdefault(name, []).append(f"The {name} argument must be of type {kind}.")
    return value


def _fits(kind: str, value: Any) -> bool:
    """Whether a value is of a declared type; names that no language shares fit everything."""
    if "|" in kind:
        return any(_fits(each, value) for each in kind.split("|"))
    if "&" in kind:
        return all(_fits(each, value) for each in kind.split("&"))
    types = _TYPES.get(kind.strip(" ?()").lower())
    if types is None:
        return True
    return any(value is each or (isinstance(each, type) and type(value) is each) for each in types)


_TYPES: dict[str, tuple[Any, ...]] = {
    "int": (int,),
    "float": (int, float),
    "string": (str,),
    "bool": (bool,),
    "array": (list, dict),
    "iterable": (list, dict),
    "object": (dict,),
    "callable": (str, list),
    "scalar": (int, float, str, bool),
    "true": (True,),
    "false": (False,),
    "null": (None,),
}
