import { request } from './http.ts'

/** Sum of a metric's samples that carry all of these labels; 0 when there is none yet. */
export async function metric(
  admin: string,
  name: string,
  labels: Readonly<Record<string, string | number>> = {},
): Promise<number> {
  const { text } = await request(`${admin}/metrics`)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
