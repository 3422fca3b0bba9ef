// Prints the port of a plain HTTP service that knows nothing of TLS, and answers what it was told. WebSockets it accepts, and
// echoes what comes.
import { createServer } from "node:http";
import { createHash } from "node:crypto";

const server = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  const fields = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`).sort();
  response.setHeader("connection", "x-secret");
  response.setHeader("x-secret", "of this connection");
  response.end([`${request.method} ${request.url}`, ...fields, `body: ${body}`, ""].join("\n"));
});

server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
      `sec-websocket-accept: ${accept.digest("base64")}\r\nx-tenant: ${request.headers["x-countersign-tenant"]}\r\n\r\n`,
  );
  socket.pipe(socket);
});

server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`service on ${server.address().port}`));
