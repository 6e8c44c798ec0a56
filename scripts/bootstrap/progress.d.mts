export interface Progress {
  step<T>(label: string, work: () => Promise<T>): Promise<T>
}
export function progress(out?: NodeJS.WriteStream): Progress
