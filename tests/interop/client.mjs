// PORT SECOND|- 1.2|1.3 TRUSTED CERT|- KEY|- REQUEST
// Sends the request to PORT and prints the answer. With SECOND: sends it there too, offering the session of the
// first connection, and prints whether it was resumed.
import fs from 'node:fs';
import tls from 'node:tls';

const [port, second, version, trusted, cert, key, request] = process.argv.slice(2);
const read = (file) => (file === '-' ? undefined : fs.readFileSync(file));

function talk(port, session) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: '127.0.0.1', port, servername: 'localhost', session,
      ca: read(trusted), cert: read(cert), key: read(key),
      minVersion: `TLSv${version}`, maxVersion: `TLSv${version}`,
    });
    let newest;
    socket.on('session', (session) => { newest = session; });
    socket.on('secureConnect', () => socket.write(read(request)));
    socket.on('data', (data) => process.stdout.write(data));
    socket.on('error', reject);
    socket.on('end', () => resolve({ session: newest ?? socket.getSession(), resumed: socket.isSessionReused() }));
  });
}

try {
  const { session } = await talk(port);
  if (second !== '-') console.log(`\nresumed=${(await talk(second, session)).resumed}`);
} catch (error) {
  console.error(error.message);
}
