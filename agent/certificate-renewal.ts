/**
 * Replaces the node's certificate before its end, through the session that it opened with the old one. What is connected
 * stays so; the next connection shows the new one.
 */
import { type Clock, timestamp } from '../proto/process/clock.ts';
import type { Log } from '../proto/process/log.ts';
import { createSigningRequest, renewalTimes } from '../proto/process/tls.ts';
import { type Identity, isValid, nodeSubject, storeCertificate } from './identity.ts';
import { renewalCheckMsMax, renewalRetryMsMax, renewalRetryMsMin } from './limits.ts';

export interface CertificateRenewalOptions {
  readonly identity: Identity;
  readonly nodeName: string;
  /** Where the identity's files are. */
  readonly dir: string;
  /** Sends the request to a controller; without a session it does nothing. The answer comes to `take`. */
  readonly ask: (csrPem: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class CertificateRenewal {
  readonly #options: CertificateRenewalOptions;
  #identity: Identity;

  constructor(options: CertificateRenewalOptions) {
    this.#options = options;
    this.#identity = options.identity;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Renews whenever it is time, until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      // Asked of the wall clock now and then: a machine that slept has lost time that no timer counted.
      await clock.sleep(await this.#askWhenDue().catch((error: unknown) => {
        log.warn('the certificate cannot be renewed', { error });
        return renewalRetryMsMax;
      }), signal).catch(() => undefined);
    }
  }

  /** Resolves to how long to wait before the next look. */
  async #askWhenDue(): Promise<number> {
    const { nodeName, clock, ask } = this.#options;
    const { dueMs, endMs } = renewalTimes(this.#identity.certPem);
    const nowMs = clock.nowMs();
    if (nowMs < dueMs) return Math.min(dueMs - nowMs, renewalCheckMsMax);
    ask((await createSigningRequest(nodeSubject(nodeName), this.#identity.keyPem)).csrPem);
    return Math.min(Math.max((endMs - nowMs) / 10, renewalRetryMsMin), renewalRetryMsMax);
  }

  /** What the controller answered. One that cannot be kept is not taken: it is asked for again. */
  async take(certificatePem: string): Promise<void> {
    const { nodeName, dir, clock, log } = this.#options;
    const renewed = { ...this.#identity, certPem: certificatePem };
    if (!isValid(renewed, nodeName, clock.nowMs())) {
      log.warn('the controller sent a certificate that does not fit this node');
      return;
    }
    try {
      await storeCertificate(dir, certificatePem);
    } catch (error) {
      log.warn('the renewed certificate cannot be stored', { error });
      return;
    }
    this.#identity = renewed;
    log.info('certificate renewed', { until: timestamp(renewalTimes(certificatePem).endMs) });
  }
}
