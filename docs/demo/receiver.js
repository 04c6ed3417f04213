// Receives cStar webhooks with Express and checks their signatures, as cStar documents it.
// CSTAR_SECRET is the signing secret (cstar listen --print-secret), PORT the port (0 takes a free one).
// Prints one line of JSON when it listens, and one for each event.

const crypto = require('node:crypto');
const express = require('express');

const secret = process.env.CSTAR_SECRET;
if (!secret) {
  console.error('Set CSTAR_SECRET to the signing secret: cstar listen --print-secret');
  process.exit(2);
}

function isVerified(payload, signature) {
  const expected = crypto.createHmac('sha256', secret).update(JSON.stringify(payload)).digest('hex');
  const given = Buffer.from(signature ?? '');
  return given.length === expected.length && crypto.timingSafeEqual(given, Buffer.from(expected));
}

const app = express();
app.use(express.json({ limit: '1mb' }));

app.post('/webhook', (req, res) => {
  const verified = isVerified(req.body, req.get('x-cstar-signature'));
  console.log(JSON.stringify({ type: req.get('x-cstar-event'), delivery: req.get('x-cstar-delivery'), verified }));
  res.status(verified ? 200 : 401).send(verified ? 'ok' : 'wrong signature');
});

const server = app.listen(Number(process.env.PORT ?? 3000), 'localhost', (error) => {
  if (error) {
    console.error(error.message);
    process.exit(1);
  }
  console.log(JSON.stringify({ listening: server.address().port }));
});
