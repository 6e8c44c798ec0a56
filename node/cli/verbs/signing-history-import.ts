import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'

/** Takes over the signing history in a file, unless it would weaken what the database knows. */
export async function signingHistoryImport(
  options: { readonly config: string; readonly file: string },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path: options.config, env: deps.env })
  const { createdAt, retired, keys, uncovered } = await deps.importSigningHistory(config, {
    file: options.file,
  })
  for (const { keyId, added, raised, unchanged, reinstated } of keys) {
    const again = reinstated ? '; it may sign here again' : ''
    deps.stdout.write(`${keyId}: ${added} added, ${raised} raised, ${unchanged} unchanged${again}\n`)
  }
  for (const keyId of uncovered)
    deps.stderr.write(
      `the file says nothing about ${keyId}: make sure that this key never signed elsewhere\n`,
    )
  if (!retired) {
    deps.stderr.write(
      `the file is of ${createdAt} and was exported without --retire: if a node signed with these keys since, elsewhere or on a database that is gone, it lacks that, and starting here is unsafe\n`,
    )
  }
}
