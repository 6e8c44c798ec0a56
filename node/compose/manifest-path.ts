import { join } from 'node:path'
import type { NodeConfig } from '../config/schema.ts'
import { packageRoot } from './version.ts'

/** Where the model manifest of a configuration lies. */
export function manifestPath({ inference }: Pick<NodeConfig, 'inference'>): string {
  return inference.manifest === 'builtin' ? join(packageRoot, 'models', 'manifest.json') : inference.manifest
}
