import type { CliDeps } from '../deps.ts'

/** Tests a model's folder; its digest goes to standard output. */
export async function modelVerify(options: { readonly folder: string }, deps: CliDeps): Promise<void> {
  const { id, version, digest, provider } = await deps.models.verify(options)
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(`${id} ${version} passed its tests on ${provider}\n`)
}
