import { createHash } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { ModelRefusal } from './model-refusal.ts'

/** Throws `ModelRefusal` for what is no plain path below a folder. */
export function assertInside(file: string): void {
  if (
    isAbsolute(file) ||
    file.includes('\\') ||
    file.split('/').some((part) => ['', '.', '..'].includes(part))
  )
    throw new ModelRefusal(`${file} is not a path inside the models folder`)
}

const maxBytes = 2 ** 31 - 1

/**
 * Reads a file of the models folder and checks its SHA-256. The bytes returned are the ones that were hashed: nobody
 * reads the path again. Rejects with `ModelRefusal` for a path or link out of `root`, a missing file, another content.
 */
export async function readVerified(root: string, file: string, sha256: string): Promise<Uint8Array> {
  assertInside(file)
  let real: string
  try {
    real = await realpath(join(root, file))
  } catch {
    throw new ModelRefusal(`${file} is missing; restore it`)
  }
  const inside = relative(root, real)
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    throw new ModelRefusal(`${file} is a link out of the models folder`)
  const found = await stat(real)
  if (!found.isFile() || found.size > maxBytes)
    throw new ModelRefusal(`${file} is not a regular file below 2 GiB`)
  const bytes = await readFile(real)
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (actual !== sha256)
    throw new ModelRefusal(
      `${file} has the SHA-256 ${actual}, the manifest says ${sha256}; restore the right file`,
    )
  return bytes
}
