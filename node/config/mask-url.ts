export const MASK = '***'

/** A path segment that is an ordinary word or a version (`rpc`, `v3`, `mainnet`) rather than a key. */
const WORD = /^(?:[a-z]{1,12}|v\d{1,2})$/

/**
 * A URL as it may be shown: user info, query values, fragment, and every path segment that could be an API key are
 * masked. Text that is no URL is masked whole.
 */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return MASK
  const url = new URL(text)
  const user = url.username === '' && url.password === '' ? '' : `${MASK}@`
  const path = url.pathname
    .split('/')
    .map((segment) => (segment === '' || WORD.test(segment) ? segment : MASK))
    .join('/')
  const query = [...url.searchParams.keys()].map((key) => `${encodeURIComponent(key)}=${MASK}`).join('&')
  return `${url.protocol}//${user}${url.host}${path}${query === '' ? '' : `?${query}`}${url.hash === '' ? '' : `#${MASK}`}`
}

/** A database URL with only its password masked: the rest says where the data is. */
export function maskPassword(text: string): string {
  if (!URL.canParse(text)) return MASK
  const url = new URL(text)
  const user =
    url.username === '' ? '' : url.password === '' ? `${url.username}@` : `${url.username}:${MASK}@`
  const query = [...url.searchParams.entries()]
    .map(([key, value]) => `${key}=${/password|key|secret|token/i.test(key) ? MASK : value}`)
    .join('&')
  return `${url.protocol}//${user}${url.host}${url.pathname}${query === '' ? '' : `?${query}`}`
}
