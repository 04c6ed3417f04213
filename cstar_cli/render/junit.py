"""Results as JUnit's XML, in the form that CI systems read."""

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

import msgspec

from cstar_cli.conformance.trial import Result, Status
from cstar_cli.events.envelope import iso
from cstar_cli.render.safe import harmless

MOST_ANSWER_CHARS = 1000


class About(msgspec.Struct, frozen=True):
    """What was put to the test, and when."""

    url: str
    wire: str
    at_ms: int


def junit(about: About, results: Sequence[Result]) -> bytes:
    """Return the document; a warning passes, with its words as output."""
    counts = {
        "tests": str(len(results)),
        "failures": str(sum(each.status is Status.FAILED for each in results)),
        "errors": "0",
        "skipped": str(sum(each.status is Status.SKIPPED for each in results)),
        "time": _seconds(sum(each.duration_ms for each in results)),
    }
    root = Xml.Element("testsuites", {"name": "cstar check", **counts})
    suite = Xml.SubElement(
        root, "testsuite", {"name": f"cstar check {about.url}", **counts, "timestamp": iso(about.at_ms)[:-1]}
    )
    properties = Xml.SubElement(suite, "properties")
    for name, value in (("url", about.url), ("wire", about.wire)):
        Xml.SubElement(properties, "property", {"name": name, "value": value})
    for each in results:
        _add(suite, each)
    Xml.indent(root)
    document: bytes = Xml.tostring(root, "utf-8", xml_declaration=True)
    return document + b"\n"


def _add(suite: Xml.Element, result: Result) -> None:
    case = Xml.SubElement(
        suite, "testcase", {"classname": "cstar.check", "name": result.name, "time": _seconds(result.duration_ms)}
    )
    saw = harmless(result.saw)
    match result.status:
        case Status.FAILED:
            Xml.SubElement(case, "failure", {"message": saw, "type": "failed"}).text = _words(result)
        case Status.SKIPPED:
            Xml.SubElement(case, "skipped", {"message": saw})
        case Status.WARNING:
            Xml.SubElement(case, "system-out").text = f"Warning: {saw}\n{_words(result)}"
        case Status.PASSED:
            pass


def _words(result: Result) -> str:
    said = f"It said: {harmless(result.answer, MOST_ANSWER_CHARS)}" if result.answer else ""
    why, change = (harmless(text or "") for text in (result.why, result.change))
    return "\n".join(line for line in (f"Sent: {result.sends}", f"Why: {why}", f"Change: {change}", said) if line)


def _seconds(ms: float) -> str:
    return f"{ms / 1000:.3f}"
