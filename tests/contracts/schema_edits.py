"""Edits of schemas, each with what it means for senders and for readers.

An edit is a function from a place to the new schema, or None where it does not fit; its meaning is
a pair (in a request, in a response) that whoever writes the edit knows.
"""

from collections.abc import Callable
from typing import Any

from tests.contracts.places import Place

I, A, B = "identical", "additive", "breaking"  # noqa: E741
Schema = dict[str, Any]
Edit = Callable[[Place], Schema | None]
TIGHTER, LOOSER, MORE, BROKEN, SAME = (B, A), (A, B), (A, A), (B, B), (I, I)
EDITS: dict[str, tuple[tuple[str, str], Edit]] = {}


def edit(meaning: tuple[str, str]) -> Callable[[Edit], Edit]:
    def register(function: Edit) -> Edit:
        EDITS[function.__name__.replace("_", "-")] = (meaning, function)
        return function

    return register


def _free(place: Place, kind: str) -> bool:
    """A schema of just this type (or null), whose values are not listed."""
    listed = "enum" in place.schema or "const" in place.schema
    return kind in place.types and set(place.types) <= {kind, "null"} and not listed


def _set(place: Place, **members: Any) -> Schema:
    return {**place.schema, **members}


def _without(place: Place, *names: str) -> Schema | None:
    if not set(names) <= set(place.schema):
        return None
    return {key: value for key, value in place.schema.items() if key not in names}


def _absent(place: Place, kind: str, keyword: str, value: Any) -> Schema | None:
    return _set(place, **{keyword: value}) if _free(place, kind) and _no(place, keyword) else None


def _no(place: Place, *keywords: str) -> bool:
    return not set(keywords) & set(place.schema)


def _moved(place: Place, keyword: str, by: int) -> Schema | None:
    value = place.schema.get(keyword)
    if value is None or value + by < 0:
        return None
    return _set(place, **{keyword: value + by})


def _object(place: Place) -> bool:
    return _free(place, "object") and "properties" in place.schema and _no(place, "anyOf", "allOf")


def _optional(place: Place) -> list[str]:
    needed = place.schema.get("required", [])
    named = place.schema.get("properties", {})
    return [name for name, held in named.items() if name not in needed and "not" not in held]


@edit(MORE)
def add_a_field(place: Place) -> Schema | None:
    if not _object(place) or isinstance(place.schema.get("additionalProperties"), dict):
        return None
    return _set(place, properties={**place.schema["properties"], "brand_new": {"type": "string"}})


@edit(BROKEN)
def remove_a_field(place: Place) -> Schema | None:
    if not _object(place) or not _optional(place):
        return None
    gone = _optional(place)[0]
    return _set(
        place, properties={k: v for k, v in place.schema["properties"].items() if k != gone}
    )


@edit(BROKEN)
def rename_a_field(place: Place) -> Schema | None:
    if not _object(place) or not _optional(place):
        return None
    old = _optional(place)[-1]
    named = {(f"{k}_new" if k == old else k): v for k, v in place.schema["properties"].items()}
    return _set(place, properties=named)


@edit(BROKEN)
def refuse_a_field_that_was_there(place: Place) -> Schema | None:
    if not _object(place) or not _optional(place):
        return None
    return _set(place, properties={**place.schema["properties"], _optional(place)[0]: {"not": {}}})


@edit(TIGHTER)
def refuse_a_field_by_name(place: Place) -> Schema | None:
    if not _object(place) or isinstance(place.schema.get("additionalProperties"), dict):
        return None
    return _set(place, properties={**place.schema["properties"], "brand_new": False})


@edit(TIGHTER)
def require_a_field(place: Place) -> Schema | None:
    if not _object(place) or not _optional(place):
        return None
    return _set(place, required=[*place.schema.get("required", []), _optional(place)[0]])


