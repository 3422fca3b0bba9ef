// A receiver with the libraries that consumers use: usage `node libraries.mjs DIRECTORY SECRET`. Prints its port.
// The path says which library decides. `?changed` changes the body before it does, `?moved` where it thinks it is.
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";

// The test copies this file to where the libraries are.
const require = createRequire(import.meta.url);
const standard = require("standardwebhooks");
const svix = require("svix");
const { createVerifier, httpbis } = require("http-message-signatures");

const [directory, secret] = process.argv.slice(2);
const read = (file) => readFileSync(`${directory}/${file}`);

const check = (holds, what) => {
  if (!holds) throw new Error(what);
};

const libraries = {
  standardwebhooks: ({ headers, body }) => new standard.Webhook(secret).verify(body, headers),
  svix: ({ headers, body }) => new svix.Webhook(secret).verify(body, headers),
  async rfc9421({ method, url, headers, body }) {
    const verify = createVerifier(createPublicKey(read("signing.pem")), "ecdsa-p256-sha256");
    const keyLookup = async ({ keyid }) => (keyid === "acme-2026" ? { id: keyid, algs: ["ecdsa-p256-sha256"], verify } : null);
    const requiredFields = ["@method", "@target-uri", "content-digest"];
    const requiredParams = ["created", "expires", "nonce", "keyid", "alg"];
    const options = { keyLookup, requiredFields, requiredParams, maxAge: 300, tolerance: 60 };
    check((await httpbis.verifyMessage(options, { method, url, headers })) === true, "the signature");
    const digest = createHash("sha256").update(body).digest("base64");
    check(headers["content-digest"] === `sha-256=:${digest}:`, "the digest");
  },
};

const server = createServer(
  {
    cert: read("server.pem"),
    key: read("server.key"),
    ca: read("clients.pem"),
    requestCert: true,
    rejectUnauthorized: true,
  },
  async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const host = request.url.includes("moved") ? "elsewhere.example" : request.headers.host;
    const url = `https://${host}${request.url}`;
    if (request.url.includes("changed")) body = body.replace("true", "fals");
    try {
      const library = new URL(url).pathname.slice(1);
      await libraries[library]({ method: request.method, url, headers: request.headers, body });
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(401).end(String(error));
    }
  },
);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ good: server.address().port })));
process.stdin.resume().on("end", () => process.exit());
