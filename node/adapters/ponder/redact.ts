const redacted = '[redacted]'

/**
 * Makes a function that takes secrets out of texts at any depth of a JSON value: the database's URL and password, and
 * of each provider's URL all but its origin, since providers put their keys into path, query or user name.
 */
export function secretRedactor(urls: readonly string[]): (value: unknown) => unknown {
  const secrets = [...new Set(urls.flatMap(secretsOf))].sort((a, b) => b.length - a.length)
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string')
      return secrets.reduce((text, secret) => text.replaceAll(secret, redacted), value)
    if (Array.isArray(value)) return value.map(clean)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clean(inner)]))
  }
  return clean
}

function secretsOf(text: string): string[] {
  if (!URL.canParse(text)) return [text]
  const url = new URL(text)
  const tail = `${url.pathname}${url.search}`
  const decoded = (part: string) => [part, decodeURIComponent(part)]
  return [
    ...decoded(url.password),
    ...(url.username === '' ? [] : [`${url.username}:${url.password}`]),
    ...(url.protocol.startsWith('postgres') ? [text] : [tail, ...url.pathname.split('/').filter(isKey)]),
    ...[...url.searchParams.values()],
  ].filter((secret) => secret.length > 3)
}

/** A path segment that may be a key; a version or a network's name is none. */
function isKey(segment: string): boolean {
  return segment.length >= 12
}
