import { isFree } from '../compose/ports.ts'
import { DevnetError } from './errors.ts'

/** Every port of a devnet; all on loopback. */
export interface PortPlan {
  readonly chains: readonly [number, number]
  readonly postgres: number
  readonly ponder: number
  /** By validator. */
  readonly api: readonly number[]
  readonly admin: readonly number[]
  readonly p2p: readonly number[]
}

/** From 8520 up to the first chain's 8545. */
const USUAL_VALIDATORS = 25

/**
 * The documented ports, or all of them from `base` on, in one block of 130, so that several networks fit on a machine.
 * @throws DevnetError `DEVNET_BAD_OPTION`
 */
export function portPlan(validators: number, base?: number): PortPlan {
  const each = (first: number) => Array.from({ length: validators }, (_, at) => first + at)
  if (base === undefined) {
    // The admin ports would run into the chains'.
    if (validators > USUAL_VALIDATORS)
      throw new DevnetError(
        'DEVNET_BAD_OPTION',
        `the usual ports hold ${USUAL_VALIDATORS} validators: for ${validators} move all ports with --port-base N`,
        { validators },
      )
    return {
      chains: [8545, 8546],
      postgres: 5420,
      ponder: 42069,
      api: each(8420),
      admin: each(8520),
      p2p: each(9420),
    }
  }
  if (!Number.isInteger(base) || base < 1024 || base > 65_405)
    throw new DevnetError(
      'DEVNET_BAD_OPTION',
      `--port-base must be an integer from 1024 to 65405, not ${base}`,
    )
  return {
    chains: [base, base + 1],
    postgres: base + 2,
    ponder: base + 3,
    api: each(base + 10),
    admin: each(base + 50),
    p2p: each(base + 90),
  }
}

/** Binds and frees every port once. Throws `DEVNET_PORT_TAKEN` with the first that is not free, and its part. */
export async function requireFreePorts(plan: PortPlan): Promise<void> {
  const named = [
    ...plan.chains.map((port, at) => [`chain-${at === 0 ? 'a' : 'b'} (Anvil)`, port] as const),
    ['PostgreSQL', plan.postgres] as const,
    ['Ponder', plan.ponder] as const,
    ...plan.api.map((port, at) => [`API of validator ${at}`, port] as const),
    ...plan.admin.map((port, at) => [`admin of validator ${at}`, port] as const),
    ...plan.p2p.map((port, at) => [`libp2p of validator ${at}`, port] as const),
  ]
  for (const [part, port] of named) {
    if (!(await isFree(port)))
      throw new DevnetError(
        'DEVNET_PORT_TAKEN',
        `port ${port}, for the ${part}, is taken by another program: end it, or move all ports with --port-base N (npm start -- --port-base 20000)`,
        { port, part },
      )
  }
}
