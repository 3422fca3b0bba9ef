// Node's own TLS and HTTP: usage `node server.mjs DIRECTORY TLS-VERSION`. Prints its ports; what is asked for is the path.
import { readFileSync } from "node:fs";
import { createServer as tcp } from "node:net";
import { createServer as https } from "node:https";

const [directory, version] = process.argv.slice(2);
const read = (file) => readFileSync(`${directory}/${file}`);
const MEBIBYTE = Buffer.alloc(1 << 20, "x");

function answer(request, response) {
  const socket = response.socket;
  request.resume().on("end", () => {
    const routes = {
      "/ok": () => response.end(socket.getPeerCertificate().serialNumber ?? "nobody"),
      "/301": () => response.writeHead(301, { location: "/ok" }).end(),
      "/410": () => response.writeHead(410).end(),
      "/429": () => response.writeHead(429, { "retry-after": "120" }).end(),
      "/500": () => response.writeHead(500).end(),
      "/503": () => response.writeHead(503).end(),
      "/silent": () => {},
      "/closes": () => socket.destroy(),
      "/breaks-off": () => response.writeHead(200, { "content-length": "100" }).write("x", () => socket.destroy()),
      "/babble": () => socket.end("good morning\r\n\r\n"),
      "/huge": () => {
        const more = () => response.write(MEBIBYTE) ? setImmediate(more) : response.once("drain", more);
        response.once("close", () => (response.write = () => false));
        more();
      },
      "/trickle": () => {
        const timer = setInterval(() => response.write("x"), 50);
        response.once("close", () => clearInterval(timer));
      },
    };
    routes[request.url]();
  });
}

const server = (name, ask) => {
  const server = https(
    {
      cert: read(`${name}.pem`),
      key: read(`${name}.key`),
      ca: read("clients.pem"),
      requestCert: ask,
      rejectUnauthorized: ask,
      minVersion: `TLSv${version}`,
      maxVersion: `TLSv${version}`,
    },
    answer,
  );
  server.on("tlsClientError", () => {});
  return server;
};

const servers = {
  good: server("server", true),
  expired: server("expired", true),
  stranger: server("stranger", true),
  unasking: server("server", false),
  // Takes the connection, and does not begin with TLS.
  mute: tcp(() => {}),
};
const listening = Object.entries(servers).map(
  ([name, server]) =>
    new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve([name, server.address().port]))),
);
console.log(JSON.stringify(Object.fromEntries(await Promise.all(listening))));
process.stdin.resume().on("end", () => process.exit());
