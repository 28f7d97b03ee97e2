/** A client of `endpoints`: for each line `ADDRESS PORT` of its input, tries until something answers there, and prints when that was, in milliseconds since the epoch. */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** Three of these run; more often, they would be what is measured. */
const pauseMs = 10;
const connectMs = 500;

const answers = (address: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: connectMs });
    const end = (isConnected: boolean): void => {
      socket.destroy();
      resolve(isConnected);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });

for await (const line of createInterface({ input: process.stdin })) {
  const [address = '', port = ''] = line.split(' ');
  while (!(await answers(address, Number(port)))) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  process.stdout.write(`${Date.now()}\n`);
}
