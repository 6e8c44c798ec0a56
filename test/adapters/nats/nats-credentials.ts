import { createHash } from 'node:crypto'
import { nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

/** An operator, an account and a user of NATS: what a server has to be configured with, and the user's credentials file. */
export function natsCredentials(): { readonly config: string; readonly text: string } {
  const [operator, system, account, user] = [
    nkeys.createOperator(),
    nkeys.createAccount(),
    nkeys.createAccount(),
    nkeys.createUser(),
  ]
  const unlimited = {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  }
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const accountToken = (own: KeyPair, name: string, limits: object) =>
    token(operator, own, name, { type: 'account', version: 2, limits })
  const id = (pair: KeyPair) => pair.getPublicKey()
  const operatorToken = token(operator, operator, 'O', {
    type: 'operator',
    version: 2,
    system_account: id(system),
  })
  const userToken = token(account, user, 'node', {
    ...{ type: 'user', version: 2, subs: -1, data: -1, payload: -1, pub: {}, sub: {} },
  })
  return {
    config: [
      `operator: ${operatorToken}`,
      `system_account: ${id(system)}`,
      'resolver: MEMORY',
      'resolver_preload {',
      `  ${id(system)}: ${accountToken(system, 'SYS', unlimited)}`,
      `  ${id(account)}: ${accountToken(account, 'A', { ...unlimited, ...storage })}`,
      '}',
    ].join('\n'),
    text: [
      '-----BEGIN NATS USER JWT-----',
      userToken,
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      new TextDecoder().decode(user.getSeed()),
      '------END USER NKEY SEED------',
      '',
    ].join('\n'),
  }
}

/** A JSON Web Token as NATS has it: signed with an Ed25519 key of the issuer. */
function token(issuer: KeyPair, subject: KeyPair, name: string, nats: object): string {
  const claims = {
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    name,
    sub: subject.getPublicKey(),
    nats,
  }
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('hex')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({ ...claims, jti })}`
  return `${signed}.${Buffer.from(issuer.sign(new TextEncoder().encode(signed))).toString('base64url')}`
}
