import type { Hex } from '../../node/ports/chain.ts'
import { DAY, HOUR, MINUTE, type World } from './world.ts'

export interface EconomySize {
  readonly users: number
  readonly merchants: number
  readonly exchanges: number
  readonly employers: number
}

interface Exchange {
  readonly hot: Hex
  readonly cold: Hex
  readonly deposits: Map<Hex, Hex>
}

/** What the planted patterns are hidden in. `users` grows as new ones come. */
export interface Economy {
  readonly users: Hex[]
  readonly merchants: readonly Hex[]
  /** Pays tokens out of an exchange; false where it has too few at hand. */
  withdraw(to: Hex, tokens: number): boolean
  /** The address at which an exchange takes tokens in for this owner; it sweeps what arrives there. */
  depositAddress(owner: Hex): Hex
}

/** Honest life of one token: users, shops, exchanges, payrolls, and services whose traffic looks like abuse. */
export function economy(world: World, size: EconomySize): Economy {
  const { random } = world
  const merchants = Array.from({ length: size.merchants }, () => world.address())
  const exchanges = Array.from({ length: size.exchanges }, () => exchange(world))
  const users: Hex[] = []
  const depositAddress = (owner: Hex): Hex => {
    const at = random.pick(exchanges)
    const known = at.deposits.get(owner)
    if (known !== undefined) return known
    const fresh = world.address()
    at.deposits.set(owner, fresh)
    return fresh
  }
  const all: Economy = {
    users,
    merchants,
    depositAddress,
    withdraw: (to, tokens) => world.send(random.pick(exchanges).hot, to, tokens),
  }

  for (let i = 0; i < size.users; i++) {
    // Two thirds were there before; the others come while the economy runs.
    const first = i % 3 === 0 ? random.between(0, world.days * DAY) : 0
    world.after(first, () => user(world, all, world.address(), first === 0))
  }
  for (const merchant of merchants) settleDaily(world, all, merchant)
  for (let i = 0; i < size.employers; i++) employer(world, all)
  for (let i = 0; i < Math.ceil(size.exchanges / 2); i++) {
    marketMaker(world, random.pick(exchanges))
    paymentProcessor(world, all)
    airdrops(world, all)
  }
  return all
}

function user(
  world: World,
  { users, merchants, withdraw, depositAddress }: Economy,
  first: Hex,
  early: boolean,
): void {
  const { random } = world
  let self = first
  users.push(self)
  const typical = random.logNormal(60, 1)
  if (early) world.endow(self, typical * random.between(0, 30))
  else withdraw(self, typical * random.between(3, 30))
  const shops = Array.from({ length: random.whole(1, 5) }, () => random.pick(merchants))
  const friends: Hex[] = []
  const amount = () =>
    Math.min(random.logNormal(typical, 0.8), world.balance(self) * random.between(0.1, 0.9))

  const act = () => {
    if (friends.length < 6 && random.chance(0.3)) friends.push(random.pick(users))
    const kind = random.unit()
    if (kind < 0.45) world.send(self, random.pick(shops), amount())
    else if (kind < 0.65 && friends.length > 0) {
      const friend = random.pick(friends)
      const lent = amount()
      // What was lent comes back at times: a cycle that means nothing.
      if (world.send(self, friend, lent) && random.chance(0.25))
        world.after(random.logUniform(HOUR, 3 * DAY), () => void world.send(friend, self, lent))
    } else if (kind < 0.78) deposit(world, self, depositAddress(self), amount() * 3)
    else if (kind < 0.985) withdraw(self, random.logNormal(typical * 4, 0.8))
    else if (random.chance(0.5)) {
      // Moves to a new wallet, perhaps in two steps: one hop of a launderer looks the same.
      const next = world.address()
      const old = self
      if (random.chance(0.3)) world.send(old, next, Math.min(1, world.balance(old) / 10))
      world.after(random.logUniform(MINUTE, HOUR), () => {
        world.send(old, next, world.balance(old) * random.between(0.9, 1))
        users[users.indexOf(old)] = next
        self = next
      })
    }
  }
  world.repeat(DAY / random.logUniform(0.2, 8), act)
  if (random.chance(0.4)) {
    const [fee, shop] = [random.pick([5, 10, 15, 20]), random.pick(shops)]
    world.repeat(3 * DAY, () => void world.send(self, shop, fee))
  }
}

