import { loadConfig } from '../../config/load.ts'
import type { CliDeps } from '../deps.ts'
import { isFolder } from '../is-folder.ts'
import type { CalibrateOptions } from '../model-deps.ts'

/** Prints the drift table and what follows from it. */
export async function modelCalibrate(
  { config: path, ...request }: Omit<CalibrateOptions, 'isFolder'> & { readonly config: string },
  deps: CliDeps,
): Promise<void> {
  const { config } = loadConfig({ path, env: deps.env })
  const found = await deps.models.calibrate(config, { ...request, isFolder: isFolder(request.model) })
  const { id, version, ways, peers, answered, spread, twice, now, proposed, written } = found
  const scale = ({ decimals, tolerance: { absolute, relativePpm } }: typeof now) =>
    `tolerance ${absolute} units or ${relativePpm} ppm, ${decimals} decimals`
  deps.stdout.write(`${found.table}\n\n`)
  deps.stdout.write(
    `${id} ${version}: ${answered} inputs, ${ways} ways here, results of ${peers} other machines\n` +
      `greatest spread   ${spread} units (ppm)\n` +
      `twice as much     ${scale(twice)}\n` +
      `now               ${scale(now)}\n` +
      `proposed          ${scale(proposed)}; for votes on classes, margin ${proposed.margin}\n`,
  )
  for (const { provider, reason } of found.absent)
    deps.stderr.write(`${provider} was not measured: ${reason}\n`)
  if (found.unanswered > 0)
    deps.stderr.write(`${found.unanswered} inputs were not answered here, and left out\n`)
  if (peers === 0)
    deps.stderr.write(
      'other processors differ by more than this one from itself: no tolerance is lowered without --peers\n',
    )
  if (written !== null)
    deps.stderr.write(
      written.digest === found.digest
        ? `wrote ${written.card}; the digest stays ${found.digest}\n`
        : `wrote ${written.card} and the entry: the digest was ${found.digest} and is ${written.digest}, another model to nodes and contracts\n`,
    )
}
