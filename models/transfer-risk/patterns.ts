import type { Hex } from '../../node/ports/chain.ts'
import type { Economy } from './economy.ts'
import { DAY, HOUR, MINUTE, type World } from './world.ts'

/** Begins patterns so many times a day on average, each with parameters of its own; those of few transfers oftener. */
export function plantPatterns(world: World, economy: Economy, perDay: number): void {
  const shares = [
    [layering, 0.45],
    [peelChain, 0.25],
    [washTrading, 0.18],
    [dusting, 0.12],
  ] as const
  for (const [plant, share] of shares) world.repeat(DAY / (perDay * share), () => plant(world, economy))
}

/** A wallet of the abuser: most are new, some belonged to an ordinary user (bought, or broken into). */
function mule(world: World, { users }: Economy): Hex {
  return world.random.chance(0.25) ? world.random.pick(users) : world.address()
}

/** The loot comes from an exchange or from a victim; that transfer looks honest and is not labelled. */
function loot(world: World, economy: Economy, to: Hex): number {
  const tokens = world.random.logNormal(3000, 1)
  return economy.withdraw(to, tokens) ? tokens : 0
}

/** Hop after hop, split and passed on, and at last into an exchange. */
function layering(world: World, economy: Economy): void {
  const { random } = world
  const source = mule(world, economy)
  const [hops, delay] = [random.whole(2, 6), random.logUniform(2 * MINUTE, 8 * HOUR)]
  const [split, skim] = [random.between(0, 0.6), random.between(0, 0.05)]
  const move = (from: Hex, tokens: number, hop: number) => {
    world.after(random.exponential(delay), () => {
      if (hop === hops) return void world.send(from, economy.depositAddress(from), tokens, 'layering')
      const ways = random.chance(split) && tokens > 100 ? random.whole(2, 3) : 1
      const weights = Array.from({ length: ways }, () => random.between(0.5, 1.5))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      for (const weight of weights) {
        const [to, part] = [mule(world, economy), ((tokens * weight) / total) * (1 - random.between(0, skim))]
        if (world.send(from, to, part, 'layering')) move(to, part, hop + 1)
      }
    })
  }
  const tokens = loot(world, economy, source)
  if (tokens > 0) move(source, tokens, 0)
}

/** A large amount wanders through new wallets; each time a small part is cashed in. */
function peelChain(world: World, economy: Economy): void {
  const { random } = world
  const [length, delay] = [random.whole(4, 20), random.logUniform(5 * MINUTE, 10 * HOUR)]
  const [low, high] = [random.between(0.01, 0.08), random.between(0.08, 0.25)]
  const peel = (from: Hex, tokens: number, left: number) => {
    world.after(random.exponential(delay), () => {
      const part = tokens * random.between(low, high)
      const out = random.chance(0.7) ? economy.depositAddress(from) : random.pick(economy.merchants)
      world.send(from, out, part, 'peel-chain')
      if (left === 0) return
      world.after(random.exponential(delay / 4), () => {
        const next = mule(world, economy)
        if (world.send(from, next, tokens - part, 'peel-chain')) peel(next, tokens - part, left - 1)
      })
    })
  }
  const source = mule(world, economy)
  const tokens = loot(world, economy, source)
  if (tokens > 0) peel(source, tokens, length)
}

/** A few wallets of one owner trade in a ring or in pairs; nobody gains. */
function washTrading(world: World, economy: Economy): void {
  const { random } = world
  const ring = Array.from({ length: random.whole(2, 5) }, () => mule(world, economy))
  const [trades, gap] = [random.whole(8, 60), random.logUniform(3 * MINUTE, 4 * HOUR)]
  const [noise, regular, cyclic] = [random.between(0, 0.15), random.chance(0.3), random.chance(0.6)]
  const [first] = ring
  const tokens = first === undefined ? 0 : loot(world, economy, first) / 2
  const trade = (at: number, left: number) => {
    const to = cyclic ? (at + 1) % ring.length : (at + random.whole(1, ring.length - 1)) % ring.length
    const [seller, buyer] = [ring[at], ring[to]]
    if (left === 0 || seller === undefined || buyer === undefined) return
    world.after(regular ? gap * random.between(0.95, 1.05) : random.exponential(gap), () => {
      const size = Math.min(tokens * (1 + random.between(-noise, noise)), world.balance(seller))
      if (world.send(seller, buyer, size, 'wash-trading')) trade(to, left - 1)
    })
  }
  if (tokens > 0) trade(0, trades)
}

/** Next to nothing to many wallets, so that their owners give themselves away when they spend it. */
function dusting(world: World, economy: Economy): void {
  const { random } = world
  const self = mule(world, economy)
  const [each, vary] = [random.logUniform(1e-5, 0.3), random.between(0, 0.5)]
  const [count, gap] = [random.whole(15, 80), random.logUniform(4, 900)]
  economy.withdraw(self, Math.max(5, each * count * 2))
  for (let i = 0; i < count; i++)
    world.after(
      20 * MINUTE + i * gap,
      () =>
        void world.send(
          self,
          random.pick(economy.users),
          each * random.between(1 - vary, 1 + vary),
          'dusting',
        ),
    )
}
