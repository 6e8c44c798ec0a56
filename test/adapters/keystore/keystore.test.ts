import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { ed25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import { privateKeyToAccount, publicKeyToAddress } from 'viem/accounts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { decryptSecret, encryptSecret } from '../../../node/adapters/keystore/cipher.ts'
import { createKeystores } from '../../../node/adapters/keystore/create.ts'
import { ConsensusKey, PeerKey, ReportKey, TransmitterKey } from '../../../node/adapters/keystore/keys.ts'
import { listKeystores } from '../../../node/adapters/keystore/list.ts'
import { openKeystores } from '../../../node/adapters/keystore/open.ts'
import { keystoreSchema } from '../../../node/adapters/keystore/schema.ts'

// Key derivation is slow on purpose, and slower on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const password = 'correct horse, é 🐴'
let root: string
let dir: string
const create = () => createKeystores({ dir, password, scrypt: 'light' })
const code = (expected: string) => expect.objectContaining({ code: expected })

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'iyi-keystore-'))
  dir = join(root, 'keys')
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('Web3 Secret Storage', () => {
  // Test vectors of the definition, version 3.
  const secret = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
  const scryptVector = {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 262144,
      p: 8,
      r: 1,
      salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
    },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  }
  const pbkdf2Vector = {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: {
      c: 262144,
      dklen: 32,
      prf: 'hmac-sha256',
      salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
    },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  }
  const file = (crypto: unknown) =>
    keystoreSchema.parse({ version: 3, id: '3198bc9c-6672-5ab3-d995-4942343ae5b6', crypto })

  it.each([
    ['scrypt', scryptVector],
    ['pbkdf2', pbkdf2Vector],
  ])('opens the official %s vector', async (_, crypto) => {
    expect((await decryptSecret(file(crypto).crypto, 'testpassword')).toString('hex')).toBe(secret)
    await expect(decryptSecret(file(crypto).crypto, 'Testpassword')).rejects.toEqual(
      code('KEYSTORE_WRONG_PASSWORD'),
    )
  })

  it('opens what it encrypted, and no flipped bit', async () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
    await fc.assert(
      fc.asyncProperty(bytes, fc.string(), fc.nat(63), async (plain, phrase, at) => {
        const crypto = await encryptSecret(plain, phrase, 'light')
        expect(Uint8Array.from(await decryptSecret(crypto, phrase))).toEqual(plain)
        const flipped = crypto.ciphertext[at] === '0' ? '1' : '0'
        const ciphertext = crypto.ciphertext.slice(0, at) + flipped + crypto.ciphertext.slice(at + 1)
        await expect(decryptSecret({ ...crypto, ciphertext }, phrase)).rejects.toEqual(
          code('KEYSTORE_WRONG_PASSWORD'),
        )
      }),
      { numRuns: 10 },
    )
  })

  it.each([
    { n: 2 ** 24, r: 8, p: 1 },
    { n: 1000, r: 8, p: 1 },
    { n: 2, r: 1, p: 100_000 },
  ])('refuses to derive with $n, $r, $p', async (cost) => {
    const crypto = file({ ...scryptVector, kdfparams: { ...scryptVector.kdfparams, ...cost } }).crypto
    await expect(decryptSecret(crypto, 'testpassword')).rejects.toEqual(code('KEYSTORE_UNSUPPORTED'))
  })
})

