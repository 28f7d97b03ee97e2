/** berth token: what lets machines join a cluster, for a while. */
import type { Argv } from 'yargs';
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import { secretKind } from '../../proto/kinds.ts';
import { timestamp } from '../../proto/process/clock.ts';
import { hasExpired, type JoinToken, joinTokenNamespace, joinTokenOf, joinTokenSecretName, type JoinUsage, joinUsages, parseJoinToken } from '../../proto/resources/join-token.ts';
import type { Secret } from '../../proto/resources/kubernetes.ts';
import { type ContextArguments, contextOf } from '../context.ts';
import { ageText, parseDurationMs } from '../duration.ts';
import { Refused, UsageError } from '../errors.ts';
import { contextFlags } from '../flags.ts';
import { createToken } from '../join-token.ts';
import type { Program } from '../program.ts';
import { TableWriter } from '../table.ts';

export const command = 'token <action> [ids..]';

const actions = ['create', 'list', 'delete'] as const;

export interface TokenArguments extends ContextArguments {
  readonly action: (typeof actions)[number];
  readonly ids?: readonly string[];
  readonly ttl: string;
  readonly usage: readonly JoinUsage[];
  readonly description: string;
  readonly expired: boolean;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('action', { type: 'string', choices: actions, describe: 'What to do' })
    .positional('ids', { type: 'string', array: true, describe: 'delete: which tokens, by the first six characters or whole' })
    .option('ttl', { type: 'string', requiresArg: true, default: '24h', describe: 'create: how long it holds; 0 is until it is deleted' })
    .option('usage', { type: 'string', array: true, choices: joinUsages, default: ['agent'], describe: 'create: who may join with it; may be repeated' })
    .option('description', { type: 'string', requiresArg: true, default: '', describe: 'create: what it is for' })
    .option('expired', { type: 'boolean', default: false, describe: 'delete: all that have expired' })
    .example('berth token create', 'For agents, a day long; printed once and never again')
    .example('berth token create --usage server --ttl 1h', 'For another server, which gets the cluster’s keys')
    .example('berth token list', 'Which there are, without their secrets')
    .example('berth token delete abc123', 'Revoke one');

const tokensOf = async (client: Client): Promise<readonly JoinToken[]> => {
  const { items } = await client.list<Secret>(secretKind, { namespace: joinTokenNamespace });
  return items.map(joinTokenOf).filter((token) => token !== undefined).toSorted((a, b) => (a.expiresMs ?? Infinity) - (b.expiresMs ?? Infinity) || (a.id < b.id ? -1 : 1));
};

const create = async (client: Client, { ttl, usage, description }: TokenArguments, program: Program): Promise<void> => {
  const ttlMs = parseDurationMs(ttl, '--ttl');
  // From the server itself, whose certificate the context has just vouched for.
  const { caPem } = await client.json<{ caPem: string }>('GET', '/berth/v1/authority');
  const expiresMs = ttlMs === 0 ? undefined : program.clock.nowMs() + ttlMs;
  program.stdout.write(`${await createToken(client, caPem, { usages: [...new Set(usage)], expiresMs, description })}\n`);
};

const expiryText = (token: JoinToken, nowMs: number): readonly string[] =>
  token.expiresMs === undefined ? ['<never>', '<never>'] : [hasExpired(token, nowMs) ? '<expired>' : ageText(token.expiresMs - nowMs), timestamp(token.expiresMs)];

const list = async (client: Client, _args: TokenArguments, { stdout, clock }: Program): Promise<void> => {
  const rows = (await tokensOf(client)).map((token) => [token.id, ...expiryText(token, clock.nowMs()), token.usages.join(',') || '<none>', token.description || '<none>']);
  stdout.write(new TableWriter().format([['ID', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION'], ...rows]));
};

const revoke = async (client: Client, { ids = [], expired }: TokenArguments, { stdout, clock }: Program): Promise<void> => {
  if (ids.length === 0 && !expired) throw new UsageError('say which tokens to delete, by the IDs that "berth token list" shows, or --expired for all that have');
  const named = ids.map((text) => parseJoinToken(text)?.id ?? text);
  const old = expired ? (await tokensOf(client)).filter((token) => hasExpired(token, clock.nowMs())).map(({ id }) => id) : [];
  for (const id of new Set([...named, ...old])) {
    await client.delete(secretKind, joinTokenNamespace, joinTokenSecretName(id)).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) throw new Refused(`there is no token "${id}"; "berth token list" shows which there are`);
      throw error;
    });
    stdout.write(`token ${id} deleted\n`);
  }
};

const runs: Readonly<Record<TokenArguments['action'], (client: Client, args: TokenArguments, program: Program) => Promise<void>>> = { create, list, delete: revoke };

export const run = async (args: TokenArguments, program: Program): Promise<void> => {
  const { client } = contextOf(args, program);
  try {
    await runs[args.action](client, args, program);
  } finally {
    client.close();
  }
};
