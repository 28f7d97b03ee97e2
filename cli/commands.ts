/**
 * The table of commands. Each is loaded only when it is the one that is run: start-up time is most of what a short
 * command costs. To add a command, add its file in commands/ and a row here.
 */
import type { Argv } from 'yargs';
import type { Program } from './program.ts';

/** What a file in commands/ exports. */
export interface CommandModule {
  /** yargs' form of the name and the positional arguments. */
  readonly command: string;
  readonly builder: (yargs: Argv) => Argv;
  readonly run: (args: never, program: Program) => Promise<void>;
}

export interface CommandRow {
  readonly group: 'cluster' | 'objects' | 'workloads' | 'insight' | 'program';
  readonly describe: string;
  /** What follows `--` is not this program's: `run` gets it as `rest`. */
  readonly takesRest?: boolean;
  readonly load: () => Promise<CommandModule>;
}

export const commands: Readonly<Record<string, CommandRow>> = {
  up: { group: 'cluster', describe: 'Start a local cluster, or find it in place', load: () => import('./commands/up.ts') },
  down: { group: 'cluster', describe: 'Stop the local cluster and remove all of it', load: () => import('./commands/down.ts') },
  node: { group: 'cluster', describe: 'Add, remove, kill and start nodes of the local cluster', load: () => import('./commands/node.ts') },
  install: { group: 'cluster', describe: 'Make this machine a server or a node of a cluster of several', load: () => import('./commands/install.ts') },
  token: { group: 'cluster', describe: 'Let machines join, for a while: create, list and delete tokens', load: () => import('./commands/token.ts') },
  backup: { group: 'cluster', describe: 'Save the whole state of a cluster in a file', load: () => import('./commands/backup.ts') },
  restore: { group: 'cluster', describe: 'Bring a cluster back as it was saved', load: () => import('./commands/restore.ts') },
  build: { group: 'cluster', describe: 'Build a Dockerfile and push the image to its registry', load: () => import('./commands/build.ts') },
  get: { group: 'objects', describe: 'List objects, or show some', load: () => import('./commands/get.ts') },
  apply: { group: 'objects', describe: 'Make objects as files say', load: () => import('./commands/apply.ts') },
  delete: { group: 'objects', describe: 'Delete objects and wait until they are gone', load: () => import('./commands/delete.ts') },
  scale: { group: 'workloads', describe: 'Set how many replicas run', load: () => import('./commands/scale.ts') },
  rollout: { group: 'workloads', describe: 'See, undo, restart, pause and resume rollouts', load: () => import('./commands/rollout.ts') },
  cordon: { group: 'workloads', describe: 'Let no more pods come to a node', load: () => import('./commands/cordon.ts') },
  drain: { group: 'workloads', describe: 'Move the work off a node', load: () => import('./commands/drain.ts') },
  uncordon: { group: 'workloads', describe: 'Let pods come to a node again', load: () => import('./commands/uncordon.ts') },
  logs: { group: 'insight', describe: 'Show what containers print', load: () => import('./commands/logs.ts') },
  attach: { group: 'insight', describe: 'Attach to a container’s own input and outputs', load: () => import('./commands/attach.ts') },
  'port-forward': { group: 'insight', describe: 'Make ports here lead to ports of a pod', load: () => import('./commands/port-forward.ts') },
  exec: { group: 'insight', describe: 'Run a command in a container', takesRest: true, load: () => import('./commands/exec.ts') },
  top: { group: 'insight', describe: 'Show what nodes or pods use', load: () => import('./commands/top.ts') },
  describe: { group: 'insight', describe: 'Show an object with what belongs to it and what happened to it', load: () => import('./commands/describe.ts') },
  events: { group: 'insight', describe: 'Show what happened', load: () => import('./commands/events.ts') },
  wait: { group: 'insight', describe: 'Wait until objects are as they should be', load: () => import('./commands/wait.ts') },
  explain: { group: 'insight', describe: 'Explain the fields of a kind', load: () => import('./commands/explain.ts') },
  version: { group: 'program', describe: 'Print the versions of this program and of the server', load: () => import('./commands/version.ts') },
  completion: { group: 'program', describe: 'Print a script that completes commands, kinds and names', load: () => import('./commands/completion.ts') },
};

/** Titles of the groups, in the order that help shows them. */
export const groupTitles: Readonly<Record<CommandRow['group'], string>> = {
  cluster: 'A local cluster',
  objects: 'Objects',
  workloads: 'Workloads',
  insight: 'What happens',
  program: 'The program',
};