describe('a node’s key files', () => {
  it('come back as the keys that were made', async () => {
    const made = await create()
    const keys = await openKeystores({ dir, password })
    expect(keys.signer.address).toBe(made.signer)
    expect(keys.transmitter.address).toBe(made.transmitter)
    expect(`0x${Buffer.from(keys.peer.publicKey).toString('hex')}`).toBe(made.peer)
    expect(`0x${Buffer.from(keys.consensus.publicKey).toString('hex')}`).toBe(made.consensus)
    expect(new Set(Object.values(made)).size).toBe(4)
    expect(ed25519.getPublicKey(keys.peer.seed)).toEqual(keys.peer.publicKey)
    expect(privateKeyToAccount(keys.transmitter.privateKey).address).toBe(made.transmitter)
  })

  it('are for their owner alone, and leave nothing else behind', async () => {
    await create()
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    const files = await readdir(dir)
    expect(files.toSorted()).toEqual(['consensus.json', 'peer.json', 'signer.json', 'transmitter.json'])
    for (const file of files) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600)
  })

  it('are listed without the password, by their public parts', async () => {
    expect(await listKeystores({ dir })).toEqual([])
    const made = await create()
    const listed = await listKeystores({ dir })
    expect(listed.map(({ role, identity }) => [role, identity])).toEqual(Object.entries(made))
  })

  it('hold a geth-style address or an EIP-2335-style public key, and no secret', async () => {
    const made = await create()
    const { transmitter, peer } = await openKeystores({ dir, password })
    const signer = JSON.parse(await readFile(join(dir, 'signer.json'), 'utf8'))
    expect(signer).toMatchObject({
      version: 3,
      address: made.signer.slice(2).toLowerCase(),
      crypto: { kdf: 'scrypt' },
    })
    const consensus = JSON.parse(await readFile(join(dir, 'consensus.json'), 'utf8'))
    expect(consensus).toMatchObject({ version: 3, pubkey: made.consensus.slice(2) })
    for (const role of ['peer', 'transmitter']) {
      const text = await readFile(join(dir, `${role}.json`), 'utf8')
      expect(text).not.toContain(transmitter.privateKey.slice(2))
      expect(text).not.toContain(Buffer.from(peer.seed).toString('hex'))
    }
  })

  it('are never overwritten, not even partly', async () => {
    await create()
    await rm(join(dir, 'peer.json'))
    const before = await readFile(join(dir, 'signer.json'), 'utf8')
    await expect(create()).rejects.toEqual(code('KEYSTORE_EXISTS'))
    expect(await readFile(join(dir, 'signer.json'), 'utf8')).toBe(before)
    expect(await readdir(dir)).not.toContain('peer.json')
  })

  it('are made once when two processes make them at once', async () => {
    const results = await Promise.allSettled([create(), create()])
    const [winner] = results.filter(({ status }) => status === 'fulfilled')
    if (winner?.status !== 'fulfilled') {
      // Each met the other's file and took its own back: nothing is lost, nothing is half there.
      expect(await listKeystores({ dir })).toEqual([])
      return
    }
    const listed = await listKeystores({ dir })
    expect(listed.map(({ role, identity }) => [role, identity])).toEqual(Object.entries(winner.value))
  })

  it('stay closed with a wrong password', async () => {
    await create()
    const failure = await openKeystores({ dir, password: 'wrong' }).catch((error: unknown) => error)
    expect(failure).toEqual(code('KEYSTORE_WRONG_PASSWORD'))
    expect(inspect(failure, { depth: null, showHidden: true })).not.toContain('wrong')
    await expect(createKeystores({ dir: join(root, 'x'), password: '', scrypt: 'light' })).rejects.toEqual(
      code('KEYSTORE_BAD_PASSWORD'),
    )
  })

  it('are refused while other accounts may read them', async () => {
    await create()
    await chmod(join(dir, 'consensus.json'), 0o640)
    await expect(openKeystores({ dir, password })).rejects.toEqual(code('KEYSTORE_UNSAFE_MODE'))
    await chmod(join(dir, 'consensus.json'), 0o600)
    await chmod(dir, 0o770)
    await expect(openKeystores({ dir, password })).rejects.toEqual(code('KEYSTORE_UNSAFE_MODE'))
  })

  it('are told apart: missing, damaged, swapped', async () => {
    await expect(openKeystores({ dir, password })).rejects.toEqual(code('KEYSTORE_MISSING'))
    await create()
    const swap = join(dir, 'swap')
    await rename(join(dir, 'signer.json'), swap)
    await writeFile(join(dir, 'signer.json'), '{"version":3', { mode: 0o600 })
    await expect(openKeystores({ dir, password })).rejects.toEqual(code('KEYSTORE_DAMAGED'))
    const content = JSON.parse(await readFile(swap, 'utf8'))
    const other = JSON.parse(await readFile(join(dir, 'transmitter.json'), 'utf8'))
    await writeFile(join(dir, 'signer.json'), JSON.stringify({ ...content, address: other.address }))
    await expect(openKeystores({ dir, password })).rejects.toEqual(code('KEYSTORE_MISMATCH'))
  })
})

describe('keys', () => {
  const secret = Uint8Array.from(
    Buffer.from('4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318', 'hex'),
  )
  const digest = new Uint8Array(32).fill(7)

  it('sign reports for ecrecover: r, s, v with v 0 or 1 and a low s', () => {
    const key = new ReportKey(secret)
    expect(key.address).toBe(privateKeyToAccount(`0x${Buffer.from(secret).toString('hex')}`).address)
    for (let i = 0; i < 20; i++) {
      const signature = key.sign(digest.fill(i))
      expect(signature).toHaveLength(65)
      const [v = 9, s] = [
        signature[64],
        BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`),
      ]
      expect([0, 1]).toContain(v)
      expect(s <= secp256k1.Point.CURVE().n / 2n).toBe(true)
      const recovered = secp256k1.Signature.fromBytes(signature.subarray(0, 64), 'compact')
        .addRecoveryBit(v)
        .recoverPublicKey(digest)
        .toHex(false)
      expect(publicKeyToAddress(`0x${recovered}`)).toBe(key.address)
      expect(key.sign(digest)).toEqual(signature)
    }
    expect(() => key.sign(new Uint8Array(31))).toThrow(code('KEYSTORE_BAD_DIGEST'))
  })

  it('sign consensus messages as RFC 8032 says (test 2 of section 7.1)', () => {
    const seed = Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex')
    const key = new ConsensusKey(seed)
    expect(Buffer.from(key.publicKey).toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    )
    const signature = key.sign(Uint8Array.of(0x72))
    expect(Buffer.from(signature).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
    expect(ed25519.verify(signature, Uint8Array.of(0x72), key.publicKey)).toBe(true)
  })

  it('show no secret when they are printed, serialised, or cloned', () => {
    const hex = Buffer.from(secret).toString('hex')
    const keys = {
      peer: new PeerKey(secret),
      consensus: new ConsensusKey(secret),
      signer: new ReportKey(secret),
      transmitter: new TransmitterKey(secret),
    }
    const printed = [
      inspect(keys, { depth: null, showHidden: true }),
      JSON.stringify(keys),
      `${Object.values(keys).map(String)}`,
      inspect(Object.values(keys).map((key) => ({ ...key }))),
    ].join('\n')
    expect(printed).not.toContain(hex)
    expect(printed).not.toContain(String(secret))
    expect(printed).not.toContain([...secret.slice(0, 8)].join(', '))
  })

  it('keep their secret when the caller wipes the buffers', () => {
    const copy = Uint8Array.from(secret)
    const key = new PeerKey(copy)
    copy.fill(0)
    key.seed.fill(0)
    expect(key.seed).toEqual(secret)
  })
})
