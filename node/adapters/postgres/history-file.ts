import { type FileHandle, open } from 'node:fs/promises'
import { SigningHistoryError } from './errors.ts'
import { type HistoryContent, maxDocumentBytes, parseHistory } from './history-document.ts'

/**
 * Reads the document in a file, never more of it than a document may have.
 *
 * @throws SigningHistoryError `SIGNING_HISTORY_NO_FILE`, and as `parseHistory`
 */
export async function readHistoryFile(path: string): Promise<HistoryContent> {
  return parseHistory(await readBounded(path))
}

async function readBounded(path: string): Promise<Uint8Array> {
  let file: FileHandle | null = null
  try {
    file = await open(path, 'r')
    const chunks: Uint8Array[] = []
    let length = 0
    // One byte more than allowed says that it is too large, also of a file that does not know its size.
    for await (const chunk of file.createReadStream({ end: maxDocumentBytes, autoClose: false })) {
      chunks.push(chunk)
      length += chunk.length
    }
    return Buffer.concat(chunks, length)
  } catch (cause) {
    throw new SigningHistoryError(
      'SIGNING_HISTORY_NO_FILE',
      `${path} can't be read: give the path of a file that "iyi signing-history export" wrote. Nothing was changed.`,
      { data: { path }, cause },
    )
  } finally {
    await file?.close()
  }
}
