// A receiver of webhooks that is careful, but for what CARELESS names: to play the doctor's attacks at.
//   SCHEME=square SECRET=.. CARELESS=host node endpoint.mjs
// It prints its port.
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import { createServer } from 'node:http'
import { gunzipSync } from 'node:zlib'

const { SCHEME, SECRET, PUBLIC_KEY, CARELESS } = process.env
const LIMIT = 2 * 1024 * 1024
const [handled, taken] = [new Set(), new Set()]
let port

const same = (one, other) => {
  const [a, b] = [Buffer.from(one), Buffer.from(other ?? '')]
  return a.length === b.length && timingSafeEqual(a, b)
}
const mac = (key, parts) => parts.reduce((hmac, part) => hmac.update(part), createHmac('sha256', key)).digest('base64')
const isFresh = (time) => CARELESS === 'time' || Math.abs(Date.now() / 1000 - Number(time)) <= 300

/** What names the delivery, or nothing where it is not signed. */
const schemes = {
  standard_webhooks(request, body) {
    const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = request.headers
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
    return isFresh(time) && same(`v1,${mac(key, [`${id}.${time}.`, body])}`, signature) && id
  },
  square(request, body) {
    const host = CARELESS === 'host' ? request.headers.host : `127.0.0.1:${port}`
    const path = CARELESS === 'path' ? '/doctor/elsewhere' : request.url
    const signature = request.headers['x-square-hmacsha256-signature']
    const is = (url) => same(mac(SECRET, [url, body]), signature)
    const right = is(`http://${host}${path}`) || is(`http://${host}${request.url}`) || (CARELESS === 'host' && is(`https://${host}${path}`))
    return right && signature
  },
  twilio(request, body) {
    const fields = [...new URLSearchParams(body.toString())].sort()
    const text = `http://127.0.0.1:${port}${request.url}` + fields.flat().join('')
    const signature = request.headers['x-twilio-signature']
    return same(createHmac('sha1', SECRET).update(text).digest('base64'), signature) && signature
  },
  discord(request, body) {
    const { 'x-signature-timestamp': time, 'x-signature-ed25519': signature } = request.headers
    const text = Buffer.concat([Buffer.from(time ?? ''), body])
    const key = createPublicKey(PUBLIC_KEY)
    // Buffer.from stops at the first character that is none of hexadecimal: two signatures in one would pass for one.
    if (!/^[0-9a-f]{128}$/.test(signature)) return false
    return isFresh(time) && verify(null, text, key, Buffer.from(signature ?? '', 'hex')) && signature
  },
}

const server = createServer((request, response) => {
  const pieces = []
  let size = 0
  const answer = (status) => response.writeHead(status).end()
  const claimed = request.headers['webhook-id']
  const isTaken = taken.has(claimed) && !handled.has(claimed)
  if (CARELESS === 'half') taken.add(claimed)
  request.on('error', () => {})
  request.on('data', (piece) => {
    size += piece.length
    if (size <= LIMIT) pieces.push(piece)
  })
  request.on('end', () => {
    if (size > LIMIT) return answer(413)
    if (CARELESS === 'forged') taken.add(claimed)
    if (isTaken) return answer(400)
    let body = Buffer.concat(pieces)
    const isPacked = request.headers['content-encoding'] === 'gzip'
    if (CARELESS === 'unpack' && isPacked) body = gunzipSync(body)
    const id = schemes[SCHEME](request, body)
    if (!id) return answer(401)
    if (handled.has(id)) return answer({ lost: 403, busy: 409 }[CARELESS] ?? 200)
    handled.add(id)
    answer(200)
  })
})
server.listen(0, '127.0.0.1', () => console.log((port = server.address().port)))
