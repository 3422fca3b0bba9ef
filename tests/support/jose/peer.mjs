// npm `jose` and `http-message-signatures`: one JSON list of tasks on stdin, one list of answers on stdout.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { createPrivateKey, createPublicKey } from 'node:crypto';

const require = createRequire(pathToFileURL(`${process.argv[2]}/x.js`));
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const jose = await load('jose');
const signatures = await load('http-message-signatures').then((module) => module.default ?? module);

const key = async ({ alg, secret, pem, jwk }) =>
  secret ? new TextEncoder().encode(secret) : pem ? jose.importPKCS8(pem, alg) : jose.importJWK(jwk, alg);

const tasks = {
  async sign(task) {
    const payload = new TextEncoder().encode(task.payload);
    return new jose.CompactSign(payload).setProtectedHeader({ alg: task.alg }).sign(await key(task));
  },
  async verify(task) {
    const { payload } = await jose.compactVerify(task.token, await key(task), { algorithms: [task.alg] });
    return new TextDecoder().decode(payload);
  },
  async sign_detached(task) {
    const jws = await new jose.FlattenedSign(new TextEncoder().encode(task.payload))
      .setProtectedHeader({ alg: task.alg, b64: false, crit: ['b64'] })
      .sign(await key(task));
    return `${jws.protected}..${jws.signature}`;
  },
  async verify_detached(task) {
    const [header, , signature] = task.token.split('.');
    const jws = { protected: header, payload: new TextEncoder().encode(task.payload), signature };
    await jose.flattenedVerify(jws, await key(task));
    return task.payload;
  },
  async sign_request(task) {
    const signer = signatures.createSigner(createPrivateKey(task.pem), task.alg, 'k');
    const signed = await signatures.httpbis.signMessage(
      {
        key: signer,
        name: 'sig',
        fields: ['@method', '@target-uri', 'content-digest'],
        params: ['created', 'keyid', 'alg'],
        paramValues: { created: new Date(task.now * 1000) },
      },
      task.request,
    );
    return signed.headers;
  },
  async verify_request(task) {
    const verify = signatures.createVerifier(createPublicKey(task.public), task.alg);
    const keyLookup = async () => ({ id: 'k', algs: [task.alg], verify });
    const options = { keyLookup, requiredFields: ['@method', '@target-uri', 'content-digest'], tolerance: 1e9, notAfter: new Date((task.now + 60) * 1000) };
    return (await signatures.httpbis.verifyMessage(options, task.request)) === true;
  },
};

let input = '';
for await (const chunk of process.stdin) input += chunk;
const answers = [];
for (const task of JSON.parse(input)) {
  try {
    answers.push({ ok: await tasks[task.op](task) });
  } catch (error) {
    answers.push({ error: String(error) });
  }
}
process.stdout.write(JSON.stringify(answers));
