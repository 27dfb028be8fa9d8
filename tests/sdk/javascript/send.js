// Sends events with the CloudEvents SDK for JavaScript, and with OpenMeter's: send.js URL.

import assert from "node:assert/strict";
import { OpenMeter } from "@openmeter/sdk";
import { CloudEvent, HTTP, emitterFor } from "cloudevents";

const url = process.argv[2];

const event = (number, unit = "h") =>
  new CloudEvent({
    id: `javascript-sdk-${number}`,
    source: "/lkdata/test/javascript-sdk",
    type: "se.linkoping.lkdata.usage.meeting.participation.v1",
    subject: "room:kb-101",
    time: "2021-01-15T09:00:12+01:00",
    dataschema: "urn:lkdata:schema:usage:1",
    datacontenttype: "application/json",
    data: {
      service: "e-moten",
      meter: "participant_hour",
      quantity: 0.5,
      unit,
      customer: { kind: "forvaltning", code: "KLF", costcentre: "110200" },
    },
  });

const post = async ({ headers, body }) => {
  const response = await fetch(url, { method: "POST", headers, body });
  assert.equal(response.status, 202, await response.clone().text());
  const { accepted, rejected } = await response.json();
  return { accepted, rejected: rejected.map(({ index, id, code }) => ({ index, id, code })) };
};

const wrong = (index, number) => ({ index, id: `javascript-sdk-${number}`, code: "wrong_unit" });

assert.deepEqual(await post(HTTP.structured(event(1))), { accepted: 1, rejected: [] });
assert.deepEqual(await post(HTTP.binary(event(2))), { accepted: 1, rejected: [] });
// The SDK reads batches but does not write them; what it writes for one event is an element of one.
const batch = {
  headers: { "content-type": "application/cloudevents-batch+json" },
  body: JSON.stringify([event(3), event(4, "min"), event(5)]),
};
assert.deepEqual(await post(batch), { accepted: 2, rejected: [wrong(1, 4)] });
assert.deepEqual(await post(HTTP.binary(event(6, "min"))), { accepted: 0, rejected: [wrong(0, 6)] });
// Its own way of sending.
const answers = [];
const emit = emitterFor(async (message) => answers.push(await post(message)));
await emit(event(7));
assert.deepEqual(answers, [{ accepted: 1, rejected: [] }]);

// OpenMeter's SDK finds its own path at the same program.
const openmeter = new OpenMeter({ baseUrl: new URL(url).origin, apiKey: "none" });
const { data, type, source, subject } = event(0);
const usage = (id, more) => ({ id, type, source, subject, data, time: new Date("2021-01-15T08:00:12Z"), ...more });
await openmeter.events.ingest(usage("openmeter-sdk-1"));
await openmeter.events.ingest([usage("openmeter-sdk-2"), usage("openmeter-sdk-3")]);
await assert.rejects(openmeter.events.ingest([usage("openmeter-sdk-4"), usage("openmeter-sdk-5", { subject: "x" })]), {
  status: 400,
});
