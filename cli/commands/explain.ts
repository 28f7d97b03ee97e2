/** berth explain: what the fields of a kind mean, in the server's words. */
import type { Argv } from 'yargs';
import { type ContextArguments, contextOf } from '../context.ts';
import { UsageError } from '../errors.ts';
import { explain, type OpenApiSchemas } from '../explanation.ts';
import { contextFlags } from '../flags.ts';
import type { Program } from '../program.ts';
import { parseTargets } from '../selection.ts';

export const command = 'explain <field>';

export interface ExplainArguments extends ContextArguments {
  readonly field: string;
  readonly recursive: boolean;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('field', { type: 'string', demandOption: true, describe: 'A kind, or a field of it: pods.spec.containers' })
    .option('recursive', { type: 'boolean', default: false, describe: 'The names of all fields below, without their words' })
    .example('berth explain deployment', 'A kind')
    .example('berth explain pods.spec.containers.livenessProbe', 'A field and the fields in it')
    .example('berth explain deployment.spec --recursive', 'All fields at a glance');

export const run = async (args: ExplainArguments, program: Program): Promise<void> => {
  const [name = '', ...path] = args.field.split('.').filter((part, index) => index === 0 || part !== '');
  const kind = parseTargets([name])[0]?.kind;
  if (!kind) throw new UsageError('name a kind, such as "pods"');
  const context = contextOf(args, program);
  try {
    const { client } = context;
    const { paths } = await client.json<{ paths: Record<string, { serverRelativeURL: string } | undefined> }>('GET', '/openapi/v3', { signal: program.signal });
    const at = paths[kind.group ? `apis/${kind.apiVersion}` : `api/${kind.version}`]?.serverRelativeURL;
    if (at === undefined) throw new UsageError(`the server does not describe ${kind.apiVersion}`);
    const document = await client.json<{ components: { schemas: OpenApiSchemas } }>('GET', at, { signal: program.signal });
    program.stdout.write(explain(document.components.schemas, kind, path, args.recursive));
  } finally {
    context.client.close();
  }
};
