import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { flagsOf } from '../../../cli/command-flags.ts';
import { builder as attachBuilder } from '../../../cli/commands/attach.ts';
import { builder as execBuilder } from '../../../cli/commands/exec.ts';
import { converse } from '../../../cli/exec-stream.ts';
import type { Program } from '../../../cli/program.ts';
import type { Client } from '../../../proto/client.ts';
import { channels, encodeData } from '../../../proto/exec-channels.ts';

test('attach and exec take the same flags', (t) => {
  t.deepEqual(flagsOf(attachBuilder), flagsOf(execBuilder));
  t.true(flagsOf(execBuilder).some(({ names }) => names.includes('-c')));
});

/** A command that ends at once, and what becomes of the terminal meanwhile. */
const rawModes = async (stdin: boolean, tty: boolean): Promise<readonly boolean[]> => {
  const modes: boolean[] = [];
  const socket = Object.assign(new EventEmitter(), {
    pause: () => undefined,
    send: (_message: Buffer, sent: () => void) => sent(),
    resume: () => setImmediate(() => {
      socket.emit('message', encodeData(channels.error, Buffer.from('{"status":"Success"}')));
      socket.emit('close');
    }),
  });
  const terminal = Object.assign(new PassThrough(), { isTTY: true as const, setRawMode: (isRaw: boolean) => void modes.push(isRaw) });
  const program = { streams: { stdin: terminal, stdout: new PassThrough(), stderr: new PassThrough() }, signal: new AbortController().signal } as unknown as Program;
  await converse({ client: { openWebSocket: async () => socket } as unknown as Client, path: '/', stdin, tty }, program);
  return modes;
};

test('the keys of the terminal are lent to a command that reads them, and to no other', async (t) => {
  t.deepEqual(await rawModes(true, true), [true, false]);
  t.deepEqual(await rawModes(false, true), [], 'Ctrl-C ends it');
  t.deepEqual(await rawModes(true, false), []);
});
