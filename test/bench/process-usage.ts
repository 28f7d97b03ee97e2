/** What a process takes, as the kernel counts it. */
import { readFileSync } from 'node:fs';

export const rssMb = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

const times = (pid: number): readonly number[] => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, 15).map(Number);

/** User and system time in clock ticks of 10 ms. */
export const cpuTicks = (pid: number): number => times(pid).slice(0, 2).reduce((sum, ticks) => sum + ticks, 0);

/** Also those of its children that have ended. */
export const cpuTicksOfAll = (pid: number): number => times(pid).reduce((sum, ticks) => sum + ticks, 0);
