/** berth apply: makes the cluster's objects as manifests say, as `kubectl apply` does, and waits for what comes of it. */
import type { Argv } from 'yargs';
import { ApiError, isApiError } from '../../proto/errors.ts';
import { deploymentKind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { threeWayStrategicPatch } from '../../proto/resources/patch-three-way.ts';
import { loadSchema, type Schema } from '../../proto/schema/schema.ts';
import { type Context, type ContextArguments, contextOf } from '../context.ts';
import { parseDurationMs } from '../duration.ts';
import { Told } from '../errors.ts';
import { contextFlags, manifestFlags, outputFlag, waitFlags } from '../flags.ts';
import { lastAppliedOf, withLastApplied } from '../last-applied.ts';
import { type Manifest, type ManifestArguments, ManifestError, readManifests, refusal } from '../manifests.ts';
import { formatObjects, type OutputForm, parseOutput } from '../output.ts';
import type { Program } from '../program.ts';
import { showRollout } from '../rollout-progress.ts';
import { displayName } from '../selection.ts';

export const command = 'apply';

export interface ApplyArguments extends ContextArguments, ManifestArguments {
  readonly dryRun?: string;
  readonly output?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
}

export const builder = (yargs: Argv): Argv =>
  outputFlag(waitFlags(manifestFlags(contextFlags(yargs))))
    .option('dry-run', { type: 'string', choices: ['none', 'client', 'server', ''], describe: 'Only tell what would happen; "server" (also when nothing is said) has the server check it' })
    .example('berth apply -f deploy/examples/hello.yaml', 'What one file says')
    .example('berth apply -f manifests/ -R', 'All files of a folder and those below it')
    .example('generate | berth apply -f -', 'What another program prints');

interface Applying {
  readonly context: Context;
  readonly schema: Schema;
  readonly program: Program;
  readonly dryRun: 'none' | 'client' | 'server';
}

type Outcome = 'created' | 'configured' | 'unchanged';

/** Conflicts come from others who write at the same time; the patch is then made anew. */
const attemptsMax = 5;
const fieldManager = 'kubectl-client-side-apply';

/** One object, as kubectl does it: created with the annotation, or patched by what differs. */
const applyOne = async ({ context, schema, program, dryRun }: Applying, { kind, name, object }: Manifest): Promise<{ outcome: Outcome; result: KubeObject }> => {
  const { client } = context;
  const { namespace } = object.metadata;
  const options = {
    query: { fieldManager, fieldValidation: 'Strict', ...(dryRun === 'server' ? { dryRun: 'All' } : {}) },
    signal: program.signal,
  };
  const modified = withLastApplied(object);
  for (let attempt = 1; ; attempt += 1) {
    let current: KubeObject;
    try {
      current = await client.get(kind, namespace, name, { signal: program.signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      return { outcome: 'created', result: dryRun === 'client' ? modified : await client.create(kind, namespace, modified, options) };
    }
    const patch = threeWayStrategicPatch(schema, kind, { original: lastAppliedOf(current), modified, current });
    if (Object.keys(patch).length === 0) return { outcome: 'unchanged', result: current };
    if (dryRun === 'client') return { outcome: 'configured', result: current };
    try {
      const result = await client.patch(kind, namespace, name, 'strategic', patch, options);
      return { outcome: 'configured', result };
    } catch (error) {
      if (!isApiError(error, 'Conflict') || attempt >= attemptsMax) throw error;
    }
  }
};

/** With the namespace it goes to; a manifest that names another than `-n` does is refused before anything is sent. */
const placed = (manifest: Manifest, args: ApplyArguments, context: Context): Manifest => {
  if (!manifest.kind.namespaced) return manifest;
  const own = manifest.object.metadata.namespace;
  if (own && args.namespace !== undefined && own !== args.namespace) {
    throw new ManifestError([`${manifest.at('metadata.namespace', true)}: metadata.namespace: it says "${own}", and -n says "${args.namespace}"`]);
  }
  return { ...manifest, object: { ...manifest.object, metadata: { ...manifest.object.metadata, namespace: own || context.namespace } } };
};

interface Applied {
  readonly results: readonly KubeObject[];
  readonly done: readonly Manifest[];
  readonly failures: readonly ManifestError[];
}

/** All of them; what the server refuses does not keep the others from being applied. */
const applyAll = async (applying: Applying, manifests: readonly Manifest[], form: OutputForm): Promise<Applied> => {
  const results: KubeObject[] = [];
  const done: Manifest[] = [];
  const failures: ManifestError[] = [];
  const suffix = applying.dryRun === 'none' ? '' : ` (${applying.dryRun === 'client' ? 'dry run' : 'server dry run'})`;
  for (const manifest of manifests) {
    try {
      const { outcome, result } = await applyOne(applying, manifest);
      if (form.type === 'table') applying.program.stdout.write(`${displayName(manifest.kind, manifest.name)} ${outcome}${suffix}\n`);
      results.push(result);
      done.push(manifest);
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason === 'Unauthorized') throw error;
      failures.push(refusal(manifest, error));
    }
  }
  return { results, done, failures };
};

export const run = async (args: ApplyArguments, program: Program): Promise<void> => {
  const form = parseOutput(args.output);
  const timeoutMs = args.timeout === undefined ? undefined : parseDurationMs(args.timeout, '--timeout');
  const read = readManifests(args);
  const context = contextOf(args, program);
  try {
    const manifests = read.map((manifest) => placed(manifest, args, context));
    const dryRun = args.dryRun === '' ? 'server' : ((args.dryRun ?? 'none') as Applying['dryRun']);
    const { results, done, failures } = await applyAll({ context, schema: loadSchema(), program, dryRun }, manifests, form);
    if (form.type !== 'table' && results.length > 0) program.stdout.write(await formatObjects(results, form, manifests.length > 1));
    const lines = failures.flatMap((failure) => failure.lines);
    if (dryRun === 'none' && (args.wait ?? program.stderr.isTerminal)) {
      for (const { kind, name, object } of done.filter((manifest) => manifest.kind === deploymentKind)) {
        // A paused rollout waits for a person, who has not come yet.
        if ((object['spec'] as { paused?: boolean } | undefined)?.paused) continue;
        await showRollout({ client: context.client, program, kind, namespace: object.metadata.namespace, name, timeoutMs }).catch((error: unknown) => {
          if (program.signal.aborted || error instanceof Told) throw error;
          lines.push((error as Error).message);
        });
      }
    }
    if (lines.length > 0) throw new ManifestError(lines);
  } finally {
    context.client.close();
  }
};
