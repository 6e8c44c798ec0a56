import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of the project: its package.json, indexer/ and models/. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url))

/** The node's version, from the one place that has it. */
export const version: string = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version
