import { KserveError } from './errors.ts'

/** The server's URL with a trailing slash, so that paths go below it. Throws `KserveError`, whose text has no secret. */
export function serverUrl(text: string, token: string | undefined): URL {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new KserveError('url', 'The URL of the inference server must begin with http:// or https://.')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new KserveError(
      'url',
      'The URL of the inference server must have no user, password, query or fragment: give a token instead.',
    )
  // RFC 6750 section 2.1.
  if (token !== undefined && !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    throw new KserveError(
      'token',
      'The token of the inference server has characters that a bearer token can not have: is its file the right one?',
    )
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
