import type { OffenceRecord, QuorumStore } from '../../node/ports/quorum.ts'

const MOST = 64

/** The offences of a `QuorumStore`, in memory. */
export function memoryOffences(): Pick<QuorumStore, 'saveOffence' | 'offences' | 'offence'> {
  const records: OffenceRecord[] = []
  const group = ({ dutyId, configDigest, oracle, offence }: OffenceRecord) =>
    JSON.stringify([dutyId, configDigest, oracle, offence])
  return {
    saveOffence: async (record) => {
      const alike = records.filter((each) => group(each) === group(record))
      if (alike.length >= MOST || records.some(({ id }) => id === record.id)) return
      records.push(structuredClone(record))
    },
    offences: async ({ limit, before, ...filter }) => {
      const found = records
        .map((record, at) => ({ record, at }))
        .filter(({ at }) => before === undefined || at < Number(before))
        .filter(({ record }) =>
          Object.entries(filter).every(([name, value]) => record[name as keyof typeof filter] === value),
        )
        .reverse()
      const page = found.slice(0, limit)
      const cursor = found.length > page.length ? String(page.at(-1)?.at) : null
      return { records: structuredClone(page.map(({ record }) => record)), cursor }
    },
    offence: async (id) => structuredClone(records.find((record) => record.id === id) ?? null),
  }
}
