/** A node: containerd and the agent, with what they start from. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renewalTimes } from '../../proto/process/tls.ts';
import { writeWhole } from '../keyed-files.ts';
import { cniConfigDir, containerdSocket, containerdToml } from '../local/containerd.ts';
import type { Layout } from './layout.ts';
import { writeNew, writeSettingsFile } from './settings-file.ts';
import { type UnitName, writeUnits } from './units.ts';

export interface AgentSettings {
  readonly name: string;
  readonly address: string;
  /** `https://HOST:PORT` of the APIs of those servers that are known; the node learns of the others from them. */
  readonly servers: readonly string[];
  readonly nodesPort: number;
  /** Where the node has yet to join. */
  readonly token?: string;
  readonly pauseImage: string;
}

/** There once the node has joined. */
export const nodeCertificate = ({ agentData }: Layout): string => join(agentData, 'identity', 'node.crt');

/** Whether the node has a certificate that still holds; who was off for longer than that has to join again. */
export const hasJoined = (layout: Layout, nowMs: number): boolean => {
  try {
    return nowMs < renewalTimes(readFileSync(nodeCertificate(layout), 'utf8')).endMs;
  } catch {
    return false;
  }
};

const units: readonly UnitName[] = ['berth-containerd', 'berth-agent'];

/** Writes all that a node needs; settings that are there already stay. Returns its units, in the order of their start. */
export const installAgent = (layout: Layout, settings: AgentSettings): readonly UnitName[] => {
  const { containerdData, containerdState, agentData, registries, tokenFile } = layout;
  for (const dir of [containerdData, containerdState, agentData, registries, cniConfigDir(containerdData)]) mkdirSync(dir, { recursive: true, mode: 0o711 });
  writeNew(layout.config('containerd.toml'), containerdToml({
    rootDir: containerdData, stateDir: containerdState, registriesDir: registries, pauseImage: settings.pauseImage, cniPluginsDir: '/usr/lib/cni',
  }));
  writeSettingsFile(layout.config('agent.yaml'), '"agent/main.ts --help" explains each key.', {
    nodeName: settings.name,
    nodeAddress: settings.address,
    dataDir: agentData,
    controllers: settings.servers.map((url) => `${new URL(url).hostname}:${settings.nodesPort}`),
    join: { url: settings.servers, tokenFile },
    containerd: { socket: containerdSocket(containerdState), cniConfigDir: cniConfigDir(containerdData) },
    cgroupParent: layout.cgroupParent,
  });
  if (settings.token !== undefined) writeWhole(tokenFile, `${settings.token}\n`);
  writeUnits(layout, units);
  return units;
};
