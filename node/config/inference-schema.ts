import { z } from 'zod'
import { candidatesSchema } from './candidates-schema.ts'

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected a URL that starts with http:// or https://' })

/** What runs models, and how much it may take. */
export const inferenceSchema = z
  .strictObject({
    manifest: z
      .string()
      .min(1)
      .default('builtin')
      .describe('Path of the model manifest; `builtin` is the one that came with the node.'),
    providers: z
      .array(z.enum(['cpu', 'webgpu', 'cuda']))
      .min(1, 'expected at least one provider')
      .default(['cpu'])
      .describe('ONNX Runtime execution providers, best first.'),
    threads: z.int().min(1).max(256).default(1).describe('CPU threads that one model run may use.'),
    workers: z
      .int()
      .min(1)
      .max(64)
      .default(1)
      .describe('Processes that run models, each with all of them: so many runs go on at once.'),
    memoryMb: z
      .int()
      .min(256)
      .max(1_048_576)
      .default(2_048)
      .describe('Mebibytes that one such process may take; at more it is ended, and started again.'),
    runTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('Milliseconds that one run may compute; at more its process is ended, and started again.'),
    deadlineMs: z
      .int()
      .min(10)
      .max(600_000)
      .default(5_000)
      .describe('Milliseconds in which a run must be answered, waiting included. A caller may ask for less.'),
    server: z
      .strictObject({
        url: httpUrl
          .optional()
          .meta({ examples: ['https://inference.internal'] })
          .describe('Address of the server: what stands above `v2/`. No server when absent.'),
        tokenFile: z
          .string()
          .min(1)
          .optional()
          .meta({ examples: ['keys/inference-token'] })
          .describe('File that holds a bearer token for it, readable by the node alone.'),
        timeoutMs: z
          .int()
          .min(100)
          .max(600_000)
          .default(5_000)
          .describe('Milliseconds in which it must answer.'),
        lanes: z.int().min(1).max(256).default(4).describe('Runs that it is asked for at once.'),
        models: z
          .record(
            z.string(),
            z.strictObject({
              name: z.string().min(1).max(255).describe('What the server calls it.'),
              version: z
                .string()
                .min(1)
                .max(64)
                .optional()
                .describe('Without one the server may change it under a running node.'),
            }),
          )
          .default({})
          .meta({ examples: [{ volatility: { name: 'volatility', version: '1' } }] })
          .describe(
            'The models that it runs, by the id in the manifest. It must have the very file that the manifest names.',
          ),
      })
      .prefault({})
      .describe(
        'An inference server that speaks the KServe v2 protocol, such as Triton. What it does not answer, `providers` run here.',
      ),
    batch: z
      .strictObject({
        maxRows: z
          .int()
          .min(1)
          .max(65_536)
          .default(1_024)
          .describe('Most rows that are put together of several runs; 1 puts none together.'),
        maxDelayMs: z
          .int()
          .min(0)
          .max(1_000)
          .default(0)
          .describe(
            'Milliseconds that a run waits for others while there is nothing else to do. Some help a GPU.',
          ),
      })
      .prefault({})
      .describe(
        'Runs of one model that wait at the same time become one. Duties always run alone: this is for plugins that ask for others.',
      ),
    cacheMb: z
      .int()
      .min(0)
      .max(65_536)
      .default(16)
      .describe('Mebibytes of answers that are kept, for the same model and input; 0 keeps none.'),
    selfTestMinutes: z
      .int()
      .min(1)
      .max(10_080)
      .default(60)
      .describe('How often each model is held against its own tests again. One that fails them is not run.'),
    candidates: candidatesSchema,
  })
  .prefault({})
  .describe('Running AI models.')
