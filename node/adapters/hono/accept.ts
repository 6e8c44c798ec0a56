interface Range {
  readonly type: string
  readonly quality: number
}

/**
 * Which of `offers`, most preferred first, an Accept header wants (RFC 9110, section 12.5.1); null when none. Without a
 * header, the first.
 */
export function accepted<T extends string>(header: string | undefined, offers: readonly T[]): T | null {
  if (header === undefined || header.trim() === '') return offers[0] ?? null
  const ranges = header.split(',').slice(0, 20).map(rangeOf)
  let best: { readonly offer: T; readonly quality: number } | null = null
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges)
    if (quality > (best?.quality ?? 0)) best = { offer, quality }
  }
  return best?.offer ?? null
}

/** The most specific range that covers a type counts. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const general = `${type.split('/')[0]}/*`
  for (const wanted of [type, general, '*/*']) {
    const found = ranges.find((range) => range.type === wanted)
    if (found !== undefined) return found.quality
  }
  return 0
}

function rangeOf(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  const number = quality === undefined ? 1 : Number(quality)
  return { type, quality: number >= 0 && number <= 1 ? number : 0 }
}
