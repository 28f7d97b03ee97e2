/** The seam to randomness: handed in, so that a simulation can run from one seed. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A version 4 UUID. */
  uuid(): string;
  /** `length` characters safe in names: Kubernetes' alphabet, without vowels and look-alikes. */
  suffix(length: number): string;
}

/** 27 characters, so that no word is formed by chance (as apimachinery's rand.String). */
export const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => randomUUID(),
  suffix(length) {
    let text = '';
    for (const byte of randomBytes(length)) text += suffixAlphabet[byte % suffixAlphabet.length];
    return text;
  },
};

/** A reproducible source (mulberry32) for tests and simulations. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const digits = (count: number): string =>
    Array.from({ length: count }, () => Math.floor(next() * 16).toString(16)).join('');
  return {
    next,
    uuid: () => `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`,
    suffix: (length) =>
      Array.from({ length }, () => suffixAlphabet[Math.floor(next() * suffixAlphabet.length)]).join(''),
  };
};