@edit(LOOSER)
def require_a_field_less(place: Place) -> Schema | None:
    if not _object(place) or not place.schema.get("required"):
        return None
    return _set(place, required=place.schema["required"][1:])


@edit(SAME)
def list_the_required_in_another_order(place: Place) -> Schema | None:
    if not _object(place) or len(place.schema.get("required", [])) < 2:
        return None
    return _set(place, required=place.schema["required"][::-1])


@edit(SAME)
def list_the_fields_in_another_order(place: Place) -> Schema | None:
    if not _object(place):
        return None
    return _set(place, properties=dict(reversed(place.schema["properties"].items())))


@edit(TIGHTER)
def shut_out_other_fields(place: Place) -> Schema | None:
    return _absent(place, "object", "additionalProperties", False)


@edit(TIGHTER)
def give_other_fields_a_rule(place: Place) -> Schema | None:
    return _absent(place, "object", "additionalProperties", {"type": "integer"})


@edit(SAME)
def say_that_other_fields_are_free(place: Place) -> Schema | None:
    return _absent(place, "object", "additionalProperties", True)


@edit(MORE)
def let_other_fields_in(place: Place) -> Schema | None:
    if not _free(place, "object") or place.schema.get("additionalProperties") is not False:
        return None
    return _set(place, additionalProperties=True)


@edit(LOOSER)
def free_the_values_of_a_map(place: Place) -> Schema | None:
    others = place.schema.get("additionalProperties")
    if not _free(place, "object") or not isinstance(others, dict) or not others.get("type"):
        return None
    return _without(place, "additionalProperties")


@edit(LOOSER)
def let_null_in(place: Place) -> Schema | None:
    named = place.schema.get("type")
    if not isinstance(named, str) or named == "null" or not _no(place, "enum", "const"):
        return None
    return _set(place, type=[named, "null"])


@edit(TIGHTER)
def keep_null_out(place: Place) -> Schema | None:
    if len(place.types) < 2 or "null" not in place.types or not _no(place, "enum", "const"):
        return None
    return _set(place, type=[name for name in place.types if name != "null"])


@edit(BROKEN)
def take_another_type(place: Place) -> Schema | None:
    if len(place.types) != 1 or not _no(place, "enum", "const"):
        return None
    return _set(place, type="boolean" if place.types != ["boolean"] else "string")


@edit(LOOSER)
def take_a_second_type(place: Place) -> Schema | None:
    if place.types != ["string"] or not _no(place, "enum", "const"):
        return None
    return _set(place, type=["string", "boolean"])


@edit(LOOSER)
def take_fractions(place: Place) -> Schema | None:
    if not _free(place, "integer"):
        return None
    return _set(place, type=["number" if name == "integer" else name for name in place.types])


@edit(LOOSER)
def say_no_type(place: Place) -> Schema | None:
    return _without(place, "type") if _no(place, "enum", "const", "$ref", "anyOf") else None


@edit(MORE)
def list_one_more_value(place: Place) -> Schema | None:
    values = place.schema.get("enum")
    if not values or not all(isinstance(value, str) for value in values):
        return None
    return _set(place, enum=[*values, "brand_new"])


@edit(BROKEN)
def list_one_value_less(place: Place) -> Schema | None:
    values = place.schema.get("enum", [])
    return _set(place, enum=values[1:]) if len(values) > 1 else None


@edit(SAME)
def list_the_values_in_another_order(place: Place) -> Schema | None:
    values = place.schema.get("enum", [])
    return _set(place, enum=values[::-1]) if len(values) > 1 else None


@edit(SAME)
def say_a_constant_as_a_list_of_one(place: Place) -> Schema | None:
    if "const" not in place.schema:
        return None
    rest = {key: value for key, value in place.schema.items() if key != "const"}
    return {**rest, "enum": [place.schema["const"]]}


@edit(BROKEN)
def take_another_constant(place: Place) -> Schema | None:
    return _set(place, const="brand_new") if isinstance(place.schema.get("const"), str) else None


