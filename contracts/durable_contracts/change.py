"""One difference between two contracts, and the rules by which its meaning is judged.

The tables are the whole catalogue: a rule that is not listed here cannot be reported, and
`docs/reference/contract-rules.md` is derived from them.
"""

from dataclasses import dataclass

REQUEST, RESPONSE = "request", "response"
IDENTICAL, WORDING, ADDITIVE, BREAKING = "identical", "wording", "additive", "breaking"
_W, _A, _B = WORDING, ADDITIVE, BREAKING


@dataclass(frozen=True)
class Rule:
    """What a difference of this sort means, and why."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Change:
    """One difference: the rule that judges it, where it is, and which operations it reaches.

    The pointer names a place of the newer document, or of the older one for what is gone.
    """

    rule: str
    pointer: str
    text: str
    operations: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Wording, additive or breaking."""
        return RULES[self.rule].kind


_DOCUMENT = {
    "document-wording": (_W, "title, version, tags or text of the whole document differ"),
    "server-added": (_A, "the contract names one more address"),
    "server-removed": (_B, "an address that the contract named is gone"),
    "security-scheme-changed": (_B, "a way to authenticate works otherwise"),
    "security-scheme-wording": (_W, "a way to authenticate is explained in other words"),
    "operation-added": (_A, "there is one more operation"),
    "operation-removed": (_B, "an operation is gone, or has another address or method"),
    "operation-renamed": (_B, "the operationId differs, by which generated clients call it"),
    "operation-plane-changed": (_B, "the operation speaks as another plane does"),
    "operation-namespace-changed": (_B, "whether a namespace is selected differs"),
    "operation-control-name-changed": (_B, "the name in the response contract differs"),
    "operation-deprecated": (_A, "callers are told to leave the operation"),
    "operation-restored": (_A, "the operation is not deprecated any more"),
    "operation-wording": (_W, "the operation is explained in other words"),
    "role-added": (_A, "one more role may call"),
    "role-removed": (_B, "a role, or whoever has no credential, may no longer call"),
    "version-rule-loosened": (_A, "the version header is asked for less"),
    "version-rule-tightened": (_B, "the version header is asked for more"),
    "security-added": (_A, "there is one more way to authenticate"),
    "security-tightened": (_B, "a way to authenticate is gone, or asks for more"),
    "parameter-added": (_A, "there is one more parameter, which may be absent"),
    "parameter-added-required": (_B, "there is one more parameter, which must be there"),
    "parameter-removed": (_B, "a parameter is gone"),
    "parameter-required": (_B, "a parameter that could be absent must be there"),
    "parameter-optional": (_A, "a parameter that had to be there may be absent"),
    "parameter-form-changed": (_B, "a parameter is written otherwise: style, explode, content"),
    "parameter-deprecated": (_A, "callers are told to leave the parameter"),
    "parameter-restored": (_A, "the parameter is not deprecated any more"),
    "parameter-wording": (_W, "a parameter is explained in other words"),
    "body-added": (_A, "there is a request body, which may be absent"),
    "body-added-required": (_B, "there is a request body, which must be there"),
    "body-removed": (_B, "the request body is gone"),
    "body-required": (_B, "the request body must be there"),
    "body-optional": (_A, "the request body may be absent"),
    "body-wording": (_W, "the request body is explained in other words"),
    "request-type-added": (_A, "bodies of one more media type are taken"),
    "request-type-removed": (_B, "bodies of a media type are not taken any more"),
    "response-type-added": (_A, "the reply may have one more media type"),
    "response-type-removed": (_B, "a reply does not have this media type any more"),
    "status-added": (_A, "there is one more status of refusals or failures"),
    "success-added": (_B, "success has one more status, which callers do not know"),
    "status-removed": (_B, "a status is not answered any more"),
    "response-body-added": (_A, "a reply that had no body has one"),
    "response-body-removed": (_B, "a reply that had a body has none"),
    "response-text": (_W, "a reply is explained in other words"),
    "header-added": (_A, "the reply has one more header"),
    "header-removed": (_B, "a header of the reply is gone"),
    "header-required": (_A, "a header of the reply is always there"),
    "header-optional": (_B, "a header that was always there may be absent"),
    "header-wording": (_W, "a header is explained in other words"),
    "link-added": (_A, "the reply names one more way to go on"),
    "link-removed": (_B, "the reply does not name a way to go on any more"),
    "link-changed": (_B, "a way to go on leads elsewhere, or takes other values along"),
    "link-wording": (_W, "a way to go on is explained in other words"),
    "reason-added": (_A, "there is one more reason for which requests are refused"),
    "reason-removed": (_B, "a reason is not given any more"),
    "reason-plane-added": (_A, "the reason is given on one more plane"),
    "reason-plane-removed": (_B, "the reason is not given on a plane any more"),
    "reason-status-changed": (_B, "the reason has another status"),
    "reason-text-key-changed": (_B, "another member carries the text"),
    "reason-field-added": (_A, "the refusal carries one more fact"),
    "reason-field-removed": (_B, "the refusal does not carry a fact any more"),
    "reason-retry-added": (_A, "the refusal says when to come back"),
    "reason-retry-removed": (_B, "the refusal does not say any more when to come back"),
    "reason-wording": (_W, "text, remedy or the seconds to wait differ"),
    "plane-version-raised": (_A, "a plane has a newer minor version"),
    "plane-version-changed": (_B, "a plane has another major, or an older version"),
    "manifest-added": (_A, "there is one more manifest"),
    "manifest-removed": (_B, "a manifest is gone"),
    "manifest-member-added": (_A, "a manifest says one thing more"),
    "manifest-member-removed": (_B, "a manifest does not say a thing any more"),
    "manifest-item-added": (_A, "a list of a manifest has one more item"),
    "manifest-item-removed": (_B, "a list of a manifest has lost an item"),
    "manifest-switched-on": (_A, "what was said not to be there is there"),
    "manifest-switched-off": (_B, "what was said to be there is not there"),
    "manifest-limit-raised": (_A, "a structural limit is higher"),
    "manifest-limit-lowered": (_B, "a structural limit is lower"),
    "manifest-value-changed": (_B, "a manifest says another value"),
    "manifest-wording": (_W, "a manifest explains something in other words"),
}

