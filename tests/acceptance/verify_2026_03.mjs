// Verifies deliveries of wire version 2026-03 by what the reference says, and by nothing of ours.
// Reads [{secret, headers: [[name, value]], body}] from standard input; prints what is wrong with each, one line each.
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";

const WINDOW_S = 300;
const RESOURCE = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function faults({ secret, headers, body }) {
  const found = [];
  const expect = (right, what) => right || found.push(what);
  const given = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));

  const [, time, hex] = /^t=([0-9]+),v1=([0-9a-f]{64})$/.exec(given["x-signature"]) ?? [];
  expect(time, "signature's form");
  const digest = createHmac("sha256", secret).update(`${time}.${body}`, "utf8").digest();
  expect(hex && timingSafeEqual(digest, Buffer.from(hex, "hex")), "signature");
  expect(Math.abs(Date.now() / 1000 - Number(time)) <= WINDOW_S, "replay window");

  const event = JSON.parse(body);
  expect(JSON.stringify(event) === body, "bytes");
  expect(Object.keys(event).join() === "id,type,created_at,team_id,data", "envelope");
  expect(given["x-event-type"] === event.type, "X-Event-Type");
  expect(given["x-event-id"] === event.id, "X-Event-ID");
  expect(given["x-webhook-id"], "X-Webhook-ID");
  expect(Math.abs(Date.parse(given["x-timestamp"]) - Number(time) * 1000) < 1000, "X-Timestamp");
  expect(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(given["x-timestamp"]), "X-Timestamp's form");
  expect(given["x-delivery-attempt"] === "1", "X-Delivery-Attempt");
  expect(given["x-cstar-request-id"], "x-cstar-request-id");
  expect(given["user-agent"] === "cStar-Webhooks/1.0", "User-Agent");
  expect(given["content-type"] === "application/json", "Content-Type");
  expect(!("x-cstar-signature" in given), "another version's signature");

  const id = new RegExp(`^evt_${event.type.replaceAll(".", "_")}_[0-9]{13}_[a-z0-9]{8}$`);
  expect(id.test(event.id), "id");
  const { changes, ...resources } = event.data;
  expect(Object.keys(resources).length > 0 && Object.values(resources).every(RESOURCE), "named resources");
  expect((event.type === "ticket.updated") === RESOURCE(changes), "changes");
  for (const change of Object.values(changes ?? {})) expect(Object.keys(change).join() === "from,to", "from and to");
  return found;
}

for (const delivery of JSON.parse(readFileSync(0, "utf8"))) console.log(faults(delivery).join("; "));
