/** True for a host, as a URL has it or bare, that only this machine reaches: `localhost`, 127.0.0.0/8, `::1` (RFC 6890). */
export function isLoopback(host: string): boolean {
  return /^(localhost|::1|\[::1\]|127(\.\d{1,3}){3})$/.test(host)
}
