import type { Behaviour } from '../behaviour.ts'
import { hasty, otherDigest, otherPeers } from './configuration.ts'
import { equivocator, smokescreen, splitter, twins, twoQueries } from './equivocation.ts'
import { babbler, beggar, dreamer, flooder, queryFlooder } from './flood.ts'
import { counterfeiter, forger, otherChain, replayer, reportForger } from './forgery.ts'
import {
  cherryPicker,
  chorist,
  copier,
  extremeLiar,
  farLiar,
  garbler,
  lateObserver,
  misattributor,
  nearLiar,
  oversizer,
} from './observations.ts'
import { idleLiar, mumbler, silent, silentLeader, slow, slowLeader } from './silence.ts'
import {
  amnesiac,
  commitKeeper,
  favourer,
  forgetter,
  halfWithholder,
  proposalKeeper,
  selector,
  withholder,
} from './withholding.ts'

/** All liars, by name. */
export const ADVERSARIES = {
  silent,
  silentLeader,
  slow,
  slowLeader,
  mumbler,
  idleLiar,
  farLiar,
  nearLiar,
  extremeLiar,
  garbler,
  oversizer,
  chorist,
  cherryPicker,
  copier,
  lateObserver,
  misattributor,
  equivocator,
  splitter,
  smokescreen,
  twoQueries,
  twins,
  withholder,
  halfWithholder,
  forgetter,
  favourer,
  commitKeeper,
  proposalKeeper,
  selector,
  amnesiac,
  forger,
  replayer,
  otherChain,
  counterfeiter,
  reportForger,
  babbler,
  flooder,
  queryFlooder,
  beggar,
  dreamer,
  otherDigest,
  hasty,
  otherPeers,
} as const satisfies Readonly<Record<string, Behaviour>>

export type AdversaryName = keyof typeof ADVERSARIES
export const ADVERSARY_NAMES = Object.keys(ADVERSARIES) as [AdversaryName, ...AdversaryName[]]

/** Several behaviours as one: what one lets through, the next changes. */
export function combined(names: readonly AdversaryName[]): Behaviour {
  const parts: readonly Behaviour[] = names.map((name) => ADVERSARIES[name])
  return {
    unguarded: parts.some(({ unguarded }) => unguarded === true),
    twins: parts.some((part) => part.twins === true),
    about: parts.map(({ about }) => about).join('; '),
    options: (options) => parts.reduce((all, part) => part.options?.(all) ?? all, options),
    // One lie at a time: the next could not read what the first made of it.
    observe: (node, honest, seqNr) => {
      const liar = parts.findLast(({ observe }) => observe !== undefined)
      return liar?.observe === undefined ? honest : liar.observe(node, honest, seqNr)
    },
    outgoing: (node, to, bytes, message) => {
      let out: readonly Uint8Array[] = [bytes]
      for (const part of parts) {
        if (part.outgoing === undefined) continue
        // What a part before has replaced goes out as it is: it is no message of the machine any more.
        out = out.flatMap((each) =>
          each === bytes ? (part.outgoing?.(node, to, bytes, message) ?? [each]) : [each],
        )
      }
      return out
    },
    delayMs: (node, to, message) =>
      parts.reduce((sum, part) => sum + (part.delayMs?.(node, to, message) ?? 0), 0),
    tick: (node) => {
      for (const part of parts) part.tick?.(node)
    },
  }
}