/** Tokens for an exchange; what arrives is swept to its hot wallet whole, within minutes to hours. */
function deposit(world: World, from: Hex, address: Hex, tokens: number): void {
  world.send(from, address, Math.min(tokens, world.balance(from)))
}

function exchange(world: World): Exchange {
  const { random } = world
  const self = { hot: world.address(), cold: world.address(), deposits: new Map<Hex, Hex>() }
  world.endow(self.hot, 3e5)
  world.endow(self.cold, 5e6)
  const sweepSeconds = random.logUniform(10 * MINUTE, 4 * HOUR)
  world.repeat(sweepSeconds, () => {
    for (const address of self.deposits.values())
      if (world.balance(address) > 1) world.send(address, self.hot, world.balance(address))
  })
  world.repeat(6 * HOUR, () => {
    const excess = world.balance(self.hot) - 3e5
    if (excess > 5e4) world.send(self.hot, self.cold, excess)
    if (excess < -5e4) world.send(self.cold, self.hot, -excess)
  })
  return self
}

/** A shop takes in all day and sends most of it to an exchange. */
function settleDaily(world: World, { depositAddress }: Economy, merchant: Hex): void {
  world.repeat(DAY, () => deposit(world, merchant, depositAddress(merchant), world.balance(merchant) * 0.9))
}

/** Payroll: one large amount comes in, many go out within minutes. */
function employer(world: World, { users, withdraw }: Economy): void {
  const { random } = world
  const self = world.address()
  const wage = random.logNormal(300, 0.4)
  const equal = random.chance(0.3)
  const staff: Hex[] = []
  world.repeat(random.pick([3, 5, 7]) * DAY, () => {
    const size = random.whole(8, 50)
    while (staff.length < size) staff.push(random.pick(users))
    withdraw(self, wage * staff.length * 1.1)
    staff.forEach((worker, i) => {
      const pay = equal ? wage : random.logNormal(wage, 0.3)
      world.after(30 * MINUTE + i * random.between(10, 90), () => void world.send(self, worker, pay))
    })
  })
}

/** Trades with an exchange back and forth all day, and ends where it began: what wash trades look like. */
function marketMaker(world: World, { hot }: Exchange): void {
  const { random } = world
  const self = world.address()
  world.endow(self, 4e4)
  world.repeat(random.logUniform(20 * MINUTE, 3 * HOUR), () => {
    const tokens = random.logNormal(800, 0.6)
    if (random.chance(world.balance(self) > 4e4 ? 0.6 : 0.4)) world.send(self, hot, tokens)
    else world.send(hot, self, tokens)
  })
}

/** Pays shops through an address of its own for each order and keeps a fee: every order is a small peel. */
function paymentProcessor(world: World, { users, merchants }: Economy): void {
  const { random } = world
  const fees = world.address()
  const rate = random.between(0.005, 0.05)
  world.repeat(random.logUniform(15 * MINUTE, 2 * HOUR), () => {
    const [payer, order, shop] = [random.pick(users), world.address(), random.pick(merchants)]
    const tokens = Math.min(random.logNormal(60, 1), world.balance(payer) * 0.8)
    if (!world.send(payer, order, tokens)) return
    world.after(random.logUniform(MINUTE, 2 * HOUR), () => {
      world.send(order, fees, tokens * rate)
      world.send(order, shop, world.balance(order))
    })
  })
}

/** Small equal amounts to many who asked for them, or did not: advertisements and rewards. */
function airdrops(world: World, { users, withdraw }: Economy): void {
  const { random } = world
  const self = world.address()
  world.repeat(3 * DAY, () => {
    const [each, count, gap] = [random.logUniform(0.05, 20), random.whole(20, 90), random.logUniform(5, 300)]
    withdraw(self, each * count * 1.05)
    for (let i = 0; i < count; i++)
      world.after(10 * MINUTE + i * gap, () => void world.send(self, random.pick(users), each))
  })
}