# What is said, of requests and of responses: (fewer documents pass, more documents pass).
_PASSING = {
    "type": ("values of a type do not pass any more", "values of one more type pass"),
    "values": ("only listed values pass", "any value passes, not only those listed"),
    "minimum": ("the least number is higher", "the least number is lower"),
    "maximum": ("the greatest number is lower", "the greatest number is higher"),
    "multipleOf": ("fewer multiples pass", "more multiples pass"),
    "minLength": ("the shortest text is longer", "the shortest text is shorter"),
    "maxLength": ("the longest text is shorter", "the longest text is longer"),
    "minItems": ("more items must be there", "fewer items must be there"),
    "maxItems": ("fewer items may be there", "more items may be there"),
    "minProperties": ("more members must be there", "fewer members must be there"),
    "maxProperties": ("fewer members may be there", "more members may be there"),
    "uniqueItems": ("items may not repeat any more", "items may repeat"),
    "pattern": ("a text must match a pattern", "a text need not match a pattern any more"),
    "format": ("a text or number has a narrower format", "the format is wider, or not said"),
    "required": ("a field must be there", "a field may be absent"),
    "other-fields": ("fields that are not named may hold less", "they may hold more"),
    "choice": ("fewer alternatives count", "more alternatives count, which no constant tells"),
    "all": ("one more schema must match", "one schema less must match"),
    "not": ("a further sort of document is shut out", "a sort of document is let in again"),
}
_BODIES = {
    "value-added": (_A, _A, "a list of values has one more; readers ignore those unknown"),
    "value-removed": (_B, _B, "a value is gone from the list"),
    "pattern-changed": (_B, _B, "another pattern must match; which matches more, nobody can tell"),
    "format-changed": (_B, _B, "the format is another one"),
    "multipleOf-changed": (_B, _B, "other multiples pass"),
    "not-changed": (_B, _B, "other documents are shut out"),
    "default-added": (_B, _A, "absent means something that was not said before"),
    "default-removed": (_B, _B, "it is not said any more what absent means"),
    "default-changed": (_B, _B, "absent means something else"),
    "field-added": (_A, _A, "there is one more field; both sides ignore fields unknown to them"),
    "field-removed": (_B, _B, "a field is gone"),
    "field-refused": (_B, _A, "a field is refused by name"),
    "field-allowed": (_A, _A, "a field that was refused by name may be there"),
    "other-fields-allowed": (_A, _A, "fields that are not named may be there"),
    "variant-added": (_A, _A, "one more variant, told apart by its constant member"),
    "variant-removed": (_B, _B, "a variant is gone"),
    "choice-unclear": (_B, _B, "exactly one of overlapping variants must match, and they differ"),
    "discriminator-added": (_A, _A, "it is said which member tells the variants apart"),
    "discriminator-changed": (_B, _B, "other members or values tell the variants apart"),
    "discriminator-removed": (_B, _B, "it is not said any more what tells the variants apart"),
    "keyword-changed": (_B, _B, "a keyword differs that this comparison does not understand"),
    "deprecated": (_A, _A, "users are told to leave a field"),
    "restored": (_A, _A, "a field is not deprecated any more"),
    "wording": (_W, _W, "explained in other words"),
}


def _catalogue() -> dict[str, Rule]:
    rules = {name: Rule(*said) for name, said in _DOCUMENT.items()}
    for at, direction in enumerate((REQUEST, RESPONSE)):
        for what, (fewer, more) in _PASSING.items():
            kinds = (_B, _A) if direction == REQUEST else (_A, _B)
            rules[f"{direction}-{what}-tightened"] = Rule(kinds[0], fewer)
            rules[f"{direction}-{what}-loosened"] = Rule(kinds[1], more)
        for what, said in _BODIES.items():
            rules[f"{direction}-{what}"] = Rule((said[0], said[1])[at], said[2])
    return rules


RULES: dict[str, Rule] = _catalogue()