@edit(LOOSER)
def list_no_values(place: Place) -> Schema | None:
    if place.types != ["string"] or "null" in place.schema.get("enum", []):
        return None
    return _without(place, "enum")


@edit(TIGHTER)
def list_the_values_of_a_text(place: Place) -> Schema | None:
    return _absent(place, "string", "enum", ["one", "two"]) if place.types == ["string"] else None


@edit(TIGHTER)
def raise_the_least_length(place: Place) -> Schema | None:
    return _moved(place, "minLength", 1) if _free(place, "string") else None


@edit(LOOSER)
def say_no_least_length(place: Place) -> Schema | None:
    return _without(place, "minLength") if place.schema.get("minLength") else None


@edit(SAME)
def say_the_least_length_of_every_text(place: Place) -> Schema | None:
    return _absent(place, "string", "minLength", 0)


@edit(SAME)
def bound_what_can_never_be_there(place: Place) -> Schema | None:
    return _absent(place, "string", "minimum", 5)


@edit(TIGHTER)
def bound_a_length(place: Place) -> Schema | None:
    return _absent(place, "string", "maxLength", 7)


@edit(TIGHTER)
def lower_the_greatest_length(place: Place) -> Schema | None:
    return _moved(place, "maxLength", -1) if _free(place, "string") else None


@edit(LOOSER)
def raise_the_greatest_length(place: Place) -> Schema | None:
    return _moved(place, "maxLength", 1) if _free(place, "string") else None


@edit(TIGHTER)
def raise_the_least_number(place: Place) -> Schema | None:
    return _moved(place, "minimum", 1)


@edit(LOOSER)
def say_no_least_number(place: Place) -> Schema | None:
    return _without(place, "minimum")


@edit(SAME)
def say_the_least_whole_number_otherwise(place: Place) -> Schema | None:
    if not _free(place, "integer") or "minimum" not in place.schema:
        return None
    rest = {key: value for key, value in place.schema.items() if key != "minimum"}
    return {**rest, "exclusiveMinimum": place.schema["minimum"] - 1}


@edit(TIGHTER)
def leave_the_least_number_out(place: Place) -> Schema | None:
    if "minimum" not in place.schema:
        return None
    rest = {key: value for key, value in place.schema.items() if key != "minimum"}
    return {**rest, "exclusiveMinimum": place.schema["minimum"]}


@edit(TIGHTER)
def bound_a_number(place: Place) -> Schema | None:
    return _absent(place, "integer", "maximum", 99)


@edit(LOOSER)
def raise_the_greatest_number(place: Place) -> Schema | None:
    return _moved(place, "maximum", 1)


@edit(TIGHTER)
def lower_the_greatest_number(place: Place) -> Schema | None:
    return _moved(place, "maximum", -1)


@edit(TIGHTER)
def take_multiples_only(place: Place) -> Schema | None:
    return _absent(place, "integer", "multipleOf", 5)


@edit(TIGHTER)
def bound_the_items(place: Place) -> Schema | None:
    return _absent(place, "array", "maxItems", 3)


@edit(LOOSER)
def take_more_items(place: Place) -> Schema | None:
    return _moved(place, "maxItems", 10)


@edit(TIGHTER)
def want_an_item(place: Place) -> Schema | None:
    return _absent(place, "array", "minItems", 1)


@edit(LOOSER)
def want_no_item(place: Place) -> Schema | None:
    return _without(place, "minItems") if place.schema.get("minItems") else None


@edit(TIGHTER)
def forbid_repeated_items(place: Place) -> Schema | None:
    return _absent(place, "array", "uniqueItems", True)


@edit(LOOSER)
def say_nothing_of_items(place: Place) -> Schema | None:
    items = place.schema.get("items")
    return _without(place, "items") if isinstance(items, dict) and "type" in items else None


