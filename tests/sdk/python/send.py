"""Sends events with the CloudEvents SDK for Python: send.py URL."""

import datetime
import json
import sys
import urllib.request

from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def event(number, unit="h"):
    attributes = {
        "id": f"python sdk {number}",
        "source": "/lkdata/test/python-sdk",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1",
        "subject": "room:kb-101",
        "time": datetime.datetime(2021, 1, 15, 9, 0, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        "dataschema": "urn:lkdata:schema:usage:1",
        "datacontenttype": "application/json",
    }
    customer = {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}
    data = {"service": "e-moten", "meter": "participant_hour", "quantity": "0.5", "unit": unit, "customer": customer}
    return CloudEvent(attributes, data)


def post(url, headers, body):
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 202, response.status
        return json.load(response)


def check(answer, accepted, rejected):
    assert answer["accepted"] == accepted, answer
    assert [(one["index"], one["id"], one["code"]) for one in answer["rejected"]] == rejected, answer


def main(url):
    structured = http.to_structured_event(event(1))
    check(post(url, structured.headers, structured.body), 1, [])
    binary = http.to_binary_event(event(2))
    check(post(url, binary.headers, binary.body), 1, [])
    # The SDK has no batches; what it writes for one event is an element of one.
    events = [JSONFormat().write(one) for one in [event(3), event(4, unit="min"), event(5)]]
    headers = {"content-type": "application/cloudevents-batch+json"}
    check(post(url, headers, b"[" + b",".join(events) + b"]"), 2, [(1, "python sdk 4", "wrong_unit")])
    wrong = http.to_binary_event(event(6, unit="min"))
    check(post(url, wrong.headers, wrong.body), 0, [(0, "python sdk 6", "wrong_unit")])


main(sys.argv[1])
