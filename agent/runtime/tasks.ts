/** A thin typed client of containerd's tasks and containers, for commands in containers; as cri.ts is one of CRI. */
import { type Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import type protobuf from 'protobufjs';
import { criLimits } from '../limits.ts';
import { CriError, fromMessage, loadProto, openChannel } from './cri.ts';

export interface ProcessName {
  readonly container_id: string;
  readonly exec_id: string;
}

export interface ExecProcess extends ProcessName {
  /** Paths of named pipes; empty where there is none. */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
  readonly spec: { readonly type_url: string; readonly value: Buffer };
}

type Nothing = Record<string, never>;

interface Calls {
  Exec: [ExecProcess, Nothing];
  Start: [ProcessName, { readonly pid: number }];
  Wait: [ProcessName, { readonly exit_status: number }];
  Kill: [ProcessName & { readonly signal: number }, Nothing];
  DeleteProcess: [ProcessName, Nothing];
  CloseIO: [ProcessName & { readonly stdin: boolean }, Nothing];
  ResizePty: [ProcessName & { readonly width: number; readonly height: number }, Nothing];
  Get: [{ readonly id: string }, { readonly container: { readonly spec: { readonly value: Buffer } } | null }];
}

const services = { Tasks: 'containerd.services.tasks.v1.Tasks', Containers: 'containerd.services.containers.v1.Containers' } as const;

export class Tasks {
  readonly #client: Client;
  readonly #root: protobuf.Root;
  readonly #nowMs: () => number;
  readonly #metadata = new Metadata();

  constructor(socket: string, nowMs: () => number) {
    this.#client = openChannel(socket);
    this.#root = loadProto('containerd-tasks.proto');
    this.#nowMs = nowMs;
    this.#metadata.set('containerd-namespace', 'k8s.io');
  }

  /** Wait lasts as long as the process. Rejects with CriError. */
  call<M extends keyof Calls>(method: M, request: Calls[M][0]): Promise<Calls[M][1]> {
    const service = method === 'Get' ? 'Containers' : 'Tasks';
    const { resolvedRequestType: up, resolvedResponseType: down } = this.#root.lookupService(`containerd.services.${service}`).methods[method] ?? {};
    if (!up || !down) throw new Error(`no method ${method}`);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/${services[service]}/${method}`,
        (message: object) => Buffer.from(up.encode(up.fromObject(message)).finish()),
        (bytes: Buffer) => down.toObject(down.decode(bytes), fromMessage),
        request,
        this.#metadata,
        method === 'Wait' ? {} : { deadline: this.#nowMs() + criLimits.callTimeoutMs },
        (error: ServiceError | null, value?: object) => {
          if (error) reject(new CriError(method, error.code, error.details));
          else resolve(value as Calls[M][1]);
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
