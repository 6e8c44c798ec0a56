import type { Hex } from './chain.ts'

/** SHA-256 of a content: 64 lower-case hex digits without 0x. */
export type ContentHash = string

/** Bytes of every part of a content but the last, which has what remains. A multiple of SHA-256's block of 64. */
export const PART_BYTES = 131_072

/** A content that this node keeps. */
export interface KeptContent {
  readonly hash: ContentHash
  readonly size: number
  /** Unix milliseconds at which it may go. */
  readonly keptUntil: number
}

/** Contents that are named by their hash: kept on disk, bounded, and fetched from other validators. */
export interface Contents {
  /** Keeps bytes for a while. Rejects with `ContentError` `CONTENT_TOO_LARGE`, `CONTENT_FULL`. */
  put(bytes: Uint8Array, options: { readonly keepMs: number }): Promise<KeptContent>
  /** What is here now. */
  held(): readonly ContentHash[]
  /** In bytes; null when it is not here. */
  sizeOf(hash: ContentHash): number | null
  /** Null when it is not here. */
  read(hash: ContentHash): Promise<Uint8Array | null>
  /**
   * From here, or else from other validators; what was fetched is kept for `keepMs`. Callers who ask for the same at once
   * share one transfer, and it goes on when `signal` ends the waiting. Rejects with `ContentError`.
   */
  fetch(
    hash: ContentHash,
    options: { readonly maxBytes: number; readonly keepMs: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>
  /** Keeps what is here at least until then, and does not let it go for what nobody needs. Unix milliseconds. */
  keep(hash: ContentHash, untilMs: number): void
}

/** One part, with what proves it: SHA-256's state after all bytes before the part. */
export interface ContentPart {
  /** Of the whole content. */
  readonly size: number
  /** 32 bytes. */
  readonly before: Uint8Array
  readonly bytes: Uint8Array
}

/** What one peer asks of another. `last` is the index of the last part, for those who do not know the size yet. */
export type ContentQuestion =
  | { readonly kind: 'part'; readonly hash: ContentHash; readonly index: number | 'last' }
  /** A short text that is known by another digest than the SHA-256 of its bytes: a model's manifest entry. */
  | { readonly kind: 'entry'; readonly digest: Hex }

export type ContentAnswer =
  | { readonly kind: 'part'; readonly part: ContentPart }
  | { readonly kind: 'entry'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  /** It has it, and can't answer now. */
  | { readonly kind: 'busy' }

/** Who answers what peers ask. */
export interface ContentSource {
  answer(question: ContentQuestion): Promise<ContentAnswer>
}

/** The other validators, as those whom one can ask for contents. */
export interface ContentPeers {
  /** Ids of those who are connected. */
  connected(): readonly string[]
  /**
   * Rejects with `ContentError`: `CONTENT_PEER_LOST` when the connection ends, or when `signal` gives it up;
   * `CONTENT_PEER_LIES` for an answer that is none.
   */
  ask(peer: string, question: ContentQuestion, signal: AbortSignal): Promise<ContentAnswer>
  /** Answers what peers ask from now on. */
  serve(source: ContentSource): void
}
