import type { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { modelAdd } from './verbs/model-add.ts'
import { modelBench } from './verbs/model-bench.ts'
import { modelCalibrate } from './verbs/model-calibrate.ts'
import { modelDecide } from './verbs/model-decide.ts'
import { modelList } from './verbs/model-list.ts'
import { modelPack } from './verbs/model-pack.ts'
import { modelRemove } from './verbs/model-remove.ts'
import { modelShow } from './verbs/model-show.ts'
import { modelVerify } from './verbs/model-verify.ts'
import { wholeNumber } from './whole-number.ts'

const CONFIG = ['-c, --config <path>', 'configuration file', 'iyi.yaml'] as const

const DECISIONS = [
  [
    'promote',
    'let the id mean a version that is tried or was set aside, by its digest or, the candidate, by id',
  ],
  [
    'rollback',
    'set a version aside, by its digest or, the candidate, by id: runs by id go to the one before',
  ],
  ['retry', 'try a candidate once more that was set aside, by its digest or id'],
] as const

/** `iyi model`. */
export function addModelVerbs(program: Command, deps: CliDeps): void {
  const model = program.command('model').description('the models that the node runs (also while it runs)')
  model
    .command('pack <file>')
    .description('write a folder with an ONNX file, goldens of it and its entry; prints the digest')
    .requiredOption('--id <id>', 'its name: lower-case letters, digits and dashes')
    .requiredOption('--model-version <version>', 'its version')
    .option('--out <dir>', 'new folder to write; <id>-<version> when absent')
    .option('--decimals <n>', 'decimals of the integers that nodes agree on', wholeNumber(0, 18), 8)
    .option('--output <name>', 'the output that nodes agree on; needed where it has several')
    .option('--batched', 'rows do not depend on each other: runs may be put together')
    .option('--pre <file>', 'JSON: a list of preprocessing operations')
    .option(
      '--inputs <file>',
      'JSON: a list of inputs for the goldens; random ones, the same each time, when absent',
    )
    .option(
      '--reference <file>',
      'lines of JSON, inputs as --inputs has them: a sample of where the model learned, which a node holds its runs against',
    )
    .option('--goldens <n>', 'how many goldens of random inputs', wholeNumber(1, 1_000), 8)
    .action(
      async (
        file: string,
        options: {
          id: string
          modelVersion: string
          out?: string
          decimals: number
          output?: string
          batched?: true
          pre?: string
          inputs?: string
          goldens: number
          reference?: string
        },
      ) => {
        const {
          id,
          modelVersion: version,
          out = `${id}-${version}`,
          output = null,
          pre = null,
          inputs = null,
          reference = null,
        } = options
        const { batched = false, decimals, goldens } = options
        await modelPack(
          { file, id, version, out, output, pre, inputs, reference, batched, decimals, goldens },
          deps,
        )
      },
    )
  model
    .command('verify <model>')
    .description(
      'test a folder, or a model that the node has, by its id or digest, as a node does before it runs one; prints the digest',
    )
    .option(...CONFIG)
    .action(async (name: string, { config }: { config: string }) =>
      modelVerify({ config, model: name }, deps),
    )
  model
    .command('calibrate <model>')
    .description(
      'measure how far answers drift over providers, graph optimisations, threads, batches and other machines; propose tolerance and scale',
    )
    .option(...CONFIG)
    .option('--inputs <n>', 'random inputs near the goldens, beside them', wholeNumber(0, 1_000), 64)
    .option('--seed <n>', 'of the random inputs', wholeNumber(0, 4_294_967_295), 1)
    .option('--export <file>', 'write the results for other machines')
    .option('--peers <files...>', 'results that other machines wrote, of the same model, inputs and seed')
    .option('--write', 'put tolerance and scale into model.json of the folder, and the table into its card')
    .action(
      async (
        name: string,
        options: {
          config: string
          inputs: number
          seed: number
          export?: string
          peers?: readonly string[]
          write?: true
        },
      ) => {
        const { config, inputs, seed, export: file = null, peers = [], write = false } = options
        await modelCalibrate({ config, model: name, inputs, seed, export: file, peers, write }, deps)
      },
    )
  model
    .command('add <source>')
    .description("verify a folder and make it one of the node's models; a running node takes it up")
    .option(...CONFIG)
    .option('--digest <digest>', 'add nothing but the model of this digest')
    .option('--gateway <url>', 'the IPFS gateway to fetch ipfs://<cid> through')
    .addHelpText(
      'after',
      '\nThe source is a folder, https://... of one, ipfs://<cid>, or peer:<digest> for one that other validators run; http:// from this machine alone.',
    )
    .action(async (source: string, options: { config: string; digest?: string; gateway?: string }) => {
      const { config, digest = null, gateway = null } = options
      await modelAdd({ config, source, digest, gateway }, deps)
    })
  model
    .command('remove <model>')
    .description(
      'take away a model that was added, by its digest or, the newest, by its id; or end a transfer, by its digest',
    )
    .option(...CONFIG)
    .action(async (name: string, { config }: { config: string }) =>
      modelRemove({ config, model: name }, deps),
    )
  model
    .command('list')
    .description('print id, version, digest and source of each model, and how far those are that are fetched')
    .option(...CONFIG)
    .action(async (options: { config: string }) => modelList(options, deps))
  model
    .command('show <model>')
    .description('print what the entry and the file of a model say, by its id or digest')
    .option(...CONFIG)
    .action(async (name: string, { config }: { config: string }) => modelShow({ config, model: name }, deps))
  model
    .command('bench <model>')
    .description(
      'print how fast a model answers on this machine, as configured: rows/s, median and 99th percentile',
    )
    .option(...CONFIG)
    .option('--seconds <n>', 'for each size of a run', wholeNumber(1, 600), 3)
    .action(async (name: string, { config, seconds }: { config: string; seconds: number }) =>
      modelBench({ config, model: name, seconds }, deps),
    )
  for (const [decision, description] of DECISIONS)
    model
      .command(`${decision} <model>`)
      .description(description)
      .option(...CONFIG)
      .action(async (name: string, { config }: { config: string }) =>
        modelDecide({ config, model: name, decision }, deps),
      )
}
