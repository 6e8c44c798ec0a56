import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'

const SASL_HANDSHAKE = 17
const SASL_AUTHENTICATE = 36
const [UNSUPPORTED_MECHANISM, AUTHENTICATION_FAILED] = [33, 58]

/** One conversation of a login: what the client said to what the server says; null where it is wrong. */
type Login = (said: Buffer) => { readonly answer: Buffer; readonly done: boolean } | null

/**
 * A door with encryption and logins (SASL PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) before a broker that has neither. It answers
 * these two requests itself, passes the rest on, and has the broker's address in its answers be its own.
 */
export async function guardedBroker(options: {
  readonly broker: string
  readonly key: Buffer
  readonly cert: Buffer
  readonly user: string
  readonly password: string
}): Promise<{ readonly broker: string; readonly logins: string[]; stop(): void }> {
  const [, brokerPort = ''] = options.broker.split(':')
  const logins: string[] = []
  const sockets = new Set<Socket>()
  let own = 0
  const server = createServer({ key: options.key, cert: options.cert }, (client) => {
    const inner = connect(Number(brokerPort), '127.0.0.1')
    for (const [socket, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => other.destroy())
    }
    serve(client, inner, Number(brokerPort))
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  own = address !== null && typeof address === 'object' ? address.port : 0

  function serve(client: TLSSocket, inner: Socket, port: number): void {
    let login: Login | null = null
    let mechanism = ''
    let isIn = false
    frames(client, (frame) => {
      const api = frame.readInt16BE(0)
      const body = 10 + Math.max(0, frame.readInt16BE(8))
      if (api === SASL_HANDSHAKE) {
        mechanism = frame.toString('utf8', body + 2, body + 2 + frame.readInt16BE(body))
        login = loginOf(mechanism, options)
        const error = login === null ? UNSUPPORTED_MECHANISM : 0
        client.write(framed(frame.subarray(4, 8), int16(error), int32(0)))
        return
      }
      if (api === SASL_AUTHENTICATE && login !== null) {
        // Version 2: a byte of tags after the header, then bytes with a length that is one too large.
        const { value, end } = varint(frame, body + 1)
        const said = login(frame.subarray(end, end + value - 1))
        const answer = said?.answer ?? Buffer.alloc(0)
        if (said?.done === true) {
          isIn = true
          logins.push(mechanism)
        }
        client.write(
          framed(
            ...[frame.subarray(4, 8), Buffer.from([0]), int16(said === null ? AUTHENTICATION_FAILED : 0)],
            ...[Buffer.from([0]), uvarint(answer.length + 1), answer, Buffer.alloc(8), Buffer.from([0])],
          ),
        )
        return
      }
      // Who is not in may ask for the versions alone.
      if (!isIn && api !== 18) client.destroy()
      else inner.write(framed(frame))
    })
    frames(inner, (frame) => {
      const host = Buffer.from('127.0.0.1')
      const place = Buffer.concat([host, int32(port)])
      for (let at = frame.indexOf(place); at !== -1; at = frame.indexOf(place, at + 1))
        frame.writeInt32BE(own, at + host.length)
      client.write(framed(frame))
    })
  }

  return {
    broker: `127.0.0.1:${own}`,
    logins,
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function loginOf(
  mechanism: string,
  { user, password }: { readonly user: string; readonly password: string },
): Login | null {
  if (mechanism === 'PLAIN') {
    return (said) =>
      said.equals(Buffer.from(`\0${user}\0${password}`)) ? { answer: Buffer.alloc(0), done: true } : null
  }
  const hash = /^SCRAM-(SHA-256|SHA-512)$/.exec(mechanism)?.[1]?.replace('-', '').toLowerCase()
  return hash === undefined ? null : scram(hash, user, password)
}

/** RFC 5802, the server's side. */
function scram(hash: string, user: string, password: string): Login {
  const salt = randomBytes(16)
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
  const salted = pbkdf2Sync(password, salt, 4_096, hash === 'sha256' ? 32 : 64, hash)
  const storedKey = createHash(hash).update(hmac(salted, 'Client Key')).digest()
  let clientFirst = ''
  let serverFirst = ''
  return (said) => {
    const text = said.toString('utf8')
    if (clientFirst === '') {
      clientFirst = text.replace(/^n,,/, '')
      const fields = new Map(clientFirst.split(',').map((field) => [field[0], field.slice(2)]))
      serverFirst = `r=${fields.get('r')}x,s=${salt.toString('base64')},i=4096`
      return fields.get('n') === user ? { answer: Buffer.from(serverFirst), done: false } : null
    }
    const [, withoutProof = '', proof = ''] = /^(.*),p=(.*)$/.exec(text) ?? []
    const signed = `${clientFirst},${serverFirst},${withoutProof}`
    const signature = hmac(storedKey, signed)
    const key = Buffer.from(proof, 'base64').map((byte, at) => byte ^ (signature[at] ?? 0))
    if (!createHash(hash).update(key).digest().equals(storedKey)) return null
    const answer = `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`
    return { answer: Buffer.from(answer), done: true }
  }
}

/** Kafka's frames: four bytes of length, then so many. */
function frames(socket: Socket, take: (frame: Buffer) => void): void {
  let kept = Buffer.alloc(0)
  socket.on('data', (part: Buffer) => {
    kept = Buffer.concat([kept, part])
    while (kept.length >= 4 && kept.length >= 4 + kept.readInt32BE(0)) {
      const end = 4 + kept.readInt32BE(0)
      take(Buffer.from(kept.subarray(4, end)))
      kept = kept.subarray(end)
    }
  })
}

function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length), body])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function varint(from: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0
  for (let shift = 0, end = at; ; shift += 7) {
    const byte = from[end++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return { value, end }
  }
}

function uvarint(value: number): Buffer {
  return value < 0x80
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value & 0x7f) | 0x80]), uvarint(value >>> 7)])
}
