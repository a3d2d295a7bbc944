"""JUnit XML, as build servers read it: one suite per profile, one case per scenario."""

import re
from typing import Any
from xml.etree import ElementTree

from durable_conformance.report.record import Record

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(record: Record) -> str:
    """The report as JUnit XML."""
    root = ElementTree.Element("testsuites", {"name": "durable-conformance"})
    root.attrib.update(_sums(record.results))
    for profile in record.footer["profiles"]:
        own = [result for result in record.results if result["profile"] == profile]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            {"name": profile, "timestamp": record.header["started_at"][:19], **_sums(own)},
        )
        for result in own:
            _case(suite, result)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _case(suite: ElementTree.Element, result: dict[str, Any]) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"{result['profile']}.{result['id'].split('/')[0]}",
        name=_printable(f"{result['id']}: {result['title']}"),
        time=f"{result['seconds']:.3f}",
    )
    kind = _kind(result)
    if kind is not None:
        message = _printable(result["known_failure"] or result["reason"])
        outcome = ElementTree.SubElement(case, kind, message=message)
        outcome.text = _printable(result["reason"])
    properties = ElementTree.SubElement(case, "properties")
    for name, value in (("clause", result["clause"]), ("verdict", result["verdict"])):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    for number in result["requirement"]:
        ElementTree.SubElement(properties, "property", name="requirement", value=number)


def _kind(result: dict[str, Any]) -> str | None:
    if result["known_failure"] is not None:
        return "skipped"
    kinds = {"fail": "failure", "error": "error", "skipped": "skipped", "unsupported": "skipped"}
    return kinds.get(result["verdict"])


def _sums(results: list[dict[str, Any]]) -> dict[str, str]:
    kinds = [_kind(result) for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(result['seconds'] for result in results):.3f}",
    }


def _printable(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
