import { statSync } from 'node:fs'

/** Whether an argument that is a folder or a model's id is a folder: one that is there, or what looks like a path. */
export function isFolder(text: string): boolean {
  return /[/\\]/.test(text) || statSync(text, { throwIfNoEntry: false })?.isDirectory() === true
}
