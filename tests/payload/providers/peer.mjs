// Signs and verifies with the providers' own libraries: a JSON request a line in, a JSON answer a line out.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { sign as octokitSign, verify as octokitVerify } from "@octokit/webhooks-methods";

// The test copies this file to where the libraries are.
const require = createRequire(import.meta.url);
const standard = require("standardwebhooks");
const svix = require("svix");
const Stripe = require("stripe");
const twilio = require("twilio");
const { EventWebhook } = require("@sendgrid/eventwebhook");
const discord = require("discord-interactions");
const { verifySlackRequest } = require("@slack/bolt/dist/receivers/verify-request.js");

const throws = (attempt) => {
  try {
    attempt();
    return false;
  } catch {
    return true;
  }
};
const seconds = (request) => new Date(request.now * 1000);
const lower = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
const stripe = new Stripe("sk_test_none");

const libraries = {
  standardwebhooks: {
    sign: (r) => ({
      "webhook-id": r.id,
      "webhook-timestamp": String(r.now),
      "webhook-signature": new standard.Webhook(r.key).sign(r.id, seconds(r), r.body),
    }),
    verify: (r) => !throws(() => new standard.Webhook(r.key).verify(r.body, lower(r.headers))),
  },
  svix: {
    sign: (r) => ({
      "svix-id": r.id,
      "svix-timestamp": String(r.now),
      "svix-signature": new svix.Webhook(r.key).sign(r.id, seconds(r), r.body),
    }),
    verify: (r) => !throws(() => new svix.Webhook(r.key).verify(r.body, lower(r.headers))),
  },
  stripe: {
    sign: (r) => ({
      "stripe-signature": stripe.webhooks.generateTestHeaderString({ payload: r.body, secret: r.key, timestamp: r.now }),
    }),
    verify: (r) => !throws(() => stripe.webhooks.constructEvent(r.body, r.headers["stripe-signature"], r.key)),
  },
  octokit: {
    sign: async (r) => ({ "x-hub-signature-256": await octokitSign(r.key, r.body) }),
    verify: (r) => octokitVerify(r.key, r.body, r.headers["x-hub-signature-256"]),
  },
  twilio: {
    sign: (r) => ({
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": twilio.getExpectedTwilioSignature(r.key, r.url, r.form),
    }),
    verify: (r) => twilio.validateRequest(r.key, r.headers["x-twilio-signature"], r.url, r.form),
  },
  sendgrid: {
    verify: (r) => {
      const webhook = new EventWebhook();
      const field = "x-twilio-email-event-webhook-";
      const key = webhook.convertPublicKeyToECDSA(r.key);
      return webhook.verifySignature(key, r.body, r.headers[field + "signature"], r.headers[field + "timestamp"]);
    },
  },
  discord: {
    verify: (r) =>
      discord.verifyKey(r.body, r.headers["x-signature-ed25519"], r.headers["x-signature-timestamp"], r.key),
  },
  slack_bolt: {
    verify: (r) => !throws(() => verifySlackRequest({ signingSecret: r.key, body: r.body, headers: r.headers })),
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { answer: await libraries[request.library][request.ask](request) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
