/** The registry: a strategy for every kind. */
import type { Kind } from '../kinds.ts';
import type { Strategy } from './strategy.ts';

const passThrough: Strategy = {
  setDefaults: () => undefined,
  prepareForCreate: () => undefined,
  prepareForUpdate: () => undefined,
  validateCreate: () => [],
  validateUpdate: () => [],
  warnings: () => [],
};

export const strategyFor = (_kind: Kind): Strategy => passThrough;
