import { createHash } from 'node:crypto'

const css = `body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem 1.5rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de;font-size:1.15rem}
article{margin:1.5rem 0}h3{font:600 1rem ui-monospace,monospace;margin:0}h3 b{color:#0550ae;text-transform:uppercase;margin-right:.5rem}
table{border-collapse:collapse;margin:.5rem 0}td,th{border:1px solid #d0d7de;padding:.2rem .6rem;text-align:left;vertical-align:top}
pre{background:#f6f8fa;padding:.75rem;overflow:auto;font-size:.8rem}code{font:.85em ui-monospace,monospace}summary{cursor:pointer}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}h3 b{color:#79c0ff}td,th,h2{border-color:#30363d}}`

/** The page's only style, and its hash for the content security policy (CSP level 3, section 6.7.2.7). */
export const referenceStyle = {
  css,
  hash: `sha256-${createHash('sha256').update(css).digest('base64')}`,
} as const

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
    readonly schema?: object
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}
type Content = Readonly<Record<string, { readonly schema?: object }>>

interface Document {
  readonly info?: { readonly title?: string; readonly version?: string; readonly description?: string }
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** Plain HTML of an OpenAPI document: every operation with its parameters, body and answers. No script, no request. */
export function referencePage(description: object): string {
  const document = description as Document
  const groups = new Map<string, string[]>()
  for (const [path, methods] of Object.entries(document.paths ?? {}))
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? 'other'
      groups.set(tag, [...(groups.get(tag) ?? []), article(method, path, operation)])
    }
  const sections = [...groups].map(
    ([tag, items]) => `<h2 id="${html(tag)}">${html(tag)}</h2>${items.join('')}`,
  )
  const title = html(document.info?.title ?? 'API')
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${css}</style></head><body><h1>${title} ${html(document.info?.version ?? '')}</h1><p>${html(document.info?.description ?? '')}</p><p>Machine-readable: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1)</p>${sections.join('')}</body></html>`
}

function article(method: string, path: string, operation: Operation): string {
  const parameters = operation.parameters ?? []
  const rows = parameters.map(
    (p) =>
      `<tr><td><code>${html(p.name)}</code></td><td>${html(p.in)}${p.required === true ? ', required' : ''}</td><td>${html(p.description ?? '')}</td><td><code>${html(JSON.stringify(p.schema ?? {}))}</code></td></tr>`,
  )
  const responses = Object.entries(operation.responses).map(
    ([status, response]) => `${html(status)}: ${html(response.description)}${schemas(response.content)}`,
  )
  return [
    `<article><h3><b>${html(method)}</b>${html(path)}</h3><p>${html(operation.summary ?? '')}</p>`,
    operation.description === undefined ? '' : `<p>${html(operation.description)}</p>`,
    rows.length === 0
      ? ''
      : `<table><tr><th>Name</th><th>In</th><th></th><th>Schema</th></tr>${rows.join('')}</table>`,
    operation.requestBody === undefined ? '' : `<div>Body${schemas(operation.requestBody.content)}</div>`,
    ...responses.map((response) => `<div>${response}</div>`),
    '</article>',
  ].join('')
}

function schemas(content: Content | undefined): string {
  return Object.entries(content ?? {})
    .map(
      ([type, { schema }]) =>
        `<details><summary><code>${html(type)}</code></summary><pre>${html(JSON.stringify(schema ?? {}, null, 2))}</pre></details>`,
    )
    .join('')
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