@edit(TIGHTER)
def want_members(place: Place) -> Schema | None:
    return _absent(place, "object", "minProperties", 2)


@edit(TIGHTER)
def bound_the_members(place: Place) -> Schema | None:
    return _absent(place, "object", "maxProperties", 2)


@edit(TIGHTER)
def want_a_pattern(place: Place) -> Schema | None:
    return _absent(place, "string", "pattern", "^a")


@edit(BROKEN)
def want_another_pattern(place: Place) -> Schema | None:
    return _set(place, pattern="^brand_new$") if "pattern" in place.schema else None


@edit(LOOSER)
def want_no_pattern(place: Place) -> Schema | None:
    return _without(place, "pattern")


@edit(TIGHTER)
def say_a_format(place: Place) -> Schema | None:
    return _absent(place, "string", "format", "uuid")


@edit(LOOSER)
def say_no_format(place: Place) -> Schema | None:
    return _without(place, "format")


@edit(BROKEN)
def say_another_format(place: Place) -> Schema | None:
    return _set(place, format="hostname") if "format" in place.schema else None


@edit((B, A))
def say_a_default(place: Place) -> Schema | None:
    return _set(place, default="x") if place.types == ["string"] and _no(place, "default") else None


@edit(TIGHTER)
def shut_a_sort_out(place: Place) -> Schema | None:
    return _absent(place, "string", "not", {"const": "brand_new"})


@edit(MORE)
def deprecate_it(place: Place) -> Schema | None:
    return _set(place, deprecated=True) if "type" in place.schema else None


@edit(SAME)
def explain_it_otherwise(place: Place) -> Schema | None:
    return _set(place, description="in other words")


@edit(SAME)
def give_an_example(place: Place) -> Schema | None:
    return _set(place, examples=["brand_new"], title="New") if place.types else None


@edit(BROKEN)
def use_a_keyword_nobody_understands(place: Place) -> Schema | None:
    return _set(place, unevaluatedProperties=False) if _free(place, "object") else None


@edit(SAME)
def say_it_inside_a_conjunction(place: Place) -> Schema | None:
    return {"allOf": [place.schema]}


@edit(TIGHTER)
def want_more_in_a_conjunction(place: Place) -> Schema | None:
    if not _free(place, "string") or not _no(place, "maxLength"):
        return None
    return {"allOf": [place.schema, {"maxLength": 3}]}


@edit(LOOSER)
def take_null_as_an_alternative(place: Place) -> Schema | None:
    if not place.types or "null" in place.types or not _no(place, "anyOf", "enum", "const"):
        return None
    return {"anyOf": [place.schema, {"type": "null"}]}


@edit(LOOSER)
def take_a_further_alternative(place: Place) -> Schema | None:
    if "anyOf" not in place.schema or not all(
        each.get("type") != "boolean" for each in place.schema["anyOf"]
    ):
        return None
    return _set(place, anyOf=[*place.schema["anyOf"], {"type": "boolean"}])


@edit(TIGHTER)
def take_null_as_an_alternative_no_more(place: Place) -> Schema | None:
    variants = place.schema.get("anyOf", [])
    kept = [each for each in variants if each != {"type": "null"}]
    return _set(place, anyOf=kept) if 0 < len(kept) < len(variants) else None


@edit(SAME)
def list_the_alternatives_in_another_order(place: Place) -> Schema | None:
    return _set(place, anyOf=place.schema["anyOf"][::-1]) if "anyOf" in place.schema else None


@edit(MORE)
def say_what_tells_alternatives_apart(place: Place) -> Schema | None:
    if "anyOf" not in place.schema:
        return None
    return _set(place, discriminator={"propertyName": "type"})


@edit(TIGHTER)
def let_one_of_some_match(place: Place) -> Schema | None:
    if not _free(place, "object") or not _no(place, "anyOf"):
        return None
    return _set(place, anyOf=[{"required": ["one"]}, {"required": ["two"]}])
