import type { CliDeps } from '../deps.ts'
import type { PackOptions } from '../model-deps.ts'

/** Packs an ONNX file; its digest goes to standard output. */
export async function modelPack(options: PackOptions, deps: CliDeps): Promise<void> {
  const { folder, digest, tolerance, widestGap } = await deps.models.pack(options)
  deps.stdout.write(`${digest}\n`)
  deps.stderr.write(
    `wrote ${folder}. Answers of the same input were up to ${widestGap} units apart here; the tolerance is ${tolerance.absolute} units or ${tolerance.relativePpm} millionths: change it in ${folder}/model.json if other machines differ by more. Then: iyi model add ${folder}\n`,
  )
}
